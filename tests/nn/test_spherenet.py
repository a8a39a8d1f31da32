import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import sph_harm_y, spherical_jn

from random_numbers import random
from tutti.nn.prefixes import PrefixGraph
from tutti.nn.spherenet import SphereNet
from tutti.nn.spherical_bessel import SphericalBesselBasis, zeros
from tutti.nn.triplets import TripletBases, TripletBasis, sum_paths, triplet_angles

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
        readout_channels=16,
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


def paths_by_loop(graph: PrefixGraph, counts: list[int]) -> list[tuple[int, tuple[int, int, int, int]]]:
    """(size of the prefix, rows (k, j, i, r)) of all prefixes, from the definition."""
    x = graph.positions.numpy()
    distances = np.linalg.norm(x[:, None] - x, axis=-1)
    near = {(int(j), int(i)) for i, j in zip(graph.receivers, graph.senders, strict=True)}
    found, start = [], 0
    for count in counts:
        for size in range(1, count + 1):
            own = range(start, start + size)
            for j, i in [pair for pair in near if set(pair) <= set(own)]:
                others = [k for k in own if k not in (i, j)]
                reference = min(others, key=lambda k, j=j: distances[j, k], default=None)
                found += [(size, (k, j, i, reference)) for k in others if (k, j) in near]
        start += count
    return found


def size_of_prefix(counts: list[int]) -> np.ndarray:
    """By node."""
    return np.concatenate([np.repeat(np.arange(1, c + 1), np.arange(1, c + 1)) for c in counts])


def test_paths_and_triplets_are_those_of_a_loop():
    graph = molecules()
    sizes, expected = size_of_prefix(COUNTS.tolist()), paths_by_loop(graph, COUNTS.tolist())
    corners = graph.corners.tolist()
    found = [
        (int(sizes[graph.node[ji]]), tuple(corners[t]))
        for ji, t in zip(graph.outgoing, graph.triplet, strict=True)
    ]
    assert sorted(found) == sorted(expected) and len(found) >= 130
    # Each triplet once, with its pair and its edges.
    assert len({tuple(each) for each in corners}) == len(corners) == len(set(expected_corners(expected)))
    assert graph.senders[graph.sent].tolist() == graph.corners[:, 0].tolist()
    assert graph.receivers[graph.sent].tolist() == graph.corners[:, 1].tolist()
    for edges, (sender, receiver) in ((graph.incoming, (0, 1)), (graph.outgoing, (1, 2))):
        rows = graph.corners[graph.triplet]
        assert torch.equal(graph.senders[graph.pair[edges]], rows[:, sender])
        assert torch.equal(graph.receivers[graph.pair[edges]], rows[:, receiver])
    assert torch.equal(graph.atom[graph.node], graph.receivers[graph.pair])
    # The same three atoms have another reference once a closer one is there.
    assert len({tuple(each[:3]) for each in corners}) < len(corners)


def expected_corners(paths: list) -> list[tuple[int, ...]]:
    return [corners for _, corners in paths]


def multiplied_out(bases: TripletBases) -> tuple[torch.Tensor, ...]:
    """[D, S · n] and [D, S² · n]."""
    angle, both = zip(*bases.blocks(), strict=True)
    return torch.cat(angle), torch.cat(both)


def test_angles_torsions_and_bases():
    """Angles by dihedrals of RDKit's sign, harmonics and Bessel functions by SciPy."""
    graph, basis = molecules(), TripletBasis(4, 3, 3.0)
    x = graph.positions.numpy()
    distances = torch.linalg.vector_norm(
        graph.positions[graph.receivers] - graph.positions[graph.senders], dim=1
    )
    angles, torsions = (values.numpy() for values in triplet_angles(graph))
    of_angle, of_both = (values.numpy() for values in multiplied_out(basis(graph, distances)))
    roots = zeros(3, 3)
    for t, (k, j, i, r) in enumerate(graph.corners.tolist()):
        u, v, w = x[i] - x[j], x[k] - x[j], x[r] - x[j]
        assert angles[t] == pytest.approx(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v)), abs=1e-7)
        axis = u / np.linalg.norm(u)
        across = [a - (a @ axis) * axis for a in (v, w)]
        turned = complex(across[1] @ across[0], axis @ np.cross(across[0], across[1]))
        assert np.exp(1j * torsions[t]) == pytest.approx(turned / abs(turned), abs=1e-9)
        radial = spherical_jn(np.arange(4)[:, None], roots * np.linalg.norm(v) / 3.0)
        radial *= np.sqrt(2.0) / np.abs(spherical_jn(np.arange(1, 5)[:, None], roots))
        q = 0
        for l in range(4):
            zonal = sph_harm_y(l, 0, angles[t], 0.0).real
            assert of_angle[t, 3 * l : 3 * l + 3] == pytest.approx(zonal * radial[l], abs=1e-9)
            for m in [*range(l + 1), *range(-l, 0)]:
                value = sph_harm_y(l, abs(m), angles[t], torsions[t])
                value = value.real if m >= 0 else value.imag
                wanted = value * (np.sqrt(2.0) if m else 1.0) * radial[q % 4]
                assert of_both[t, 3 * q : 3 * q + 3] == pytest.approx(wanted, abs=1e-9)
                q += 1
    assert ((torsions > 0) & (torsions <= 2 * np.pi)).all()


