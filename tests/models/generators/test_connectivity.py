import networkx
import numpy as np
import pytest
from openbabel import openbabel
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import pdist, squareform

from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.io import read
from tutti.models.generators import connectivity
from tutti.models.generators.connectivity import bonded


@pytest.mark.parametrize("smiles", ["C", "CCO", "c1ccccc1", "C#N", "O=C=O", "C1CC1F", "NC(=O)N", "CC(C)(C)C"])
def test_bonds_are_those_of_the_molecule_that_was_embedded(smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    found = bonded(numbers, squareform(pdist(mol.GetConformer().GetPositions())))
    np.testing.assert_array_equal(found, Chem.GetAdjacencyMatrix(mol).astype(bool))


def test_pieces_are_joined_by_their_shortest_links():
    rng = np.random.default_rng(0)
    numbers = np.full(12, 6)
    positions = np.repeat(10.0 * rng.random((4, 3)), 3, axis=0) + np.tile(1.4 * np.eye(3), (4, 1))
    apart = squareform(pdist(positions))
    found = bonded(numbers, apart)
    graph = networkx.from_numpy_array(found)
    assert networkx.is_connected(graph)
    tree = networkx.minimum_spanning_tree(networkx.from_numpy_array(apart))
    long = {tuple(sorted(edge)) for edge in graph.edges if apart[edge] > 2.5}
    assert long == {tuple(sorted(edge)) for edge in tree.edges if apart[edge] > 2.5} and len(long) == 3


def test_a_hydrogen_between_two_oxygens_belongs_to_the_nearer_one():
    numbers = np.array([8, 1, 8, 6])
    positions = np.array([[0.0, 0, 0], [1.0, 0, 0], [2.12, 0, 0], [1.06, -1.25, 0]])
    expected = np.zeros((4, 4), dtype=bool)
    for i, j in [(0, 1), (0, 3), (2, 3)]:
        expected[i, j] = expected[j, i] = True
    np.testing.assert_array_equal(bonded(numbers, squareform(pdist(positions))), expected)


def relaxed(smiles: str) -> tuple[Chem.Mol, np.ndarray]:
    """A molecule in a minimum of MMFF94, and its atoms' distances (Å)."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=2000)
    return mol, squareform(pdist(mol.GetConformer().GetPositions()))


def test_bridgeheads_of_bicyclopentane_are_not_bonded():
    """They are 1.8 to 2.0 Å apart: nearer than 1.3 covalent radii, and here even as near as in QM9."""
    mol, distances = relaxed("C1C2CC1C2")
    heads = [
        atom.GetIdx()
        for atom in mol.GetAtoms()
        if sum(n.GetSymbol() == "C" for n in atom.GetNeighbors()) == 3
    ]
    assert len(heads) == 2
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    expected = Chem.GetAdjacencyMatrix(mol).astype(bool)
    for apart in (1.79, 1.82, 1.87, 1.98):
        distances[heads[0], heads[1]] = distances[heads[1], heads[0]] = apart
        np.testing.assert_array_equal(bonded(numbers, distances), expected)


@pytest.mark.parametrize(
    "smiles",
    [
        "CSC",
        "CSSC",
        "CS(=O)(=O)C",
        "C1=CSC=C1",
        "CCl",
        "CBr",
        "ClC(Cl)(Cl)Cl",
        "OP(O)(O)=O",
        "FS(F)(F)(F)(F)F",
    ],
)
def test_bonds_of_other_elements(smiles):
    mol, distances = relaxed(smiles)
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    np.testing.assert_array_equal(bonded(numbers, distances), Chem.GetAdjacencyMatrix(mol).astype(bool))


def open_babel(numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Adjacency [n, n] by the program that the authors of G-SchNet take their bonds from."""
    molecule = openbabel.OBMol()
    molecule.BeginModify()
    for number, position in zip(numbers.tolist(), positions.tolist(), strict=True):
        atom = molecule.NewAtom()
        atom.SetAtomicNum(number)
        atom.SetVector(*position)
    molecule.EndModify()
    molecule.ConnectTheDots()
    found = np.zeros((len(numbers), len(numbers)), dtype=bool)
    for bond in openbabel.OBMolBondIter(molecule):
        i, j = bond.GetBeginAtomIdx() - 1, bond.GetEndAtomIdx() - 1
        found[i, j] = found[j, i] = True
    return found


@pytest.mark.parametrize(("name", "n"), [("qm9_first339.xyz", 339), ("qm7.extxyz.gz", 7101)])
def test_real_molecules_have_open_babels_bonds(name, n, shared_data):
    """No atom of them is above its valence, and each molecule is in one piece without a link."""
    structures = read(shared_data / name)
    assert len(structures) == n
    for i in range(n):
        numbers, positions = structures.frame(i)
        found = bonded(numbers, squareform(pdist(positions)))
        assert connected_components(found, directed=False)[0] == 1
        for number, most in [(1, 1), (6, 4), (7, 3), (8, 2)]:
            assert (found[numbers == number].sum(1) <= most).all()
        np.testing.assert_array_equal(found, open_babel(numbers, positions))


def test_vibrating_molecules_keep_their_bonds():
    """Ethanol at 500 K."""
    structures = Structures.load(EMBEDDED / "ethanol_gfn2.npz")
    first = bonded(*_distances(structures, 0))
    assert first.sum() == 16
    for i in range(0, len(structures), 10):
        np.testing.assert_array_equal(bonded(*_distances(structures, i)), first)


def _distances(structures: Structures, i: int) -> tuple[np.ndarray, np.ndarray]:
    numbers, positions = structures.frame(i)
    return numbers, squareform(pdist(positions))


def test_single_atom():
    assert bonded(np.array([6]), np.zeros((1, 1))).tolist() == [[False]]


def test_what_is_kept_is_what_is_found_and_bounded(monkeypatch):
    known = connectivity._Known()
    monkeypatch.setattr(connectivity, "_KNOWN", known)
    rng = np.random.default_rng(0)
    molecules = []
    for n in (1, 5, 9, 18):
        positions = rng.normal(scale=1.2, size=(n, 3))
        distances = np.linalg.norm(positions[:, None] - positions, axis=2)
        molecules.append((rng.choice([1, 6, 8], size=n), distances))
    for _ in range(2):
        for molecule in molecules:
            found = connectivity.bonded(*molecule)
            np.testing.assert_array_equal(found, connectivity.find_bonds(*molecule))
            found[:] = True  # the caller's own
    assert len(known.bits) == len(molecules)
    # Another molecule at the same distances is another one.
    numbers, distances = molecules[-1]
    hydrogens = connectivity.bonded(np.ones_like(numbers), distances)
    np.testing.assert_array_equal(hydrogens, connectivity.find_bonds(np.ones_like(numbers), distances))
    monkeypatch.setattr(connectivity._Known, "LIMIT", 600)
    for molecule in molecules:
        connectivity.bonded(*molecule)
        known.put(bytes([len(molecule[0])]), connectivity.find_bonds(*molecule))
    assert known.size <= 600
    assert known.size == sum(len(bits) + known._ENTRY for bits in known.bits.values())
    assert bytes([18]) in known.bits
