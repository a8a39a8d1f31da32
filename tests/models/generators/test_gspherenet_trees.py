import dataclasses
import itertools
import math

import gspherenet_models
import networkx
import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdMolTransforms
from rdkit.Geometry import Point3D
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

from tutti.core.structures import Structures
from tutti.models.generators.gspherenet import Config
from tutti.models.generators.gspherenet.trees import (
    Placements,
    canonical,
    carbon_first,
    references,
    tree_order,
    wrap,
)

PUBLISHED, MIRRORED = Config(), Config(mirrored=True)


def planted(positions: np.ndarray, n_atoms: np.ndarray) -> list[np.ndarray]:
    found = tree_order(torch.from_numpy(positions), torch.from_numpy(n_atoms), PUBLISHED)
    return [x.numpy() for x in found]


@pytest.mark.parametrize("seed", range(20))
def test_trees_are_minimal(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(rng.integers(1, 12), 3))
    pairs = squareform(pdist(points))
    order, parents = planted(points, np.array([len(points)]))
    edges = [(order[k], order[parents[k]]) for k in range(1, len(points))]
    total = sum(pairs[edge] for edge in edges)
    assert total == pytest.approx(minimum_spanning_tree(pairs).sum(), abs=1e-12)
    graph = networkx.from_numpy_array(pairs)
    expected = networkx.minimum_spanning_edges(graph, algorithm="prim", data=False)
    assert {frozenset(map(int, edge)) for edge in edges} == {frozenset(edge) for edge in expected}


def test_every_atom_is_the_closest_to_those_placed_before():
    rng = np.random.default_rng(0)
    n_atoms = np.array([1, 9, 2, 6])
    positions = rng.normal(size=(n_atoms.sum(), 3))
    order, parents = planted(positions, n_atoms)
    start = 0
    for n in n_atoms:
        own, up = order[start : start + n] - start, parents[start : start + n]
        pairs = squareform(pdist(positions[start : start + n]))
        assert own[0] == 0 and up[0] == 0 and sorted(own) == list(range(n))
        for rank in range(1, n):
            links = {pairs[a, b]: (a, b) for a, b in itertools.product(own[:rank], sorted(set(own[rank:])))}
            assert (own[up[rank]], own[rank]) == links[min(links)]
        start += n


def test_order_does_not_stop_at_atoms_that_are_nowhere():
    positions = np.array([[0.0, 0, 0], [1, 0, 0], [np.nan] * 3, [2, 0, 0]])
    order, _ = planted(positions, np.array([4]))
    assert order.tolist() == [0, 1, 3, 2]


def test_equal_distances_keep_the_order_of_the_atoms():
    square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    order, parents = planted(square, np.array([4]))
    assert order.tolist() == [0, 1, 2, 3] and parents.tolist() == [0, 0, 1, 0]


def test_references_by_brute_force():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(60, 7, 3))
    sizes, focus = rng.integers(1, 8, size=60), rng.integers(0, 100, size=60)
    focus = focus % sizes
    first, second, found = (
        x.tolist() for x in references(*map(torch.from_numpy, (points, sizes, focus)), PUBLISHED)
    )
    for p in range(60):
        pairs, f = squareform(pdist(points[p])), int(focus[p])
        others = [k for k in range(sizes[p]) if k != f]
        c1 = min(others, key=lambda k: pairs[f, k], default=f)
        others = [k for k in others if k != c1]
        c2 = min(others, key=lambda k: pairs[c1, k], default=f)
        assert [first[p], second[p], found[p]] == [c1, c2, bool(others)]


@pytest.mark.parametrize(("config", "found"), [(PUBLISHED, (1, 2, True)), (MIRRORED, (1, 3, True))])
def test_atoms_in_line_are_no_second_reference_of_a_mirrored_model(config, found):
    line = torch.tensor([[[0.0, 0, 0], [1.2, 0, 0], [2.4, 1e-3, 0], [2.0, 3.0, 0]]])
    first, second, known = references(line, torch.tensor([4]), torch.tensor([0]), config)
    assert (int(first), int(second), bool(known)) == found
    _, second, known = references(line, torch.tensor([3]), torch.tensor([0]), config)
    assert (int(second), bool(known)) == ((0, False) if config.mirrored else (2, True))


