import io
import pickle
import tracemalloc
import zipfile

import ase
import numpy as np
import pytest
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator

from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures


def random_structures(n: int, seed: int = 0, full: bool = True) -> Structures:
    """n structures of 0 to 6 atoms, with every field and every type of column."""
    rng = numpy_generator(seed, "test structures")
    n_atoms = rng.integers(0, 7, n)
    total = int(n_atoms.sum())
    bonds = [np.argwhere(np.triu(rng.random((k, k)) < 0.5, 1)) for k in n_atoms]
    n_bonds = np.array([len(each) for each in bonds], dtype=np.int64)
    optional = {
        "energy": rng.normal(size=n),
        "forces": rng.normal(size=(total, 3)),
        "cell": rng.normal(size=(n, 3, 3)),
        "pbc": rng.random((n, 3)) < 0.5,
        "formal_charges": rng.integers(-2, 3, total).astype(np.int8),
        "n_bonds": n_bonds,
        "bond_atoms": np.concatenate([np.empty((0, 2), np.int64), *bonds]),
        "bond_orders": rng.choice([1, 1.5, 2, 3], n_bonds.sum()),
        "columns": {
            "name": np.array([f"m{i}" for i in range(n)]),
            "homo": rng.normal(size=n),
            "charge": rng.integers(-2, 3, n),
            "finished": rng.random(n) < 0.5,
            "moment": rng.normal(size=(n, 3)),
        },
        "units": {"homo": "eV"},
    }
    return Structures(
        n_atoms=n_atoms,
        numbers=rng.integers(1, 119, total).astype(np.uint8),
        positions=rng.normal(size=(total, 3)),
        source="random",
        **(optional if full else {}),
    )


def assert_same(a: Structures, b: Structures) -> None:
    assert a._arrays().keys() == b._arrays().keys()
    for name, array in a._arrays().items():
        assert array.dtype == b._arrays()[name].dtype, name
        np.testing.assert_array_equal(array, b._arrays()[name], err_msg=name)
    assert dict(a.units) == dict(b.units) and a.digest == b.digest


def test_a_slice_copies_nothing():
    structures = random_structures(20)
    part = structures[5:12]
    assert len(part) == 7
    for name, array in part._arrays().items():
        assert np.shares_memory(array, structures._arrays()[name]), name
    for i in range(7):
        for ours, whole in zip(part.frame(i), structures.frame(5 + i), strict=True):
            np.testing.assert_array_equal(ours, whole)


@pytest.mark.parametrize(
    "index",
    [
        slice(None),
        slice(3, 3),
        slice(8, 2),
        slice(-4, None),
        slice(None, None, 3),
        slice(None, None, -1),
        [4, 4, 0, -1],
        [],
        np.array([], dtype=int),
        np.arange(20) % 3 == 0,
        np.zeros(20, bool),
        np.array([19]),
    ],
)
def test_indexing_equals_choosing_frame_by_frame(index):
    structures = random_structures(20)
    chosen = structures[index]
    rows = np.arange(20)[
        index if isinstance(index, slice) else np.asarray(index, dtype=getattr(index, "dtype", int))
    ]
    assert len(chosen) == len(rows)
    for i, row in enumerate(rows):
        atoms = slice(chosen.offsets[i], chosen.offsets[i + 1])
        whole = slice(structures.offsets[row], structures.offsets[row + 1])
        for name in ("numbers", "positions", "forces"):
            np.testing.assert_array_equal(getattr(chosen, name)[atoms], getattr(structures, name)[whole])
        for name in ("energy", "cell", "pbc"):
            np.testing.assert_array_equal(getattr(chosen, name)[i], getattr(structures, name)[row])
        bonds = slice(chosen.n_bonds[:i].sum(), chosen.n_bonds[: i + 1].sum())
        whole = slice(
            structures.n_bonds[:row].sum(), structures.n_bonds[:row].sum() + structures.n_bonds[row]
        )
        for name in ("bond_atoms", "bond_orders"):
            np.testing.assert_array_equal(getattr(chosen, name)[bonds], getattr(structures, name)[whole])
        for name, column in structures.columns.items():
            np.testing.assert_array_equal(chosen.columns[name][i], column[row])


