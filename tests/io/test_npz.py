import contextlib
import io
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from tutti.core.structures import Structures
from tutti.io import FormatError, read
from tutti.io.samples import read_samples

KCAL = 0.0433641043  # eV, CODATA 2018
FRAMES, ATOMS = 4, 3
RNG = np.random.default_rng(0)
R, F = RNG.normal(size=(2, FRAMES, ATOMS, 3))
E, Z = RNG.normal(size=FRAMES), np.array([8, 1, 1])
MD17 = {
    "R": R,
    "E": E[:, None],
    "F": F,
    "z": Z.astype(np.uint8),
    "name": np.array(b"water"),
    "type": np.array(b"d"),
}
RMD17 = {
    "coords": R,
    "energies": E,
    "forces": F,
    "nuclear_charges": Z,
    "old_energies": E,
    "old_indices": np.arange(4),
}
OTHER = {"positions": R, "energy": E, "forces": F, "numbers": np.tile(Z, (FRAMES, 1))}


def loaded(tmp_path, arrays, **options):
    np.savez(tmp_path / "x.npz", **arrays)
    return read(tmp_path / "x.npz", **options)


@pytest.mark.parametrize("arrays", [MD17, RMD17])
def test_md17_and_rmd17_are_known_by_their_arrays(tmp_path, arrays):
    structures = loaded(tmp_path, arrays)
    assert structures.n_atoms.tolist() == [3] * FRAMES and structures.numbers.tolist() == [8, 1, 1] * FRAMES
    np.testing.assert_array_equal(structures.positions, R.reshape(-1, 3))
    np.testing.assert_allclose(structures.energy, E * KCAL, rtol=1e-8)
    np.testing.assert_allclose(structures.forces, F.reshape(-1, 3) * KCAL, rtol=1e-8)
    assert structures.cell is None and not structures.columns


def test_units_given_go_before_those_known(tmp_path):
    np.testing.assert_array_equal(loaded(tmp_path, MD17, units={"energy": "eV"}).energy, E)


def test_an_archive_from_elsewhere_needs_units(tmp_path):
    with pytest.raises(
        FormatError, match=r"x.npz: expected the units .*length.*energy.*found no unit of length and energy"
    ):
        loaded(tmp_path, OTHER)
    with pytest.raises(FormatError, match=r"found no unit of energy"):
        loaded(tmp_path, OTHER, units={"length": "Å"})
    structures = loaded(tmp_path, OTHER, units={"length": "nm", "energy": "kJ/mol"})
    np.testing.assert_allclose(structures.positions, 10 * R.reshape(-1, 3))
    np.testing.assert_allclose(structures.energy, E * KCAL / 4.184, rtol=1e-8)
    np.testing.assert_allclose(structures.forces, F.reshape(-1, 3) * KCAL / 41.84, rtol=1e-8)


def test_geometries_alone_need_no_unit_of_energy(tmp_path):
    structures = loaded(tmp_path, {"R": R, "z": Z}, units={"length": "Å"})
    assert structures.energy is None and len(structures) == FRAMES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"R": R[0]}, r"expected positions \[frames, atoms, 3\], found float64\(3, 3\)"),
        ({"R": R.astype(str)}, r"expected positions"),
        ({"z": Z[:2]}, r"expected numbers of shape \(3,\) or \(4, 3\), found int64\(2,\)"),
        ({"z": np.array([8, 1, 0])}, r"expected atomic numbers from 1 to 118, found 0"),
        ({"z": np.array([8, 1, 1.5])}, r"expected atomic numbers from 1 to 118, found 1.5"),
        ({"z": np.array([8, 1, 257])}, r"expected atomic numbers from 1 to 118, found 257"),
        ({"E": E[:3]}, r"expected energy of shape \(4,\) or \(4, 1\)"),
        ({"F": F[:, :2]}, r"expected forces of shape \(4, 3, 3\)"),
        (
            {"R": np.where(np.arange(36).reshape(R.shape) == 22, np.nan, R)},
            r"frame 2, atom 2: expected finite positions",
        ),
        (
            {"F": np.where(np.arange(36).reshape(R.shape) == 9, np.inf, F)},
            r"frame 1, atom 1: expected finite forces",
        ),
        ({"E": np.array([0, np.nan, 0, 0])}, r"frame 1: expected finite energy"),
    ],
)
def test_malformed_arrays(tmp_path, change, message):
    with pytest.raises(FormatError, match=message):
        loaded(tmp_path, MD17 | change)