def test_the_first_carbon_takes_the_place_of_the_first_atom():
    numbers = np.array([8, 1, 6, 6, 6, 1, 8, 1, 7, 6])
    rows = carbon_first(numbers, np.array([4, 2, 2, 2]))
    assert rows.tolist() == [2, 1, 0, 3, 4, 5, 6, 7, 9, 8]
    assert carbon_first(numbers[:0], np.array([], dtype=int)).tolist() == []


def placements(structures: Structures) -> tuple[Placements, np.ndarray]:
    order, parents = planted(structures.positions, structures.n_atoms)
    positions = structures.positions[order]
    counts = torch.from_numpy(structures.n_atoms)
    points = torch.from_numpy(positions)
    return Placements(points, points, counts, torch.from_numpy(parents), PUBLISHED), positions


def test_coordinates_of_real_molecules_are_rdkits():
    structures = gspherenet_models.molecules(6)
    found, positions = placements(structures)
    for row in range(len(found.rank)):
        start = structures.offsets[int(found.molecule[row])]
        atoms = [int(found.rank[row]), *(int(x[row]) for x in (found.focus, found.first, found.second))]
        conformer = Chem.Conformer(4)
        for k, atom in enumerate(atoms):
            conformer.SetAtomPosition(k, Point3D(*positions[start + atom]))
        distance, angle, torsion = found.coordinates[row].tolist()
        assert distance == pytest.approx(rdMolTransforms.GetBondLength(conformer, 0, 1), abs=1e-9)
        assert bool(found.has_angle[row]) == (atoms[0] > 1)
        if found.has_angle[row]:
            assert angle == pytest.approx(rdMolTransforms.GetAngleRad(conformer, 0, 1, 2), abs=1e-9)
        if found.has_torsion[row]:
            expected = rdMolTransforms.GetDihedralRad(conformer, 3, 2, 1, 0)
            assert math.remainder(torsion + expected, 2 * math.pi) == pytest.approx(0.0, abs=1e-9)
    assert found.has_torsion.sum() > 30


def test_torsions_are_cut_between_planar_ones():
    angles = torch.tensor([-3.2, -math.pi, -1.58, -1.57, 0.0, 1.6, math.pi, 4.71, 4.72], dtype=torch.float64)
    wrapped = wrap(angles, MIRRORED)
    assert ((wrapped >= -math.pi / 2) & (wrapped < 1.5 * math.pi)).all()
    torch.testing.assert_close(torch.cos(wrapped), torch.cos(angles))
    torch.testing.assert_close(torch.sin(wrapped), torch.sin(angles))
    assert wrapped[[1, 6]].tolist() == pytest.approx([math.pi] * 2)


def test_published_torsions_are_cut_at_zero():
    angles = torch.tensor([-math.pi, -1e-9, 0.0, 1e-9, math.pi], dtype=torch.float64)
    expected = [math.pi, 2 * math.pi - 1e-9, 2 * math.pi, 1e-9, math.pi]
    assert wrap(angles, PUBLISHED).tolist() == pytest.approx(expected, abs=1e-12)


def in_canonical_form(structures: Structures, tolerance: float) -> tuple[torch.Tensor, ...]:
    config = dataclasses.replace(MIRRORED, tolerance=tolerance)
    positions, counts = torch.from_numpy(structures.positions), torch.from_numpy(structures.n_atoms)
    order, parents, sign, decided = canonical(positions, counts, config)
    seen = positions[order] * torch.repeat_interleave(sign, counts)[:, None]
    return order, parents, sign, decided, Placements(seen, seen, counts, parents, config)


