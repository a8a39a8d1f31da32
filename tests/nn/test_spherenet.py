import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import sph_harm_y, spherical_jn

from random_numbers import random
from tutti.nn.prefixes import PrefixGraph
from tutti.nn.spherenet import SphereNet
from tutti.nn.spherical_bessel import SphericalBesselBasis, zeros
from tutti.nn.triplets import Triplets, sum_triplets, triplet_directions

COUNTS = torch.tensor([7, 1, 2, 5])


def molecules(counts: torch.Tensor = COUNTS, cutoff: float = 3.0, every: bool = True) -> PrefixGraph:
    return PrefixGraph.of_molecules(1.3 * random(int(counts.sum()), 3), counts, cutoff, every)


def network(cutoff: float = 3.0, n_spherical: int = 4) -> SphereNet:
    torch.manual_seed(0)
    return SphereNet(
        3,
        channels=12,
        layers=2,
        cutoff=cutoff,
        n_spherical=n_spherical,
        n_radial=3,
        triplet_channels=5,
        basis_channels=4,
        before=1,
        after=1,
    ).double()


def test_zeros_of_spherical_bessel_functions():
    roots = zeros(6, 6)
    assert np.abs(spherical_jn(np.arange(7)[:, None], roots)).max() < 1e-14
    np.testing.assert_allclose(roots[0], np.pi * np.arange(1, 7), rtol=1e-15)
    # None is left out: the sign changes once between neighbours.
    for l, row in enumerate(roots):
        grid = spherical_jn(l, np.linspace(1e-3, row[-1] - 1e-6, 5000))
        assert np.count_nonzero(np.diff(np.sign(grid))) == 5


def test_bessel_basis_is_scipys_and_orthonormal():
    basis = SphericalBesselBasis(7, 6, 5.0)
    r = torch.linspace(0.0, 5.0, 500, dtype=torch.float64)[:-1]
    roots = zeros(6, 6)
    l = np.arange(7)[:, None]
    expected = spherical_jn(l, roots * (r.numpy()[:, None, None] / 5.0))
    expected *= np.sqrt(2.0) / np.abs(spherical_jn(l + 1, roots))
    np.testing.assert_allclose(basis(r).numpy(), expected, atol=1e-12)
    for l, n, m in [(0, 0, 0), (3, 2, 2), (6, 5, 5), (6, 1, 4)]:

        def product(x: float, l: int = l, n: int = n, m: int = m) -> float:
            values = basis(torch.tensor([5.0 * x], dtype=torch.float64))[0, l]
            return float(values[n] * values[m]) * x * x

        assert quad(product, 0.0, 1.0)[0] == pytest.approx(float(n == m), abs=1e-9)
    beyond = basis(torch.tensor([0.0, 5.0, 7.0], dtype=torch.float64))
    assert torch.isfinite(beyond).all() and beyond[1:].abs().max() == 0


def test_bessel_basis_in_single_precision():
    basis = SphericalBesselBasis(7, 6, 5.0)
    r = torch.linspace(0.0, 4.99, 300)
    torch.testing.assert_close(basis(r).double(), basis(r.double()), atol=2e-5, rtol=0)


def triplets_by_loop(graph: PrefixGraph) -> dict[tuple[int, int, int], tuple[float, float]]:
    """(angle, torsion) by rows (k, j, i), from the definition."""
    x = graph.positions.numpy()
    near = {(int(j), int(i)) for i, j in zip(graph.receivers, graph.senders, strict=True)}
    found = {}
    for j, i in near:
        axis = (x[i] - x[j]) / np.linalg.norm(x[i] - x[j])

        def across(k: int, j: int = j, axis: np.ndarray = axis) -> np.ndarray:
            away = (x[k] - x[j]) / np.linalg.norm(x[k] - x[j])
            return away - (away @ axis) * axis

        others = sorted(k for (k, to) in near if to == j and k != i)
        reference = next((k for k in others if np.linalg.norm(across(k)) > 0.1), None)
        for k in others:
            u, torsion = across(k), 0.0
            angle = np.arctan2(np.linalg.norm(u), (x[k] - x[j]) @ axis / np.linalg.norm(x[k] - x[j]))
            if reference is not None and k > reference:
                z = across(reference) / np.linalg.norm(across(reference))
                torsion = np.arctan2(u @ np.cross(axis, z), u @ z)
            found[k, j, i] = angle, torsion
    return found


def test_directions_and_harmonics_are_those_of_angle_and_torsion():
    graph = molecules()
    directions = triplet_directions(graph)
    harmonics = Triplets.of(graph, SphericalBesselBasis(4, 3, 3.0)).harmonics.view(15, 7, 16, 7)
    expected = triplets_by_loop(graph)
    assert len(expected) >= 80
    first = {0: 0, 1: 7, 2: 8, 3: 10}
    molecule = torch.repeat_interleave(torch.arange(4), COUNTS)
    for (k, j, i), (angle, torsion) in expected.items():
        start = first[int(molecule[j])]
        x, y, z = directions[j, k - start, i - start].tolist()
        assert [np.arctan2(np.hypot(x, z), y), np.arctan2(x, z)] == pytest.approx([angle, torsion], abs=1e-9)
        values = harmonics[j, k - start, :, i - start]
        for l in range(4):
            for m in range(-l, l + 1):
                value = complex(sph_harm_y(l, abs(m), angle, torsion)) * (-1) ** m
                part = value.real if m >= 0 else value.imag
                wanted = part * (1.0 if m == 0 else np.sqrt(2.0))
                assert float(values[l * l + l + m]) == pytest.approx(wanted, abs=1e-9)


