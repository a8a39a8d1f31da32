"""What the published tables compare, against plain calls of the libraries that made them."""

import numpy as np
import pytest
from openbabel import pybel
from rdkit import Chem, RDLogger
from rdkit.Chem import rdDetermineBonds

from tutti.chemistry.bonds import lookup, openbabel, xyz2mol
from tutti.chemistry.bonds.assignment import ALLOWED_VALENCES
from tutti.core.elements import SYMBOLS
from tutti.io.samples import read_samples

RADII = {1: 0.23, 6: 0.68, 7: 0.68, 8: 0.68, 9: 0.64}
# pm: single, double, triple; tolerances 10, 5, 3 (the specification's table of EDM).
LENGTHS = {
    (1, 1): (74,),
    (1, 6): (109,),
    (1, 7): (101,),
    (1, 8): (96,),
    (1, 9): (92,),
    (6, 6): (154, 134, 120),
    (6, 7): (147, 129, 116),
    (6, 8): (143, 120, 113),
    (6, 9): (135,),
    (7, 7): (145, 125, 110),
    (7, 8): (140, 121),
    (7, 9): (136,),
    (8, 8): (148, 121),
    (8, 9): (142,),
    (9, 9): (142,),
}


@pytest.fixture(scope="module")
def samples(shared_data):
    """113 molecules of QM9, and the same with noise, as poor samples: (numbers, positions) each."""
    molecules = read_samples([shared_data / "qm9_first339.xyz"])[:113]
    rng = np.random.default_rng(0)
    frames = [molecules.frame(i) for i in range(len(molecules))]
    return frames + [
        (numbers, positions + rng.normal(0, 0.08, positions.shape)) for numbers, positions in frames
    ]


def block(numbers, positions) -> str:
    atoms = zip(numbers.tolist(), positions.tolist(), strict=True)
    lines = [f"{SYMBOLS[number]} {x:.12f} {y:.12f} {z:.12f}" for number, (x, y, z) in atoms]
    return "\n".join([str(len(numbers)), "", *lines, ""])


def by_rdkit(numbers, positions) -> str | None:
    mol = Chem.RWMol(Chem.MolFromXYZBlock(block(numbers, positions)))
    for j in range(len(numbers)):
        for i in range(j):
            reach = 1.3 * (RADII[int(numbers[i])] + RADII[int(numbers[j])])
            if np.linalg.norm(positions[i] - positions[j]) <= reach:
                mol.AddBond(i, j, Chem.BondType.SINGLE)
    try:
        rdDetermineBonds.DetermineBondOrders(mol, charge=0)
    except ValueError:
        return None
    return Chem.MolToSmiles(mol) if mol.GetNumBonds() else None


def by_openbabel(numbers, positions) -> str | None:
    mol = pybel.readstring("xyz", block(numbers, positions))
    valences = [atom.OBAtom.GetExplicitValence() for atom in mol]
    allowed = all(
        valence in ALLOWED_VALENCES[number]
        for number, valence in zip(numbers.tolist(), valences, strict=True)
    )
    return mol.write("smi").split()[0] if mol.OBMol.NumBonds() and allowed else None


def by_edm(numbers, positions) -> str | None:
    mol = Chem.RWMol()
    for number in numbers.tolist():
        mol.AddAtom(Chem.Atom(number))
    types = [Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE]
    for j in range(len(numbers)):
        for i in range(j):
            distance = 100 * np.linalg.norm(positions[i] - positions[j])
            lengths = LENGTHS[tuple(sorted((int(numbers[i]), int(numbers[j]))))]
            order = 0
            while order < len(lengths) and distance < lengths[order] + (10, 5, 3)[order]:
                order += 1
            if order:
                mol.AddBond(i, j, types[order - 1])
    try:
        Chem.SanitizeMol(mol)
    except ValueError:
        return None
    return Chem.MolToSmiles(max(Chem.GetMolFrags(mol, asMols=True), key=lambda part: part.GetNumAtoms()))


@pytest.mark.parametrize(
    ("assigner", "reference"), [(xyz2mol, by_rdkit), (openbabel, by_openbabel), (lookup, by_edm)]
)
def test_published_smiles(samples, assigner, reference):
    RDLogger.DisableLog("rdApp.*")
    found = [assigner.assign(*sample).published_smiles for sample in samples]
    RDLogger.EnableLog("rdApp.*")
    assert found == [reference(*sample) for sample in samples]
    assert 113 < sum(smiles is not None for smiles in found) < 226


def test_isomers_differ_in_the_published_smiles_only(samples):
    """A molecule and its mirror image; hydrogens are explicit in RDKit's SMILES, not in OpenBabel's."""
    chiral = next((z, x) for z, x in samples if "@" in (xyz2mol.assign(z, x).published_smiles or ""))
    mirrored = chiral[0], chiral[1] * [1, 1, -1]
    for assigner in (xyz2mol, openbabel):
        first, second = assigner.assign(*chiral), assigner.assign(*mirrored)
        assert first.smiles == second.smiles
        assert first.published_smiles != second.published_smiles
    assert "[H]" in xyz2mol.assign(*chiral).published_smiles
    assert lookup.assign(*chiral).published_smiles == lookup.assign(*mirrored).published_smiles
