import pytest
import torch
from e3nn import o3

from tutti.nn import convolution
from tutti.nn.convolution import EdgeConvolution, entries
from tutti.nn.equivariant import (
    EquivariantLinear,
    SpeciesGroups,
    SpeciesLinear,
    align_to_polar_axis,
    degrees,
    dimension,
)
from tutti.nn.graph import EdgeGraph

pytestmark = pytest.mark.usefixtures("double")


def directions(n: int) -> torch.Tensor:
    random = torch.randn(n, 3, generator=torch.Generator().manual_seed(0))
    poles = torch.tensor([[0.0, 1, 0], [0, -1, 0], [1, 0, 0], [0, 0, 1], [1e-9, 1, 0]])
    return torch.nn.functional.normalize(torch.cat([random, poles]), dim=-1)


def rotation(lmax: int) -> torch.Tensor:
    return torch.block_diag(*[o3.wigner_D(l, *torch.tensor([0.4, 1.1, -2.0])) for l in range(lmax + 1)])


def edges(to: torch.Tensor, lmax: int) -> EdgeGraph:
    """One edge per direction, from each node to itself."""
    nodes = torch.arange(len(to))
    return EdgeGraph(nodes, nodes, torch.ones(len(to)), to, 1, lmax)


def test_alignment_is_orthogonal_and_points_every_direction_at_the_pole():
    to = directions(50)
    for l, turn in enumerate(align_to_polar_axis(5, to)):
        identity = torch.eye(2 * l + 1).expand(len(to), -1, -1)
        torch.testing.assert_close(turn @ turn.mT, identity, atol=1e-12, rtol=0)
        turned = (turn @ o3.spherical_harmonics(l, to, True, "component")[..., None])[..., 0]
        expected = torch.zeros(len(to), 2 * l + 1)
        expected[:, l] = (2 * l + 1) ** 0.5
        # The direction 1e-9 off the pole limits the accuracy.
        torch.testing.assert_close(turned, expected, atol=1e-7, rtol=0)


def test_alignment_is_a_rotation_not_only_orthogonal():
    turns = align_to_polar_axis(4, directions(20))
    for edge in range(25):
        # The matrix of l = 1 in e3nn's order is the rotation of (x, y, z) itself.
        angles = o3.matrix_to_angles(turns[1][edge])
        for l, turn in enumerate(turns):
            # One of the directions is 1e-9 off the pole, where rounding in the angles shows.
            torch.testing.assert_close(turn[edge], o3.wigner_D(l, *angles), atol=1e-7, rtol=0)