def test_sum_over_triplets_is_a_loop():
    graph = molecules()
    n, width = graph.linked.shape
    sent, geometry = random(3, len(graph.pair), seed=1), random(3, n * width, width, seed=2)
    geometry = geometry.view(3, n, width, width) * (1.0 - torch.eye(width))
    sent.requires_grad_()
    result = sum_triplets(sent, geometry.flatten(1, 2), graph)

    ranks = {}
    for j in range(n):
        for rank, row in enumerate(graph.neighbours[j].tolist()):
            ranks.setdefault((j, row), rank)
    edges = [
        (int(graph.senders[p]), int(graph.receivers[p]), int(v))
        for p, v in zip(graph.pair, graph.node, strict=True)
    ]
    # Prefixes are told apart by the numbers of their nodes.
    prefix = np.repeat(
        np.arange(int(COUNTS.sum())), np.concatenate([np.arange(1, c + 1) for c in COUNTS.tolist()])
    )
    expected = torch.zeros_like(result)
    for e, (j, i, v) in enumerate(edges):
        for e2, (k, to, v2) in enumerate(edges):
            if to == j and k != i and prefix[v] == prefix[v2]:
                expected[:, e] += sent[:, e2] * geometry[:, j, ranks[j, k], ranks[j, i]]
    torch.testing.assert_close(result, expected, atol=1e-12, rtol=0)
    weights = random(*result.shape, seed=3)
    gradients = [torch.autograd.grad((x * weights).sum(), sent)[0] for x in (result, expected)]
    torch.testing.assert_close(*gradients, atol=1e-12, rtol=0)


def test_all_prefixes_together_are_each_alone():
    species, net, graph = torch.arange(15) % 3, network(), molecules()
    together = net(species, graph)
    assert len(together) == sum(c * (c + 1) // 2 for c in COUNTS.tolist())
    start = node = 0
    for count in COUNTS.tolist():
        for size in range(1, count + 1):
            own = slice(start, start + size)
            alone = PrefixGraph.of_molecules(graph.positions[own], torch.tensor([size]), 3.0, every=False)
            torch.testing.assert_close(
                together[node : node + size], net(species[own], alone), atol=1e-10, rtol=0
            )
            node += size
        start += count


def test_features_do_not_turn_but_know_the_hand():
    species, net, graph = torch.arange(15) % 3, network(), molecules()
    features = net(species, graph)
    turn = torch.linalg.qr(random(3, 3, seed=4)).Q
    turn = turn * torch.linalg.det(turn)
    for matrix, same in [(turn, True), (-turn, False)]:
        moved = PrefixGraph.of_molecules(graph.positions @ matrix.T + 5.0, COUNTS, 3.0, every=True)
        difference = (net(species, moved) - features).abs().max()
        assert difference < 1e-10 if same else difference > 1e-3


def test_planar_molecules_are_their_own_mirror_images():
    positions = random(6, 3) * torch.tensor([1.5, 1.5, 0.0])
    counts, species, net = torch.tensor([6]), torch.arange(6) % 3, network()
    graphs = [PrefixGraph.of_molecules(p, counts, 3.0, every=True) for p in (positions, -positions)]
    torch.testing.assert_close(*(net(species, g) for g in graphs), atol=1e-10, rtol=0)


def test_features_follow_a_permutation_that_keeps_the_references():
    """Molecules change places; in one, atoms that are nobody's reference or come after it are exchanged."""
    net, positions, species = network(cutoff=20.0), random(12, 3), torch.arange(12) % 3
    counts = torch.tensor([6, 6])
    features = net(species, PrefixGraph.of_molecules(positions, counts, 20.0, every=False))
    # All are linked: only ranks 0 ... 2 are references, whatever the order of the others.
    order = torch.tensor([6, 7, 8, 11, 9, 10, 0, 1, 2, 5, 3, 4])
    permuted = net(species[order], PrefixGraph.of_molecules(positions[order], counts, 20.0, every=False))
    torch.testing.assert_close(permuted, features[order], atol=1e-10, rtol=0)


def test_features_are_smooth_at_the_cutoff():
    net, species, counts = network(), torch.zeros(3, dtype=torch.long), torch.tensor([3])
    positions = torch.tensor([[0.0, 0, 0], [1.2, 0, 0], [0.5, 2.9, 0]], dtype=torch.float64)

    def at(distance: float) -> torch.Tensor:
        place = positions.clone()
        place[2] = torch.tensor([0.0, distance, 0.0])
        return net(species, PrefixGraph.of_molecules(place, counts, 3.0, every=False))

    # The message itself does not end at the cutoff, but nobody is moved by it: filters go to zero.
    assert (at(3.0 - 1e-5) - at(3.0 + 1e-5))[2].abs().max() < 1e-8


@pytest.mark.parametrize("case", ["one spot", "in line", "far apart"])
def test_degenerate_molecules_have_features_and_gradients(case):
    line = torch.arange(5, dtype=torch.float64)[:, None] * torch.tensor([1.0, 0.0, 0.0])
    positions = {"one spot": 0.0 * line, "in line": line, "far apart": 100.0 * line}[case]
    net = network()
    graph = PrefixGraph.of_molecules(positions, torch.tensor([5]), 3.0, every=True)
    features = net(torch.arange(5) % 3, graph)
    features.square().sum().backward()
    assert torch.isfinite(features).all()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)