def test_bonds_of_a_structure():
    structures = random_structures(20)
    atoms, bonds, bonded = 0, 0, 0
    for i, (n_atoms, n_bonds) in enumerate(zip(structures.n_atoms, structures.n_bonds, strict=True)):
        found = structures.bonds(i)
        assert (found is None) == (n_bonds == 0)
        if found is not None:
            expected = (
                structures.bond_atoms[bonds : bonds + n_bonds],
                structures.bond_orders[bonds : bonds + n_bonds],
                structures.formal_charges[atoms : atoms + n_atoms],
            )
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)
                assert np.shares_memory(ours, theirs)
            bonded += 1
        atoms, bonds = atoms + n_atoms, bonds + n_bonds
    assert 5 < bonded < 20
    assert random_structures(20, full=False).bonds(3) is None


def test_structures_without_bonds_keep_their_bytes(tmp_path):
    """The digest names datasets, splits and finished parts, also of earlier versions."""
    three = Structures(np.array([1, 2]), np.array([6, 1, 1], np.uint8), np.arange(9.0).reshape(3, 3))
    three = three.with_columns(units={"gap": "eV"}, gap=np.array([0.5, 1.5]))
    assert three.digest == "26b43841b3f85bba73118d9395466bb301658c18838e4f4c8485e3fa739b6121"
    three.save(tmp_path / "three.npz")
    with zipfile.ZipFile(tmp_path / "three.npz") as archive:
        names = ["metadata", "n_atoms", "numbers", "positions", "column:gap"]
        assert archive.namelist() == [f"{name}.npy" for name in names]


def test_structures_with_a_number_that_is_none_are_not_finite():
    one, nan = np.zeros((1, 3)), np.array([[0.0, np.nan, 0.0]])
    frames = [([6], one), ([6, 1], np.vstack([one, nan])), ([], []), ([6, 1], np.vstack([np.inf + one, one]))]
    structures = Structures.from_frames(frames)
    assert structures.finite.tolist() == [True, False, True, False]
    assert structures[2:3].finite.tolist() == [True] and structures[:0].finite.tolist() == []


def test_bad_indices():
    structures = random_structures(5)
    with pytest.raises(TypeError, match=r"use frame\(2\)"):
        structures[2]
    for index in ([5], [-6], np.ones(4, bool)):
        with pytest.raises(IndexError):
            structures[index]


def test_concatenate_undoes_slicing():
    structures = random_structures(20)
    assert_same(Structures.concatenate([structures[:7], structures[7:7], structures[7:]]), structures)


def test_concatenate_refuses_what_does_not_fit():
    structures = random_structures(4)
    text = structures.with_columns(charge=np.array(list("abcd")))
    for other in (
        random_structures(4, full=False),
        structures.with_columns(more=np.zeros(4)),
        structures.with_columns(units={"homo": "meV"}),
    ):
        with pytest.raises(ValueError, match="differ in their fields, columns or units"):
            Structures.concatenate([structures, other])
    with pytest.raises(ValueError, match="'column:charge' is text in some"):
        Structures.concatenate([structures, text])
    with pytest.raises(ValueError, match="nothing to concatenate"):
        Structures.concatenate([])


def test_concatenate_names_all_sources():
    a, b = random_structures(2), random_structures(2)
    object.__setattr__(b, "source", "other")
    assert Structures.concatenate([a, a, b]).source == "random + other"