@pytest.mark.parametrize("tolerance", [0.0, 0.1])
def test_mirror_images_are_seen_as_one(tolerance):
    structures = gspherenet_models.molecules(40)
    order, parents, sign, decided, found = in_canonical_form(structures, tolerance)
    turn = gspherenet_models.rotation()
    for matrix, side in [(turn, 1.0), (-turn, -1.0)]:
        moved = gspherenet_models.moved(structures, matrix, 3.0)
        again = in_canonical_form(moved, tolerance)
        assert torch.equal(again[3], decided)
        assert torch.equal(again[2][decided], side * sign[decided])
        if tolerance == 0.0:
            assert torch.equal(again[0], order) and torch.equal(again[1], parents)
        for name in ("molecule", "rank", "focus", "first", "second", "has_torsion"):
            assert torch.equal(getattr(again[4], name), getattr(found, name)), name
        # Within a tolerance rounding chooses among atoms alike but for the noise of QM9's geometries.
        noise = 1e-4 if tolerance else 1e-6
        torch.testing.assert_close(again[4].coordinates, found.coordinates, atol=noise, rtol=0)
    if tolerance == 0.0:
        for m in range(40):
            own = (found.molecule == m) & found.has_torsion
            sines = torch.sin(found.coordinates[own, 2])
            far = sines[sines.abs() > 0.2]
            assert bool(decided[m]) == bool(len(far)) and (not len(far) or far[0] > 0)


def test_a_tolerance_orders_hydrogens_by_their_torsion():
    """Ethane, its hydrogens a little apart at random: order, references and torsions are always the same."""
    rng, angle = np.random.default_rng(0), math.radians(109.5)
    x, y = -1.09 * math.cos(angle), 1.09 * math.sin(angle)
    turns = math.radians(60) * np.arange(0, 6, 2)
    left = [[-x, y * math.cos(t), y * math.sin(t)] for t in turns]
    right = [[1.53 + x, y * math.cos(t + math.pi / 3), y * math.sin(t + math.pi / 3)] for t in turns]
    for _ in range(20):
        points = np.array([[0.0, 0, 0], [1.53, 0, 0], *rng.permutation([*left, *right])])
        points[2:] += rng.normal(scale=0.003, size=(6, 3))
        structures = Structures.from_frames([([6, 6, 1, 1, 1, 1, 1, 1], points)])
        *_, found = in_canonical_form(structures, 0.05)
        assert found.focus.tolist() == [0, 0, 0, 0, 4, 4, 4]
        assert found.first[:4].tolist() == [0, 1, 1, 1] and found.second[2:4].tolist() == [2, 2]
        torsions = torch.rad2deg(found.coordinates[found.has_torsion, 2]).tolist()
        assert torsions == pytest.approx([120, 240, -60, 120, 120], abs=3)


def test_of_equally_close_atoms_the_first_is_the_reference():
    points = torch.tensor([[[0.0, 0, 0], [1.1, 0, 0], [0, 1.09, 0], [0, 0, 1.08]]])
    for tolerance, expected in [(0.0, (3, 2)), (0.05, (1, 2))]:
        config = Config(tolerance=tolerance)
        first, second, _ = references(points, torch.tensor([4]), torch.tensor([0]), config)
        assert (int(first), int(second)) == expected


def test_published_molecules_keep_their_handedness():
    structures = gspherenet_models.molecules(10)
    positions, counts = torch.from_numpy(structures.positions), torch.from_numpy(structures.n_atoms)
    one, other = (canonical(x, counts, PUBLISHED) for x in (positions, -positions))
    assert one.sign.tolist() == other.sign.tolist() == [1.0] * 10 and one.decided.all()
    assert torch.equal(one.order, other.order)


def test_molecules_without_torsions_are_undecided():
    structures = Structures.from_frames(
        [([6], [[0, 0, 0]]), ([8, 1, 1], [[0, 0, 0], [1, 0, 0], [0, 1, 0]]), ([6, 1], [[0, 0, 0], [1, 0, 0]])]
    )
    _, _, sign, decided, found = in_canonical_form(structures, 0.0)
    assert sign.tolist() == [1, 1, 1] and not decided.any() and not found.has_torsion.any()