def test_missing_arrays(tmp_path):
    without = {name: array for name, array in MD17.items() if name != "z"}
    with pytest.raises(
        FormatError, match=r"expected an array of numbers named z or .*, found only E, F, R, name, type"
    ):
        loaded(tmp_path, without)


def test_samples_may_hold_nan(tmp_path):
    arrays = {"R": np.full_like(R, np.nan), "z": Z}
    assert np.isnan(loaded(tmp_path, arrays, units={"length": "Å"}, samples=True).positions).all()


class Bomb:
    """Fails the test when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_nothing_is_unpickled(tmp_path):
    bombs = np.empty(FRAMES, dtype=object)
    bombs[:] = [Bomb() for _ in range(FRAMES)]
    with pytest.raises(FormatError, match="found Python objects in E, which only unpickling opens"):
        loaded(tmp_path, MD17 | {"E": bombs})


def test_files_that_are_no_archives(tmp_path):
    np.savez(tmp_path / "whole.npz", **MD17)
    whole = (tmp_path / "whole.npz").read_bytes()
    array = io.BytesIO()
    np.save(array, R)
    cases = {
        "cut": whole[: len(whole) // 2],
        "flipped": whole[:200] + bytes([whole[200] ^ 1]) + whole[201:],
        "empty": b"",
        "text": b"hello\n",
        "array": array.getvalue(),
        "huge": whole.replace(b"(4, 3, 3), }".ljust(30), b"(400000000000000000, 3, 3), }".ljust(30)),
    }
    for name, data in cases.items():
        assert data != whole
        (tmp_path / f"{name}.npz").write_bytes(data)
        with pytest.raises(FormatError, match=rf"{name}.npz: expected"):
            read(tmp_path / f"{name}.npz")


def test_archives_of_this_package(tmp_path):
    structures = Structures.from_frames(
        [([8, 1], R[0, :2]), ([], []), ([6], R[1, :1])],
        energy=E[:3],
        forces=F[0],
        cell=R[:3],
        pbc=np.eye(3, dtype=bool),
        columns={"homo": E[1:], "name": np.array(["F", "1", ""])},
        units={"homo": "eV"},
    )
    structures.save(tmp_path / "own.npz")
    assert read(tmp_path / "own.npz").digest == structures.digest
    with pytest.raises(FormatError, match="no units to be given"):
        read(tmp_path / "own.npz", units={"energy": "kcal/mol"})


CELL = np.array([[5.0, 0, 0], [1, 6, 0], [0, 0.5, 7]])


@pytest.mark.parametrize("name", ["cell", "lattice", "box"])
@pytest.mark.parametrize("each", [CELL, np.stack([CELL * (i + 1) for i in range(FRAMES)])])
def test_cells(tmp_path, name, each):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a lattice, see below
        found = loaded(tmp_path, MD17 | {name: each}, units={"length": "bohr"})
    expected = np.broadcast_to(each, (FRAMES, 3, 3)) * 0.529177210903
    np.testing.assert_allclose(found.cell, expected, rtol=1e-8)
    assert found.pbc.all()
    flat = loaded(tmp_path, MD17 | {"cell": each.reshape(*each.shape[:-2], 9)})
    np.testing.assert_allclose(flat.cell * 0.529177210903, expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("pbc", "expected"),
    [
        (np.array(True), [[True] * 3] * FRAMES),
        (np.array([True, False, True]), [[True, False, True]] * FRAMES),
        (np.array([1, 0, 0, 1]), [[True] * 3, [False] * 3, [False] * 3, [True] * 3]),
        (np.eye(4, 3, dtype=bool), np.eye(4, 3, dtype=bool).tolist()),
    ],
)
def test_periodic_directions(tmp_path, pbc, expected):
    assert loaded(tmp_path, MD17 | {"cell": CELL, "pbc": pbc}).pbc.tolist() == expected


def test_cells_that_cannot_be(tmp_path):
    with pytest.raises(
        FormatError, match=r"expected a cell of shape \(3, 3\) or \(4, 3, 3\), found float64\(3,\)"
    ):
        loaded(tmp_path, MD17 | {"cell": np.ones(3)})
    with pytest.raises(FormatError, match="expected an array 'cell' for what is periodic, found pbc alone"):
        loaded(tmp_path, MD17 | {"pbc": np.array([True, False, False])})
    with pytest.raises(FormatError, match=r"expected pbc of shape \(3,\) or \(4, 3\)"):
        loaded(tmp_path, MD17 | {"cell": CELL, "pbc": np.array(["T", "F", "T"])})
    assert loaded(tmp_path, MD17 | {"cell": np.zeros((3, 3)), "pbc": np.zeros(3, bool)}).cell is None


def test_columns_of_a_lattice_may_be_meant(tmp_path):
    with pytest.warns(UserWarning, match=r"x.npz: the rows of lattice are taken as the vectors .*sGDML"):
        loaded(tmp_path, MD17 | {"lattice": CELL})
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "the rows")
        loaded(tmp_path, MD17 | {"lattice": np.diag([5.0, 6, 7])})


def test_physnet_s_names(tmp_path):
    # https://doi.org/10.5281/zenodo.2605341: padded, with total charge, spin and dipole.
    padded = {name: np.pad(array, ((0, 0), (0, 2), (0, 0))) for name, array in {"R": R, "F": F}.items()}
    counts = np.array([3, 2, 3, 1])
    arrays = padded | {
        "Z": np.tile([8, 1, 1, 0, 0], (FRAMES, 1)),
        "N": counts,
        "E": E,
        "D": np.zeros((FRAMES, 3)),
    }
    charge, spin = np.array([0.0, 1, -1, 0]), np.array([0, 1, 0, 2])
    with pytest.warns(UserWarning, match=r"x.npz: 1 array is not read: D$"):
        found = loaded(tmp_path, arrays | {"Q": charge, "S": spin}, units={"length": "Å", "energy": "eV"})
    assert found.n_atoms.tolist() == counts.tolist() and found.energy.tolist() == E.tolist()
    np.testing.assert_array_equal(found.forces[3:5], F[1, :2])
    assert found.columns["charge"].tolist() == charge.tolist() and found.units == {"charge": "e"}
    assert found.columns["spin"].tolist() == spin.tolist()
    np.savez(tmp_path / "y.npz", **arrays, Q=charge)
    assert read_samples([tmp_path / "y.npz"]).columns["charge"].tolist() == charge.tolist()


def test_a_charge_of_all_and_charges_of_atoms(tmp_path):
    assert loaded(tmp_path, MD17 | {"total_charge": np.array(-1)}).columns["charge"].tolist() == [-1] * FRAMES
    with pytest.warns(UserWarning, match=r"1 array is not read: Q"):
        assert not loaded(tmp_path, MD17 | {"Q": np.zeros((FRAMES, ATOMS))}).columns


@pytest.mark.parametrize(("said", "bohr", "hartree"), [("au", True, True), ("Ang", False, False)])
def test_units_that_archives_say(tmp_path, said, bohr, hartree):
    names = {"r_unit": np.array(said), "e_unit": np.array("a.u." if hartree else "eV")}
    found = loaded(tmp_path, MD17 | names)
    np.testing.assert_allclose(found.positions, R.reshape(-1, 3) * (0.529177210903 if bohr else 1), rtol=1e-8)
    np.testing.assert_allclose(found.energy, E * (27.211386245988 if hartree else 1), rtol=1e-8)


def test_molecules_of_different_size_as_objects_are_refused_with_a_recipe(tmp_path):
    ragged = np.empty(FRAMES, dtype=object)
    ragged[:] = [r[: i % 3 + 1] for i, r in enumerate(R)]
    message = (
        r"x.npz: expected arrays of numbers, found Python objects in R, which only unpickling opens; .*zeros"
    )
    with pytest.raises(FormatError, match=message):
        loaded(tmp_path, MD17 | {"R": ragged})
    with pytest.warns(UserWarning, match="1 array is not read: extra"):
        assert len(loaded(tmp_path, MD17 | {"extra": ragged})) == FRAMES


def test_the_recipe_works(tmp_path):
    """The lines of docs/formats.md, on an archive of objects that pickle holds."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    ragged, sizes = np.empty(2, dtype=object), (3, 2)
    ragged[:] = [R[0], R[1, :2]]
    numbers, forces = ragged.copy(), ragged.copy()
    numbers[:], forces[:] = [Z, Z[:2]], [F[0], F[1, :2]]
    np.savez(tmp_path / "trusted.npz", R=ragged, z=numbers, E=E[:2], F=forces)
    with contextlib.chdir(tmp_path):
        exec(code, {})
    found = read(tmp_path / "trusted.extxyz")
    assert tuple(found.n_atoms.tolist()) == sizes and found.numbers.tolist() == [8, 1, 1, 8, 1]
    np.testing.assert_allclose(found.positions, np.concatenate([R[0], R[1, :2]]), atol=1e-7)
    np.testing.assert_allclose(found.forces, np.concatenate([F[0], F[1, :2]]), atol=1e-7)
    np.testing.assert_allclose(found.energy, E[:2])
