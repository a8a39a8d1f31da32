"""Valences with charges: what RDKit takes of atoms with hydrogens, and molecules counted by hand."""

import re

import numpy as np
import pandas as pd
import pytest
from ase.build import molecule
from rdkit import Chem, rdBase

from table_names import NAMES
from tutti.benchmark.metrics import valences as module
from tutti.benchmark.metrics.valences import allowed, is_stable, unstable_atoms
from tutti.benchmark.samples import valences
from tutti.benchmark.samples.judged import Judged
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED

SYMBOLS = {"H": 1, "B": 5, "C": 6, "N": 7, "O": 8, "F": 9, "Si": 14, "P": 15, "S": 16, "Cl": 17, "Br": 35}


def accepted(symbol, charge, valence):
    """Whether RDKit takes an atom with so many hydrogens, and sees no unpaired electron."""
    text = f"[{symbol}H{valence}{charge:+d}]" if symbol != "H" else f"[H{charge:+d}]" + "[H]" * valence
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(text)
    return mol is not None and not any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())


@pytest.mark.parametrize("symbol", list(SYMBOLS)[1:])
@pytest.mark.parametrize("charge", [-1, 0, 1])
def test_what_is_allowed_is_what_rdkit_takes(symbol, charge):
    """Of the third row on RDKit also takes odd numbers of electrons (SH3⁻), without seeing a radical."""
    for valence in range(8):
        stable, taken = is_stable(SYMBOLS[symbol], charge, valence), accepted(symbol, charge, valence)
        assert stable == taken if SYMBOLS[symbol] < 10 else stable <= taken, valence


def test_the_table_of_the_docstring():
    for line in re.findall(r"^\| ([A-Z][a-z]?) \| (.*) \|$", module.__doc__, re.MULTILINE):
        symbol, cells = line
        number = Chem.GetPeriodicTable().GetAtomicNumber(symbol)
        for charge, cell in zip((-1, 0, 1), cells.split(" | "), strict=True):
            assert allowed(number, charge) == set(map(int, cell.split(", "))), (symbol, charge)
    assert not is_stable(7, 0, 4.5) and is_stable(26, 0, 6)


@pytest.mark.parametrize(
    ("smiles", "unstable"),
    [
        ("CC(=O)[O-]", 0),
        ("C[N+](=O)[O-]", 0),
        ("[NH3+]CC(=O)[O-]", 0),
        ("c1cc[nH]c1", 0),
        ("c1cc[n+]([O-])cc1", 0),
        ("[C-]#[O+]", 0),
        ("C[S+](C)[O-]", 0),
        ("[H][H]", 0),
        ("[CH2]", 1),
        ("C[CH]C[O]", 2),
        ("[O][O]", 2),
        ("[H]", 1),
    ],
)
def test_molecules(smiles, unstable):
    assert unstable_atoms(smiles) == unstable


def judged(structures, *assigners):
    return Judged(structures, {name: assign_all(structures, name, 1, progress=False) for name in assigners})


def found(samples):
    return valences.table(samples, None, **NAMES).set_index(["metric", "subset"])


def test_real_molecules_are_stable_and_atoms_of_others_count():
    """Those of QM9 with charges too; methane, one that is nowhere, and a carbene."""
    structures = Structures.load(EMBEDDED / "qm9_6.npz")
    table = found(judged(structures[:300], "xyz2mol", "lookup"))
    assert (table["value"] == 1).all() and set(table.index.unique("subset")) == {"xyz2mol"}
    methane = molecule("CH4")
    three = Structures.from_frames(
        [
            (methane.numbers, methane.positions),
            ([6, 1], np.full((2, 3), np.nan)),
            (methane.numbers[:3], methane.positions[:3]),
        ]
    )
    table = found(judged(three, "xyz2mol"))
    row = table.loc[("atom_stability_with_charges", "xyz2mol")]
    assert (row["value"], row["n"]) == (7 / 10, 10)
    assert table.loc[("molecule_stability_with_charges", "xyz2mol"), "value"] == 1 / 3


def with_bonds(numbers, bonds, charges):
    """A sample that brings bonds, (first, second, order), and charges; its positions do not matter."""
    structures = Structures.from_frames([(np.array(numbers), 3.0 * np.eye(len(numbers), 3))])
    ends = np.array([bond[:2] for bond in bonds])
    orders = np.array([bond[2] for bond in bonds])
    verdicts = pd.DataFrame(
        {"valid": [False], "reason": ["valence"], "smiles": [None], "n_atoms": [len(numbers)]}
    )
    object.__setattr__(structures, "bonds", lambda index: (ends, orders, np.array(charges)))
    return Judged(structures, {"given": verdicts})


@pytest.mark.parametrize(
    ("numbers", "bonds", "charges", "stable"),
    [
        ([7, 1, 1, 1, 1], [(0, i, 1.0) for i in range(1, 5)], [0] * 5, 4),
        ([7, 1, 1, 1, 1], [(0, i, 1.0) for i in range(1, 5)], [1, 0, 0, 0, 0], 5),
        ([6, 6, 1], [(0, 1, 1.5), (1, 2, 1.0)], [0] * 3, 1),
        ([6, 8], [(0, 1, 2.0)], [0, 0], 0),
    ],
)
def test_atoms_of_refused_molecules_of_files(numbers, bonds, charges, stable):
    """Ammonium without and with its charge; aromatic bonds count for none; hydrogens may be implied."""
    row = found(with_bonds(numbers, bonds, charges)).loc[("atom_stability_with_charges", "given")]
    assert row["value"] * row["n"] == pytest.approx(stable)
