import pytest
import torch
from e3nn import o3

from tutti.nn.convolution import EdgeConvolution, _paths
from tutti.nn.equivariant import EquivariantLinear, Gate, align_to_polar_axis, degrees, dimension, pad_degrees
from tutti.nn.graph import EdgeGraph

pytestmark = pytest.mark.usefixtures("double")


def directions(n: int) -> torch.Tensor:
    random = torch.randn(n, 3, generator=torch.Generator().manual_seed(0))
    poles = torch.tensor([[0.0, 1, 0], [0, -1, 0], [1, 0, 0], [0, 0, 1], [1e-9, 1, 0]])
    return torch.nn.functional.normalize(torch.cat([random, poles]), dim=-1)


def irreps(lmax: int, channels: int) -> o3.Irreps:
    return o3.Irreps([(channels, (l, (-1) ** l)) for l in range(lmax + 1)])


def channel_major(x: torch.Tensor, lmax: int) -> torch.Tensor:
    """[E, d, C] to e3nn's flat layout: per degree, channel by channel."""
    return torch.cat([x[:, l * l : (l + 1) ** 2].mT.flatten(1) for l in range(lmax + 1)], 1)


def test_alignment_is_orthogonal_and_points_every_direction_at_the_pole():
    lmax, to = 5, directions(50)
    turn = align_to_polar_axis(lmax, to)
    torch.testing.assert_close(turn @ turn.mT, torch.eye(36).expand(len(to), -1, -1), atol=1e-12, rtol=0)
    harmonics = o3.spherical_harmonics(list(range(lmax + 1)), to, True, "component")
    expected = torch.zeros(36)
    for l in range(lmax + 1):
        expected[l * l + l] = (2 * l + 1) ** 0.5
    # The direction 1e-9 off the pole limits the accuracy.
    torch.testing.assert_close(
        (turn @ harmonics[..., None])[..., 0], expected.expand(len(to), -1), atol=1e-7, rtol=0
    )


def test_alignment_is_a_rotation_not_only_orthogonal():
    turn = align_to_polar_axis(4, directions(20))
    for matrix in turn:
        # The l = 1 block in e3nn's order is the rotation of (x, y, z) itself.
        rotation = matrix[1:4, 1:4]
        angles = o3.matrix_to_angles(rotation)
        for l in range(5):
            block = matrix[l * l : (l + 1) ** 2, l * l : (l + 1) ** 2]
            # One of the directions is 1e-9 off the pole, where rounding in the angles shows.
            torch.testing.assert_close(block, o3.wigner_D(l, *angles), atol=1e-7, rtol=0)


@pytest.mark.parametrize(
    ("l_in", "l_edge", "l_out"), [(0, 0, 0), (0, 3, 3), (2, 2, 2), (3, 3, 0), (2, 4, 3), (5, 5, 5), (1, 2, 3)]
)
def test_convolution_equals_the_tensor_product_of_e3nn(l_in, l_edge, l_out):
    channels, hidden, to = 3, 4, directions(15)
    generator = torch.Generator().manual_seed(1)
    convolution = EdgeConvolution(l_in, l_edge, l_out, channels, hidden, bias=True)
    torch.nn.init.normal_(convolution.bias, generator=generator)
    h = torch.randn(len(to), dimension(l_in), channels, generator=generator)
    radial = torch.randn(len(to), hidden, generator=generator)
    envelope = torch.rand(len(to), generator=generator)
    nodes = torch.arange(len(to))
    graph = EdgeGraph(nodes, nodes, torch.ones(len(to)), align_to_polar_axis(max(l_in, l_out), to))
    result = convolution(h, radial, envelope, graph, len(to))

    product = o3.TensorProduct(
        irreps(l_in, channels),
        irreps(l_edge, 1),
        irreps(l_out, channels),
        [(*path, "uvu", True) for path in _paths(l_in, l_edge, l_out)],
        irrep_normalization="component",
        path_normalization="element",
        shared_weights=False,
        internal_weights=False,
    )
    weights = torch.einsum("eh,hpc->epc", radial, convolution.weight)
    weights = weights + envelope[:, None, None] * convolution.bias
    harmonics = o3.spherical_harmonics(list(range(l_edge + 1)), to, True, "component")
    expected = product(channel_major(h, l_in), harmonics, weights.flatten(1))
    torch.testing.assert_close(channel_major(result, l_out), expected, atol=1e-6, rtol=1e-6)
    # The one direction that is 1e-9 off the pole limits the accuracy; the others agree to rounding.
    torch.testing.assert_close(channel_major(result, l_out)[:-1], expected[:-1], atol=1e-11, rtol=0)


