"""Padded molecules as generators save them, in .npz and in .pt files."""

import numpy as np
import pytest
import torch

from tutti import io
from tutti.io import FormatError
from tutti.io.samples import read_samples

WATER, H2, HCN = [8, 1, 1], [1, 1], [1, 6, 7]
MOLECULES = [WATER, H2, HCN]
QM9 = [1, 6, 7, 8, 9]  # the columns of EDM's one_hot
RNG = np.random.default_rng(5)
PLACES = [RNG.normal(size=(len(numbers), 3)).astype(np.float32) for numbers in MOLECULES]
ÅNGSTRÖM = {"length": "Å"}


def padded(rows, fill=0.0, width=4) -> np.ndarray:
    """Rows of every molecule, and `fill` up to the width."""
    rows = [np.asarray(each) for each in rows]
    out = np.full((len(rows), width, *rows[0].shape[1:]), fill, dtype=np.result_type(rows[0], type(fill)))
    for target, row in zip(out, rows, strict=True):
        target[: len(row)] = row
    return out


X = padded(PLACES).astype(np.float32)
Z = padded(MOLECULES, 0)
MASK = Z != 0
ONE_HOT = (Z[..., None] == np.array(QM9)).astype(np.int64)
EDM = {"x": X, "one_hot": ONE_HOT, "node_mask": MASK[..., None].astype(np.float32)}
EDM_DATA = {"positions": X, "charges": Z, "num_atoms": MASK.sum(1)}
PLAIN = {"positions": X, "numbers": Z}
SYMBOLS = np.array(["", "H"] + [""] * 4 + ["C", "N", "O"])[Z]


def save(path, arrays) -> None:
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        torch.save(
            {k: torch.tensor(a) if a.dtype.kind != "U" else a.tolist() for k, a in arrays.items()}, path
        )


@pytest.fixture(params=["npz", "pt"])
def path(request, tmp_path):
    return tmp_path / f"samples.{request.param}"


def check(structures) -> None:
    assert structures.n_atoms.tolist() == [3, 2, 3]
    assert structures.numbers.tolist() == [z for each in MOLECULES for z in each]
    np.testing.assert_array_equal(structures.positions, np.concatenate(PLACES))


LAYOUTS = {
    "EDM's samples": EDM | {"atom_decoder": np.array(list("HCNOF"))},
    "with their charges": EDM | {"charges": Z[..., None], "species": np.array(list("HCNOF"))},
    "elements of columns as numbers": EDM | {"atom_decoder": np.array(QM9)},
    "one_hot under h, no mask": {"x": X, "h": ONE_HOT.astype(float), "elements": np.array(list("HCNOF"))},
    "other columns": EDM | {"one_hot": ONE_HOT[..., [3, 0, 1, 2]], "atom_decoder": np.array(list("OHCN"))},
    "EDM's data": EDM_DATA,
    "G-SchNet's names": {"_positions": X, "_atomic_numbers": Z},
    "a mask of truth values": PLAIN | {"mask": MASK},
    "no mask": PLAIN,
    "padded with -1": {"pos": padded(PLACES, -1.0).astype(np.float32), "z": padded(MOLECULES, -1)},
    "padded with NaN": {"positions": padded(PLACES, np.nan).astype(np.float32), "numbers": Z},
    "numbers as floats and NaN": {"coords": X, "atomic_numbers": padded(MOLECULES, np.nan)},
    "symbols": {"positions": X, "symbols": SYMBOLS},
    "symbols as species": {"positions": X, "species": SYMBOLS},
    "anything where the mask says padding": {
        "positions": np.where(MASK[..., None], X, 7).astype(np.float32),
        "numbers": np.where(MASK, Z, 6),
        "node_mask": MASK,
    },
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(path, name):
    save(path, LAYOUTS[name])
    check(read_samples([path]))
    check(io.read(path, units=ÅNGSTRÖM))


def test_arrays_that_are_not_read_are_named_once(path):
    save(path, EDM_DATA | {"index": np.arange(3), "gap": np.ones(3), "name": np.array([7])})
    with pytest.warns(UserWarning, match=r"samples\.\w+: 2 arrays are not read: gap, index$") as caught:
        check(io.read(path, units=ÅNGSTRÖM))
    assert len(caught) == 1


def test_labels_as_bytes(tmp_path):
    np.savez(tmp_path / "x.npz", positions=X, elements=SYMBOLS.astype("S"))
    check(read_samples([tmp_path / "x.npz"]))


def test_the_order_that_is_assumed_is_said(path):
    save(path, EDM)
    with pytest.warns(UserWarning, match="columns of one_hot are taken as H, C, N, O, F, as EDM has them"):
        check(read_samples([path]))


def test_an_atom_after_padding_is_one_if_the_mask_says_so(path):
    order = [0, 3, 1, 2]
    save(path, {name: array[:, order] for name, array in (PLAIN | {"node_mask": MASK}).items()})
    check(read_samples([path]))


def test_charges_that_are_not_read_are_said(path):
    save(path, PLAIN | {"charges": np.where(Z == 8, -1, 0)})
    with pytest.warns(UserWarning, match="charges are not read; they are not the atomic numbers"):
        check(read_samples([path]))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X, "one_hot": ONE_HOT[..., :4]}, "expected an array atom_decoder with the symbols of the 4"),
        (
            EDM | {"atom_decoder": np.array(list("HCNO"))},
            r"expected the elements of the 5 columns of one_hot",
        ),
        (EDM | {"one_hot": ONE_HOT * 0.5}, r"expected one_hot of 0 and 1, found 0.5"),
        (PLAIN | {"node_mask": MASK * 2}, r"expected the mask of 0 and 1, found 2"),
        (PLAIN | {"node_mask": np.where(MASK, 1, np.nan)}, r"expected the mask of 0 and 1, found nan"),
        (PLAIN | {"node_mask": MASK[:2]}, r"expected a mask of shape \(4,\) or \(3, 4\) or \(3, 4, 1\)"),
        (EDM_DATA | {"mask": Z > 1}, r"expected a mask with as many atoms as their numbers say"),
        (EDM_DATA | {"num_atoms": np.array([3, 2, 9])}, r"expected numbers of atoms from 0 to 4, found 9"),
        (
            {"positions": X, "symbols": np.where(SYMBOLS == "C", "Q", SYMBOLS)},
            r"entry 3, 2: expected symbols of .* found 'Q'",
        ),
        ({"positions": X, "species": Z}, r"expected symbols as text of shape .*found int64\(3, 4\)"),
        ({"positions": X}, r"expected an array of numbers named z or .*one_hot or .*found only positions"),
        ({"positions": X.reshape(-1), "numbers": Z}, r"expected positions \[frames, atoms, 3\]"),
    ],
)
def test_what_leaves_a_doubt_is_refused(path, arrays, message):
    save(path, arrays)
    for read in (lambda: io.read(path, units=ÅNGSTRÖM), lambda: read_samples([path])):
        with pytest.raises(FormatError, match=f"{path.name}: {message}"):
            read()