def test_reduced_bases_are_products_block_by_block(monkeypatch):
    graph, basis = molecules(), TripletBasis(4, 3, 3.0)
    bases = basis(graph, random(len(graph.receivers)).abs())
    full = multiplied_out(bases)
    monkeypatch.setattr("tutti.nn.triplets._TRIPLETS", 5)
    assert len(list(bases.blocks())) > 2
    weights = [random(6, values.shape[1], seed=1).requires_grad_() for values in full]
    outer = [random(len(values), 6, seed=2) for values in full]
    found, expected = bases.reduced(*weights), [v @ w.T for v, w in zip(full, weights, strict=True)]
    torch.testing.assert_close(list(found), expected, atol=1e-12, rtol=0)
    gradients = (
        torch.autograd.grad(sum((y * o).sum() for y, o in zip(each, outer, strict=True)), weights)
        for each in (found, expected)
    )
    torch.testing.assert_close(*gradients, atol=1e-12, rtol=0)


def test_sum_over_paths_is_a_loop(monkeypatch):
    monkeypatch.setattr("tutti.nn.triplets._BLOCK", 7)
    graph = molecules()
    sent, geometry = random(len(graph.pair), 3, seed=1), random(len(graph.corners), 3, seed=2)
    sent.requires_grad_()
    geometry.requires_grad_()
    result = sum_paths(sent, geometry, graph)
    expected = torch.zeros_like(result)
    for kj, ji, t in zip(graph.incoming, graph.outgoing, graph.triplet, strict=True):
        expected[ji] += sent[kj] * geometry[t]
    torch.testing.assert_close(result, expected, atol=1e-12, rtol=0)
    weights = random(*result.shape, seed=3)
    found, wanted = (torch.autograd.grad((y * weights).sum(), (sent, geometry)) for y in (result, expected))
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=0)


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
        assert difference < 1e-10 if same else difference > 1e-6, float(difference)


def test_planar_molecules_are_their_own_mirror_images():
    positions = random(6, 3) * torch.tensor([1.5, 1.5, 0.0])
    counts, species, net = torch.tensor([6]), torch.arange(6) % 3, network()
    graphs = [PrefixGraph.of_molecules(p, counts, 3.0, every=True) for p in (positions, -positions)]
    torch.testing.assert_close(*(net(species, g) for g in graphs), atol=1e-10, rtol=0)


def test_features_follow_a_permutation():
    net, positions, species = network(), random(12, 3), torch.arange(12) % 3
    counts, order = torch.tensor([5, 7]), torch.tensor([8, 5, 7, 6, 11, 9, 10, 1, 3, 4, 0, 2])
    features = net(species, PrefixGraph.of_molecules(positions, counts, 3.0, every=False))
    turned = PrefixGraph.of_molecules(positions[order], counts.flip(0), 3.0, every=False)
    torch.testing.assert_close(net(species[order], turned), features[order], atol=1e-10, rtol=0)


def test_features_of_those_that_stay_are_smooth_at_the_cutoff():
    net, species, counts = network(), torch.zeros(4, dtype=torch.long), torch.tensor([4])

    def at(distance: float) -> torch.Tensor:
        place = [[0.0, 0, 0], [1.2, 0, 0], [-0.3, -1.0, 0.5], [0.0, distance, 0.0]]
        place = torch.tensor(place, dtype=torch.float64)
        return net(species, PrefixGraph.of_molecules(place, counts, 3.0, every=False))[:3]

    # Nobody is moved by a message that ends at the cutoff: its filters go to zero.
    assert (at(3.0 - 1e-5) - at(3.0 + 1e-5)).abs().max() < 1e-7
    assert (at(2.0) - at(2.5)).abs().max() > 1e-4


def test_an_edge_in_no_triplet_keeps_its_first_message():
    """Of two pairs far from each other, as of one alone; an atom without neighbours keeps its embedding."""
    net, species = network(), torch.tensor([0, 1, 2, 0, 1])
    x = torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [9.0, 0, 0], [9.0, 1.5, 0], [0.0, 20.0, 0]]).double()
    graph = PrefixGraph.of_molecules(x, torch.tensor([5]), 3.0, every=False)
    features = net(species, graph)
    radial, embedded = net.distances(torch.tensor([1.0, 1.5]).double()), net.embedding(species)
    for row, other, pair in [(0, 1, 0), (1, 0, 0), (2, 3, 1), (3, 2, 1)]:
        own = torch.nn.functional.silu(net.first.radial(radial[pair]))
        message = torch.nn.functional.silu(net.first.dense(torch.cat([embedded[row], embedded[other], own])))
        expected = net.readout(net.filter_alone(radial[pair]) * message)
        torch.testing.assert_close(features[row], expected, atol=1e-12, rtol=0)
    assert torch.equal(features[4], embedded[4])


def test_initial_weights():
    net = network()
    assert net.embedding.weight.abs().max() <= 3.0**0.5 and net.embedding.weight.abs().max() > 1.0
    default = [net.first.radial, net.first.dense]
    for module in net.modules():
        if isinstance(module, torch.nn.Linear) and module not in default:
            w = module.weight
            assert w.square().mean().item() == pytest.approx(2.0 / sum(w.shape), rel=1e-6)
            gram = w @ w.T if len(w) <= w.shape[1] else w.T @ w
            assert (gram - gram[0, 0] * torch.eye(len(gram))).abs().max() < 1e-6
            if module.bias is not None:
                assert bool(module.bias.any()) == (module is net.readout[0])
    assert net.distances.frequencies.tolist() == pytest.approx([np.pi, 2 * np.pi, 3 * np.pi], rel=1e-6)


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
