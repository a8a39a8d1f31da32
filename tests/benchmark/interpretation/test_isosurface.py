from functools import cache

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem
from scipy.optimize import minimize

from tutti.benchmark.interpretation.isosurface import isosurface

SMILES = {"methane": "C", "ethanol": "CCO", "benzene": "c1ccccc1", "toluene": "Cc1ccccc1"}


@cache
def geometry(name):
    molecule = Chem.AddHs(Chem.MolFromSmiles(SMILES[name]))
    AllChem.EmbedMolecule(molecule, randomSeed=1)
    AllChem.MMFFOptimizeMolecule(molecule)
    return molecule.GetConformer().GetPositions()


def inverse_squares(positions, points):
    squares = np.square(points[..., None, :] - positions).sum(axis=-1)
    return (1 / squares).sum(axis=-1)


def level_of(positions, point):
    return sum(1 / sum((a - b) ** 2 for a, b in zip(point, atom, strict=True)) for atom in positions)


def corners_of(surface):
    return surface.points[surface.triangles]


def volume(surface):
    """By the divergence theorem; positive where triangles look outwards."""
    return np.linalg.det(corners_of(surface)).sum() / 6


def edges_of(surface):
    return np.concatenate([surface.triangles[:, [i, (i + 1) % 3]] for i in range(3)])


@pytest.mark.parametrize("level", [3.7, 1.0])
@pytest.mark.parametrize("name", SMILES)
def test_points_lie_on_the_surface_and_enclose_all_that_is_inside(name, level):
    positions = geometry(name)
    surface = isosurface(positions, level)
    for point in surface.points[::20]:
        assert level_of(positions, point) == pytest.approx(level, abs=1e-9)
    # Volume by counting: of what is inside nothing is left out, and nothing beside it is taken in.
    low, high = surface.points.min(axis=0) - 0.1, surface.points.max(axis=0) + 0.1
    drawn = np.random.default_rng(0).uniform(low, high, size=(200_000, 3))
    share = (inverse_squares(positions, drawn) >= level).mean()
    scatter = np.sqrt(share * (1 - share) / len(drawn)) * np.prod(high - low)
    assert volume(surface) == pytest.approx(share * np.prod(high - low), abs=4 * scatter, rel=0.01)


@pytest.mark.parametrize("level", [3.7, 1.0])
@pytest.mark.parametrize("name", SMILES)
def test_the_mesh_is_closed_and_looks_outwards(name, level):
    positions = geometry(name)
    surface = isosurface(positions, level)
    edges = edges_of(surface)
    assert len(np.unique(edges, axis=0)) == len(edges)  # every directed edge once ...
    assert {tuple(e) for e in edges.tolist()} == {(b, a) for a, b in edges.tolist()}  # ... and its reverse
    assert len(surface.points) - len(edges) // 2 + len(surface.triangles) == 2  # Euler: a sphere
    corners = corners_of(surface)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals *= 1e-3 / np.linalg.norm(normals, axis=1, keepdims=True)
    middles = corners.mean(axis=1)
    assert (inverse_squares(positions, middles + normals) < inverse_squares(positions, middles)).all()


def test_one_atom_has_a_sphere():
    surface = isosurface(np.array([[1.0, 2.0, 3.0]]), level=4.0, resolution=0.05)
    np.testing.assert_allclose(np.linalg.norm(surface.points - [1, 2, 3], axis=1), 0.5, atol=1e-9)
    assert volume(surface) == pytest.approx(4 / 3 * np.pi * 0.5**3, rel=5e-3)


def test_two_atoms_on_their_axis():
    """1/(t − 1)² + 1/(t + 1)² = 1 at t² = 2 + √5 on the axis and 2/(1 + t²) = 1 at t = 1 around it."""
    surface = isosurface(np.array([[0, 0, -1.0], [0, 0, 1.0]]), level=1.0, resolution=0.05)
    heights = np.abs(surface.points[:, 2])
    assert heights.max() == pytest.approx(np.sqrt(2 + np.sqrt(5)), abs=2e-3)
    waist = surface.points[heights < 0.025]
    np.testing.assert_allclose(np.linalg.norm(waist, axis=1), 1.0, atol=1e-3)


def test_a_bent_chain_is_followed_into_its_fold():
    """Two arms side by side: no chord leads from one to the other across the gap between them."""
    arm = np.arange(8) * 1.2
    positions = np.array(
        [[x, 0, 0] for x in arm] + [[0, y, 0] for y in (1.5, 3.0)] + [[x, 4.5, 0] for x in arm]
    )
    surface = isosurface(positions)
    gap = corners_of(surface).mean(axis=1)
    assert not ((np.abs(gap[:, 1] - 2.25) < 0.5) & (gap[:, 0] > 2.5)).any()
    edges = edges_of(surface)
    lengths = np.linalg.norm(np.diff(surface.points[edges], axis=1), axis=-1)
    assert lengths.max() < 0.6


def test_pieces_that_are_apart_are_all_there():
    surface = isosurface(np.array([[0.0, 0, 0], [0, 0, 10.0]]), level=4.0, resolution=0.2)
    assert sorted(np.unique(np.round(surface.points[:, 2] / 10))) == [0, 1]
    assert len(surface.points) - len(surface.triangles) // 2 == 4  # Euler: two spheres


def test_levels_that_are_not_positive_are_refused():
    with pytest.raises(ValueError, match="level is 0, must be positive"):
        isosurface(geometry("benzene"), level=0)


@pytest.mark.parametrize(("name", "least"), [("methane", 4.37), ("benzene", 23.3)])
def test_the_sum_of_distances_is_never_as_small_as_3_7_angstrom(name, least):
    positions = geometry(name)

    def total(point):
        return np.linalg.norm(positions - point, axis=1).sum()

    starts = [positions.mean(axis=0), *positions]
    found = min(minimize(total, start, method="Nelder-Mead").fun for start in starts)
    assert found == pytest.approx(least, abs=0.1) and found > 3.7