BONDS = {
    "formal_charges": np.zeros(5, np.int8),
    "n_bonds": np.array([1, 1]),
    "bond_atoms": np.array([[0, 1], [1, 2]]),
    "bond_orders": np.ones(2),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": np.zeros((6, 3))}, r"positions has shape \(6, 3\), expected \(5, 3\)"),
        ({"positions": np.zeros((5, 2))}, r"positions has shape"),
        ({"numbers": np.ones(4, np.uint8)}, r"numbers has shape \(4,\)"),
        ({"energy": np.zeros(3)}, r"energy has shape \(3,\), expected \(2,\)"),
        ({"forces": np.zeros((5, 1))}, r"forces has shape"),
        ({"cell": np.zeros((2, 3)), "pbc": np.zeros((2, 3), bool)}, r"cell has shape"),
        ({"cell": np.zeros((2, 3, 3)), "pbc": np.zeros(2, bool)}, r"pbc has shape"),
        ({"cell": np.zeros((2, 3, 3))}, r"cell and Structures.pbc are given together"),
        ({"formal_charges": np.zeros(5, np.int8)}, r"formal_charges and .*n_bonds.* are given together"),
        ({**BONDS, "bond_orders": np.ones(1)}, r"bond_orders has shape \(1,\), expected \(2,\)"),
        ({**BONDS, "bond_atoms": np.array([[0, 1], [0, 3]])}, r"no two atoms of its structure"),
        ({**BONDS, "bond_atoms": np.array([[0, 2], [0, 1]])}, r"no two atoms of its structure"),
        ({**BONDS, "bond_atoms": np.array([[1, 0], [0, 1]])}, r"no two atoms of its structure"),
        ({**BONDS, "bond_atoms": np.array([[1, 1], [0, 1]])}, r"no two atoms of its structure"),
        ({**BONDS, "bond_atoms": np.array([[-1, 1], [0, 1]])}, r"no two atoms of its structure"),
        ({"columns": {"x": np.zeros(3)}}, r"column 'x' has shape \(3,\), expected \(2, ...\)"),
        ({"columns": {"x": np.array(0.0)}}, r"column 'x' has shape \(\)"),
        ({"columns": {"x": [1, 2]}}, r"column 'x' is no array"),
        ({"columns": {"x": np.array([None, {}])}}, r"column 'x' is no array"),
    ],
)
def test_shapes_that_do_not_fit(change, message):
    fields = {"n_atoms": np.array([2, 3]), "numbers": np.ones(5, np.uint8), "positions": np.zeros((5, 3))}
    Structures(**fields), Structures(**fields, **BONDS)
    with pytest.raises(ValueError, match=message):
        Structures(**{**fields, **change})


def test_from_frames():
    structures = Structures.from_frames([([8, 1, 1], np.eye(3)), ([], []), ([6], [[1, 2, 3]])])
    assert structures.n_atoms.tolist() == [3, 0, 1] and structures.numbers.dtype == np.uint8
    assert structures.frame(2)[1].tolist() == [[1, 2, 3]] and len(structures.frame(1)[0]) == 0
    assert len(Structures.from_frames([])) == 0
    for z in (0, 119, 300, -1):
        with pytest.raises(ValueError, match="atomic numbers go from 1 to 118"):
            Structures.from_frames([([z], [[0, 0, 0]])])


def test_ase_round_trip():
    structures = random_structures(20)
    back = Structures.from_ase(list(structures.to_ase()), source="random")
    kept = {name: array for name, array in structures._arrays().items() if name in back._arrays()}
    assert structures._arrays().keys() - kept == {"formal_charges", "n_bonds", "bond_atoms", "bond_orders"}
    for name, array in kept.items():
        np.testing.assert_array_equal(array, back._arrays()[name], err_msg=name)
    assert back.source == "random"


def test_ase_molecules():
    water, methane = molecule("H2O"), molecule("CH4")
    water.calc = SinglePointCalculator(water, energy=-1.0, forces=np.ones((3, 3)))
    water.info = {"name": "water", "only": 1}
    methane.info = {"name": "methane"}
    partial = Structures.from_ase([water, methane])
    assert partial.energy is None and partial.cell is None
    assert {name: column.tolist() for name, column in partial.columns.items()} == {
        "name": ["water", "methane"]
    }
    full = Structures.from_ase([water])
    assert full.energy.tolist() == [-1.0] and full.forces.shape == (3, 3)
    assert next(iter(full.to_ase())).get_potential_energy() == -1.0
    assert len(Structures.from_ase([])) == 0