def test_convolution_sums_messages_at_receivers():
    convolution = EdgeConvolution(1, 1, 1, 2, 3, bias=False)
    frames = align_to_polar_axis(1, directions(1)[:4])
    h, radial = torch.randn(5, 4, 2), torch.randn(4, 3)
    senders = torch.tensor([0, 3, 4, 1])
    each = EdgeGraph(torch.arange(4), senders, torch.ones(4), frames)
    both = EdgeGraph(torch.tensor([1, 1, 0, 1]), senders, torch.ones(4), frames)
    messages = convolution(h, radial, torch.ones(4), each, 4)
    summed = convolution(h, radial, torch.ones(4), both, 2)
    expected = torch.stack([messages[2], messages[0] + messages[1] + messages[3]])
    torch.testing.assert_close(summed, expected, atol=1e-12, rtol=0)


def test_linear_and_gate_commute_with_rotations():
    lmax, channels = 3, 4
    x = torch.randn(6, dimension(lmax), channels)
    linear = EquivariantLinear(lmax, channels, channels)
    gate = Gate(lmax, torch.nn.SiLU())
    gates = torch.randn(6, lmax * channels)
    rotation = torch.block_diag(*[o3.wigner_D(l, *torch.tensor([0.4, 1.1, -2.0])) for l in range(lmax + 1)])
    torch.testing.assert_close(linear(rotation @ x), rotation @ linear(x), atol=1e-12, rtol=0)
    torch.testing.assert_close(gate(rotation @ x, gates), rotation @ gate(x, gates), atol=1e-12, rtol=0)


def test_gate_scales_each_degree_by_its_own_gate():
    x, gates = torch.randn(2, 9, 3), torch.randn(2, 6)
    result = Gate(2, torch.nn.SiLU())(x, gates)
    torch.testing.assert_close(result[:, 4:], x[:, 4:] * torch.sigmoid(gates[:, None, 3:]))
    torch.testing.assert_close(result[:, 1:4], x[:, 1:4] * torch.sigmoid(gates[:, None, :3]))


def test_degrees_and_padding():
    assert degrees(2).tolist() == [0, 1, 1, 1, 2, 2, 2, 2, 2]
    x = torch.randn(2, 4, 3)
    assert torch.equal(pad_degrees(x, 2)[:, :4], x)
    assert float(pad_degrees(x, 2)[:, 4:].abs().max()) == 0.0
    assert torch.equal(pad_degrees(x, 0), x[:, :1])


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("offset", [0.0, 1e-7, 1e-3])
def test_gradients_by_positions_hold_for_edges_along_the_axes(axis, offset):
    """Edges along an axis, the frames' own pole among them, against central differences."""
    convolution = EdgeConvolution(2, 2, 2, 2, 3, bias=False)
    nodes = torch.arange(2)
    h, radial = torch.randn(2, 9, 2), torch.randn(2, 3)
    weights = torch.randn(2, 9, 2)

    def energy(vectors: torch.Tensor) -> torch.Tensor:
        frames = align_to_polar_axis(2, torch.nn.functional.normalize(vectors, dim=-1))
        graph = EdgeGraph(nodes, nodes.flip(0), torch.ones(2), frames)
        return (convolution(h, radial, torch.ones(2), graph, 2) * weights).sum()

    vectors = torch.full((2, 3), offset)
    vectors[0, axis], vectors[1, axis] = 1.3, -1.3
    (gradient,) = torch.autograd.grad(energy(vectors.requires_grad_()), vectors)
    numerical = torch.zeros(2, 3)
    for place in [(i, k) for i in range(2) for k in range(3)]:
        shift = torch.zeros(2, 3)
        shift[place] = 1e-5
        numerical[place] = (energy(vectors + shift) - energy(vectors - shift)).detach() / 2e-5
    torch.testing.assert_close(gradient, numerical, atol=1e-7, rtol=1e-6)