@pytest.mark.parametrize(("l_in", "l_out"), [(0, 0), (0, 3), (2, 2), (3, 0), (1, 3), (4, 2)])
def test_convolution_has_the_tensor_products_with_all_harmonics_that_couple(l_in, l_out):
    """Weights made of Wigner 3j symbols give products of what comes from l1 with harmonics of degree l2."""
    channels, to = 3, directions(15)
    module = EdgeConvolution(l_in, l_out, channels, 1)
    factors = torch.randn(l_in + 1, l_out + 1, l_in + l_out + 1, channels)
    h, radial = torch.randn(len(to), dimension(l_in), channels), torch.rand(len(to), 1)
    with torch.no_grad():
        for m, l3, start, _ in entries(l_in, l_out):
            for l1 in range(m, l_in + 1):
                degrees_of_harmonics = range(abs(l1 - l3), l1 + l3 + 1, 2)
                module.weight[0, start + l1 - m] = sum(
                    factors[l1, l3, l2] * (2 * l2 + 1) ** 0.5 * o3.wigner_3j(l1, l2, l3)[l1 + m, l2, l3 + m]
                    for l2 in degrees_of_harmonics
                )
    result = module(h, radial, edges(to, max(l_in, l_out)), len(to))
    for l3 in range(l_out + 1):
        expected = torch.zeros(len(to), 2 * l3 + 1, l_in + 1, channels)
        for l1 in range(l_in + 1):
            for l2 in range(abs(l1 - l3), l1 + l3 + 1, 2):
                harmonics = o3.spherical_harmonics(l2, to, True, "component")
                product = torch.einsum(
                    "eic,ej,ijk,c->ekc",
                    h[:, l1 * l1 : (l1 + 1) ** 2],
                    harmonics,
                    o3.wigner_3j(l1, l2, l3),
                    factors[l1, l3, l2],
                )
                expected[:, :, l1] += radial[:, :, None] * product
        # The one direction that is 1e-9 off the pole limits the accuracy; the others agree to rounding.
        torch.testing.assert_close(result[l3], expected.flatten(2), atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(result[l3][:-1], expected.flatten(2)[:-1], atol=1e-11, rtol=0)


def of_pairs() -> tuple[EdgeGraph, torch.Tensor, torch.Tensor]:
    """Both edges of each pair of five atoms in two molecules, features and radial features."""
    positions = 2.0 * torch.rand(5, 3)
    graph = EdgeGraph.of_molecules(positions, torch.tensor([3, 2]), 4.0, 3)
    return graph, torch.randn(5, dimension(2), 2), torch.randn(len(graph.distances), 4)


def test_convolution_sums_messages_at_receivers_and_both_ways_share_the_weights():
    module, (graph, h, radial) = EdgeConvolution(2, 3, 2, 4), of_pairs()
    signs = torch.tensor([1.0, -1.0])
    vectors = (graph.directions[:, None] * signs[:, None]).flatten(0, 1)
    n = len(graph.senders)
    assert n == 8
    each = EdgeGraph(torch.arange(n), graph.senders, graph.distances.repeat_interleave(2), vectors, 1, 3)
    messages = module(h, radial.repeat_interleave(2, 0), each, n)
    for summed, single in zip(module(h, radial, graph, 5), messages, strict=True):
        expected = torch.stack([single[graph.receivers == i].sum(0) for i in range(5)])
        torch.testing.assert_close(summed, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("l_in", "l_out"), [(0, 2), (2, 1), (2, 3)])
def test_gradients_of_the_convolution_are_finite_differences(l_in, l_out):
    graph, h, radial = of_pairs()
    module = EdgeConvolution(l_in, l_out, 2, 4)
    inputs = [h[:, : dimension(l_in)].clone(), radial, module.weight.detach()]

    def function(h: torch.Tensor, radial: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(torch.func.functional_call(module, {"weight": weight}, (h, radial, graph, 5)))

    assert torch.autograd.gradcheck(function, [x.requires_grad_() for x in inputs])


def test_blocks_change_nothing(monkeypatch):
    module, (graph, h, radial) = EdgeConvolution(2, 3, 2, 4), of_pairs()

    def values() -> list[torch.Tensor]:
        leaves = [h.clone().requires_grad_(), radial.clone().requires_grad_()]
        result = torch.cat([part.flatten() for part in module(*leaves, graph, 5)])
        return [result.detach(), *torch.autograd.grad(result.square().sum(), [*leaves, module.weight])]

    whole = values()
    monkeypatch.setattr(convolution, "_BLOCK", {"cpu": 1})
    for expected, found in zip(whole, values(), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-11, rtol=1e-12)


def test_linear_maps_commute_with_rotations():
    lmax, channels = 3, 4
    x, turn, species = (
        torch.randn(6, dimension(lmax), channels),
        rotation(lmax),
        torch.tensor([0, 2, 0, 1, 2, 2]),
    )
    linear = EquivariantLinear(lmax, channels, 5)
    torch.testing.assert_close(linear(turn @ x), turn @ linear(x), atol=1e-12, rtol=0)
    by_species = SpeciesLinear(4, channels, [5] * (lmax + 1))
    turned, still = (torch.cat(by_species(y, SpeciesGroups.of(species, 4)), dim=1) for y in (turn @ x, x))
    torch.testing.assert_close(turned, turn @ still, atol=1e-12, rtol=0)


def test_linear_maps_are_their_formulas():
    x, species = torch.randn(3, 4, 5), torch.tensor([1, 0, 1])
    linear, by_species = EquivariantLinear(2, 5, 2), SpeciesLinear(2, 5, [3, 2])
    results = by_species(x, SpeciesGroups.of(species, 2))
    assert [part.shape for part in results] == [(3, 1, 3), (3, 3, 2)]
    for n in range(3):
        for row, l in enumerate(degrees(1).tolist()):
            torch.testing.assert_close(linear(x)[n, row], x[n, row] @ linear.weight[l] / 5**0.5)
            expected = x[n, row] @ by_species.weights[l][species[n]] / 5**0.5
            torch.testing.assert_close(results[l][n, row - l * l], expected)


def test_degrees():
    assert degrees(2).tolist() == [0, 1, 1, 1, 2, 2, 2, 2, 2]