def test_an_atom_at_a_place_is_never_padding(path):
    numbers = Z.copy()
    numbers[2, 1] = 0
    save(path, {"positions": X, "numbers": numbers})
    found = read_samples([path])
    assert found.n_atoms.tolist() == [3, 2, 0]
    assert found.columns["unreadable"][2].endswith("frame 2: expected atomic numbers from 1 to 118, found 0")
    with pytest.raises(FormatError, match="frame 2, atom 2: expected atomic numbers from 1 to 118, found 0"):
        io.read(path, units=ÅNGSTRÖM)


def test_an_atom_of_no_column_or_two_costs_its_molecule(path):
    one_hot = ONE_HOT.copy()
    one_hot[0, 0], one_hot[2, 0] = 0, [1, 1, 0, 0, 0]
    save(path, EDM | {"one_hot": one_hot, "atom_decoder": np.array(list("HCNOF"))})
    assert read_samples([path]).n_atoms.tolist() == [0, 2, 0]


def test_coordinates_that_are_no_numbers_are_kept_of_samples(path):
    positions = X.copy()
    positions[1, 0] = np.nan
    save(path, PLAIN | {"positions": positions})
    found = read_samples([path])
    assert found.n_atoms.tolist() == [3, 2, 3] and found.finite.tolist() == [True, False, True]


def test_energies_and_forces_of_padded_structures(path):
    forces = X * 2
    save(
        path,
        PLAIN
        | {"energy": np.arange(3.0), "forces": forces, "e_unit": np.array("Ha"), "r_unit": np.array("a0")},
    )
    found = io.read(path)
    np.testing.assert_allclose(found.energy, np.arange(3) * 27.211386245988, rtol=1e-8)
    np.testing.assert_allclose(found.positions, np.concatenate(PLACES) * 0.529177210903, rtol=1e-6)
    np.testing.assert_allclose(found.forces, 2 * np.concatenate(PLACES) * 51.422067, rtol=1e-6)
    np.testing.assert_allclose(read_samples([path]).positions, found.positions)


@pytest.mark.parametrize(
    ("said", "given", "message"),
    [
        (
            {"e_unit": "eV"},
            {"energy": "kcal/mol"},
            "expected energy in eV, as the archive says, found kcal/mol given",
        ),
        (
            {"r_unit": "Ang"},
            {"length": "bohr"},
            "expected length in Å, as the archive says, found bohr given",
        ),
        ({"e_unit": "eV"}, {"forces": "Hartree/bohr"}, "expected forces in eV/Å, as the archive says"),
        ({"e_unit": "furlong"}, {}, "expected the unit of energy, found unknown unit 'furlong'"),
        ({"e_unit": "Ang"}, {}, "expected the unit of energy, found 'Ang'"),
    ],
)
def test_units_that_contradict_each_other(path, said, given, message):
    data = {"R": X[:1, :3], "z": Z[0, :3], "E": np.ones(1), "F": X[:1, :3]}
    save(path, data | {name: np.array(unit) for name, unit in said.items()})
    with pytest.raises(FormatError, match=message):
        io.read(path, units=given)


def test_units_that_agree(path):
    data = {"R": X[:1, :3], "z": Z[0, :3], "E": np.ones(1), "F": X[:1, :3]}
    save(path, data | {"e_unit": np.array("eV"), "r_unit": np.array("Ang")})
    given = {"energy": "eV", "length": "angstrom", "forces": "eV/A"}
    assert io.read(path, units=given).energy.tolist() == io.read(path).energy.tolist() == [1.0]
