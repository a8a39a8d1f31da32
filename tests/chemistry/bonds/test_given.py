"""The bonds that a file brings, as they are: against RDKit's own reading of the same file."""

import numpy as np
import pytest
from bond_samples import sample
from openbabel import openbabel
from rdkit import Chem
from rdkit.Chem import AllChem

from known_molecules import known
from tutti.chemistry.bonds import given
from tutti.chemistry.bonds.assignment import Bonds, Known, Reason
from tutti.chemistry.bonds.pool import assign_all
from tutti.io.samples import read_samples

SMILES = [
    "[NH4+]",
    "CC(=O)[O-]",
    "[NH3+]CC(=O)[O-]",
    "C[N+](=O)[O-]",
    "c1ccccc1",
    "c1cc[nH]c1",
    "NC(N)=[NH2+]",
    "CC(N)=[NH2+]",
    "CNC(C)=O",
    "COP(=O)([O-])[O-]",
    "CS(=O)(=O)[O-]",
    "C[n+]1ccccc1",
    "[O-][n+]1ccccc1",
    "[C-]#[N+]C",
    "Clc1ccncc1Br",
    "c1ccc2[nH]ccc2c1",
    "O=c1cccc[nH]1",
    "O=c1cc[nH]c(=O)[nH]1",
    "Nc1nc2[nH]cnc2c(=O)[nH]1",
    "C[n+]1cc[nH]c1",
    "C[N+](C)(C)C",
    "C#CC#N",
]


def embedded(smiles: str) -> Chem.Mol:
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(molecule, randomSeed=1) == 0
    return molecule


def mol2_of_openbabel(molecule: Chem.Mol) -> str:
    conversion, read = openbabel.OBConversion(), openbabel.OBMol()
    conversion.SetInAndOutFormats("mol", "mol2")
    conversion.ReadString(read, Chem.MolToMolBlock(molecule))
    return conversion.WriteString(read)


WRITERS = {
    "v2000.sdf": lambda molecule: Chem.MolToMolBlock(molecule) + "$$$$\n",
    "aromatic.sdf": lambda molecule: Chem.MolToMolBlock(molecule, kekulize=False) + "$$$$\n",
    "v3000.sdf": lambda molecule: Chem.MolToV3KMolBlock(molecule) + "$$$$\n",
    "openbabel.mol2": mol2_of_openbabel,
}


def judged(path):
    found = read_samples([path])
    return found, assign_all(found, "given", jobs=1, progress=False)


@pytest.mark.parametrize("name", WRITERS)
def test_charged_aromatic_and_other_molecules_in_every_format(tmp_path, name):
    molecules = [embedded(smiles) for smiles in SMILES]
    (tmp_path / name).write_text("".join(map(WRITERS[name], molecules)))
    found, verdicts = judged(tmp_path / name)
    assert verdicts["reason"].tolist() == [""] * len(SMILES)
    assert verdicts["smiles"].tolist() == [Chem.CanonSmiles(smiles) for smiles in SMILES]
    assert verdicts["no_radicals"].all() and verdicts["connected"].all()
    assert found.columns["charge"].tolist() == [Chem.GetFormalCharge(molecule) for molecule in molecules]
    neutral = [not any(atom.GetFormalCharge() for atom in molecule.GetAtoms()) for molecule in molecules]
    assert verdicts["neutral_atoms"].tolist() == neutral
    for molecule, first, second, order in zip(
        molecules, *(verdicts[f"bond_{name}"] for name in ("first", "second", "order")), strict=True
    ):
        bonds = {
            (b.GetBeginAtomIdx(), b.GetEndAtomIdx()): b.GetBondTypeAsDouble() for b in molecule.GetBonds()
        }
        # Which oxygen of a carboxylate has the double bond is the writer's choice.
        assert set(zip(first, second, strict=True)) == {tuple(sorted(ends)) for ends in bonds}
        assert sorted(order) == sorted(bonds.values())


def test_the_cases_without_hydrogens(shared_data):
    path = shared_data.parent / "cases/H1_heavy_only/heavy.sdf"
    if not path.exists():
        pytest.skip("not found: ../shared/cases/H1_heavy_only/heavy.sdf beside the repository")
    found, verdicts = judged(path)
    theirs = [Chem.MolToSmiles(molecule, isomericSmiles=False) for molecule in Chem.SDMolSupplier(str(path))]
    assert len(theirs) == 20 and not (found.numbers == 1).any()
    assert verdicts["smiles"].tolist() == theirs == found.columns["id"].tolist()
    for flag in ("valid", "connected", "neutral_atoms", "no_radicals"):
        assert verdicts[flag].all(), flag


def with_bonds(numbers, bonds, charges=None):
    """Atoms on a line, 1 Å apart, judged by these bonds."""
    first, second, order = np.array(bonds, dtype=float).reshape(-1, 3).T
    formal = np.zeros(len(numbers), np.int8) if charges is None else np.array(charges, np.int8)
    known_of = Known(int(formal.sum()), Bonds(first.astype(int), second.astype(int), order), formal)
    return given.assign(*sample(numbers, np.eye(3)[0] * np.arange(len(numbers))[:, None]), known_of)


def star(centre, n, order=1):
    """Bonds from atom 0 to n others."""
    return with_bonds([centre] + [1] * n, [(0, i, order) for i in range(1, n + 1)])


def test_a_pentavalent_carbon():
    verdict = star(6, 5)
    assert verdict.reason == Reason.VALENCE and len(verdict.bonds) == 5
    assert verdict.smiles is None and verdict.connected is None


def test_open_valences_are_radicals_where_there_are_hydrogens():
    methyl = star(6, 3)
    assert (methyl.reason, methyl.smiles, methyl.no_radicals) == (Reason.VALID, "[CH3]", False)
    assert star(6, 4).no_radicals and star(6, 4).smiles == "C"
    implied = with_bonds([6, 6], [(0, 1, 1)])
    assert (implied.smiles, implied.no_radicals) == ("CC", True)


def test_formal_charges_count():
    ammonium = [(0, i, 1) for i in range(1, 5)]
    assert with_bonds([7, 1, 1, 1, 1], ammonium).reason == Reason.VALENCE
    verdict = with_bonds([7, 1, 1, 1, 1], ammonium, [1, 0, 0, 0, 0])
    assert (verdict.smiles, verdict.neutral_atoms, verdict.no_radicals) == ("[NH4+]", False, True)


def test_an_aromatic_ring_that_has_no_kekule_structure():
    five = with_bonds([6] * 5, [(i, (i + 1) % 5, 1.5) for i in range(4)] + [(0, 4, 1.5)])
    assert five.reason == Reason.SANITIZATION
    six = with_bonds([6] * 6, [(i, i + 1, 1.5) for i in range(5)] + [(0, 5, 1.5)])
    assert six.smiles == "c1ccccc1" and set(six.bonds.order) == {1.5} and six.ring_sizes == (6,)


def test_pieces_are_one_smiles():
    verdict = with_bonds([6, 6, 8, 8], [(0, 1, 1), (2, 3, 1)])
    assert (verdict.smiles, verdict.connected) == ("CC.OO", False)


def test_without_bonds_nothing_is_guessed():
    assert given.assign(*known("CH4")).reason == Reason.NO_BONDS
    assert given.assign(*known("CH4"), Known(bonds=Bonds(*np.empty((3, 0))))).reason == Reason.NO_BONDS
