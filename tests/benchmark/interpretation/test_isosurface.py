from functools import cache

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem
from scipy.optimize import minimize

from tutti.benchmark.interpretation.isosurface import inverse_squares, isosurface

SMILES = {"methane": "C", "ethanol": "CCO", "benzene": "c1ccccc1", "toluene": "Cc1ccccc1"}


@cache
def geometry(name):
    molecule = Chem.AddHs(Chem.MolFromSmiles(SMILES[name]))
    AllChem.EmbedMolecule(molecule, randomSeed=1)
    AllChem.MMFFOptimizeMolecule(molecule)
    return molecule.GetConformer().GetPositions()


def level_of(positions, point):
    return sum(1 / sum((a - b) ** 2 for a, b in zip(point, atom, strict=True)) for atom in positions)


@pytest.mark.parametrize("level", [3.7, 1.0])
@pytest.mark.parametrize("name", SMILES)
def test_points_lie_on_the_surface_and_nothing_outside_does(name, level):
    positions = geometry(name)
    surface = isosurface(positions, level, n_points=150)
    for point in surface.points:
        assert level_of(positions, point) == pytest.approx(level, abs=1e-6)
    centre = positions.mean(axis=0)
    # Outside, the sum falls: looked at from the surface to far away.
    factors = 1 + np.geomspace(1e-4, 20, 200)
    outside = centre + factors[:, None, None] * (surface.points - centre)
    sums = inverse_squares(positions, outside)
    assert (sums < level).all()


@pytest.mark.parametrize("level", [3.7, 1.0])
def test_the_mesh_is_closed_and_looks_outwards(level):
    positions = geometry("benzene")
    surface = isosurface(positions, level, n_points=500)
    edges = np.concatenate([surface.triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    assert len(np.unique(edges, axis=0)) == len(edges)  # every directed edge once ...
    assert {tuple(e) for e in edges.tolist()} == {(b, a) for a, b in edges.tolist()}  # ... and its reverse
    assert len(surface.points) - len(edges) // 2 + len(surface.triangles) == 2  # Euler: a sphere
    corners = surface.points[surface.triangles] - positions.mean(axis=0)
    assert (np.linalg.det(corners) > 0).all()


def test_one_atom_has_a_sphere():
    surface = isosurface(np.array([[1.0, 2.0, 3.0]]), level=4.0, n_points=2000)
    np.testing.assert_allclose(np.linalg.norm(surface.points - [1, 2, 3], axis=1), 0.5, atol=1e-9)
    corners = surface.points[surface.triangles] - [1, 2, 3]
    assert np.linalg.det(corners).sum() / 6 == pytest.approx(4 / 3 * np.pi * 0.5**3, rel=5e-3)
    assert surface.folded == 0


def test_two_atoms_on_their_axis():
    """1/(t − 1)² + 1/(t + 1)² = 1 at t² = 2 + √5 on the axis and 2/(1 + t²) = 1 at t = 1 around it."""
    surface = isosurface(np.array([[0, 0, -1.0], [0, 0, 1.0]]), level=1.0, n_points=4001)
    heights = np.abs(surface.points[:, 2])
    assert heights.max() == pytest.approx(np.sqrt(2 + np.sqrt(5)), abs=2e-3)
    waist = surface.points[heights.argmin()]
    assert np.linalg.norm(waist) == pytest.approx(1.0, abs=1e-5)


def test_folds_are_counted_and_the_outermost_point_taken():
    """Seen from between two rows of atoms, a ray along a row passes in and out."""
    row = np.array([[0.0, 0, 3.0], [0.0, 0, 0.0], [0.0, 0, -3.0]])
    surface = isosurface(row, level=1.0, n_points=1000)
    assert 0 < surface.folded < 0.2
    assert np.abs(surface.points[:, 2]).max() > 3.9
    sums = inverse_squares(row, surface.points)
    np.testing.assert_allclose(sums, 1.0, atol=1e-6)


def test_levels_that_are_not_met_are_refused():
    ring = geometry("benzene")
    with pytest.raises(ValueError, match="of all directions from the centroid, no point has"):
        isosurface(ring, level=6.0, n_points=500)
    with pytest.raises(ValueError, match="level is 0, must be positive"):
        isosurface(ring, level=0)


@pytest.mark.parametrize(("name", "least"), [("methane", 4.37), ("benzene", 23.3)])
def test_the_sum_of_distances_is_never_as_small_as_3_7_angstrom(name, least):
    positions = geometry(name)

    def total(point):
        return np.linalg.norm(positions - point, axis=1).sum()

    starts = [positions.mean(axis=0), *positions]
    found = min(minimize(total, start, method="Nelder-Mead").fun for start in starts)
    assert found == pytest.approx(least, abs=0.1) and found > 3.7