def test_ase_keeps_the_cell_without_periodicity():
    atoms = ase.Atoms("H", cell=[5, 6, 7], pbc=False)
    back = next(Structures.from_ase([atoms]).to_ase())
    assert back.cell.lengths().tolist() == [5, 6, 7] and not back.pbc.any()


def test_save_and_load(tmp_path):
    structures = random_structures(30)
    structures.save(tmp_path / "a.npz")
    structures.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = Structures.load(tmp_path / "a.npz")
    assert_same(loaded, structures)
    assert loaded.source == "random"
    loaded.save(tmp_path / "c.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "c.npz").read_bytes()


def test_save_and_load_without_options(tmp_path):
    for n in (0, 4):
        structures = random_structures(n, full=False)
        structures.save(tmp_path / "a.npz")
        assert_same(Structures.load(tmp_path / "a.npz"), structures)


def test_digest_sees_every_field():
    structures = random_structures(6)
    changed = [structures.with_columns(units={"homo": "meV"}), structures[::-1], structures[:5]]
    of_atoms = ("numbers", "positions", "energy", "forces", "cell", "pbc")
    for name in (*of_atoms, "formal_charges", "bond_orders", "homo", "name"):
        twin = random_structures(6)
        array = twin.columns[name] if name in twin.columns else getattr(twin, name)
        array.flat[-1] = (
            array.flat[-2]
            if array.dtype.kind == "U"
            else ~array.flat[-1]
            if name == "pbc"
            else array.flat[-1] + 1
        )
        changed.append(twin)
    digests = {structures.digest, *(s.digest for s in changed)}
    assert len(digests) == len(changed) + 1
    assert random_structures(6).digest == structures.digest


class Bomb:
    """Fails the test when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def pickled_array() -> bytes:
    file = io.BytesIO()
    array = np.empty(2, dtype=object)
    array[:] = [Bomb(), Bomb()]
    np.lib.format.write_array(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize("entry", ["numbers.npy", "column:x.npy", "metadata.npy"])
def test_nothing_is_unpickled(tmp_path, entry):
    random_structures(2).save(tmp_path / "good.npz")
    with zipfile.ZipFile(tmp_path / "good.npz") as good, zipfile.ZipFile(tmp_path / "bad.npz", "w") as bad:
        for name in {*good.namelist(), entry}:
            bad.writestr(name, pickled_array() if name == entry else good.read(name))
    with pytest.raises(ValueError, match=r"bad.npz: no complete .npz archive without pickled objects"):
        Structures.load(tmp_path / "bad.npz")


def test_other_files_are_refused(tmp_path):
    random_structures(20).save(tmp_path / "good.npz")
    whole = (tmp_path / "good.npz").read_bytes()
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", R=np.zeros((1, 2, 3)))
    contents = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"hello",
        "pickle": pickle.dumps(Bomb()),
        "array": (tmp_path / "array.npy").read_bytes(),
        "other": (tmp_path / "other.npz").read_bytes(),
    }
    middle = len(whole) // 3
    contents["flipped"] = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=f"{name}: (not a structures file|no complete .npz|damaged)"):
            Structures.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        Structures.load(tmp_path / "absent.npz")


def test_130_000_molecules_in_little_more_memory_than_their_arrays(tmp_path):
    rng = numpy_generator(0, "many")
    n_atoms = rng.integers(9, 28, 130_000)
    total = int(n_atoms.sum())
    Structures(
        n_atoms=n_atoms,
        numbers=rng.choice(np.array([1, 6, 7, 8, 9], np.uint8), total),
        positions=rng.random((total, 3)),
        columns={"smiles": np.full(130_000, "CC(=O)NC1CC1"), "homo": rng.random(130_000)},
    ).save(tmp_path / "many.npz")
    tracemalloc.start()
    loaded = Structures.load(tmp_path / "many.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = sum(array.nbytes for array in loaded._arrays().values())
    assert len(loaded) == 130_000 and size > 50e6
    assert peak <= 1.5 * size
