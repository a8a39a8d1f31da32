import networkx
import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom
from scipy.spatial.distance import pdist, squareform

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
    positions = np.array([[0.0, 0, 0], [1.0, 0, 0], [2.22, 0, 0], [1.11, -1.05, 0]])
    expected = np.zeros((4, 4), dtype=bool)
    for i, j in [(0, 1), (0, 3), (2, 3)]:
        expected[i, j] = expected[j, i] = True
    np.testing.assert_array_equal(bonded(numbers, squareform(pdist(positions))), expected)


def test_single_atom():
    assert bonded(np.array([6]), np.zeros((1, 1))).tolist() == [[False]]
