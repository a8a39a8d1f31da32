import pytest
import torch
from torch import Tensor, nn

from tutti.nn.heads import (
    Atomwise,
    EquivariantReadout,
    Polarisability,
    VectorDipole,
    charge_dipole,
    spatial_extent,
)


class ChargeDipole(nn.Module):
    moment = staticmethod(charge_dipole)

    def __init__(self, channels, activation):
        super().__init__()
        self.charge = Atomwise(channels, activation)

    def forward(self, scalars, positions, structure, n):
        return self.moment(self.charge(scalars), positions, structure, n)


class SpatialExtent(ChargeDipole):
    moment = staticmethod(spatial_extent)


CHANNELS = 6
STRUCTURE = torch.tensor([0, 0, 0, 1, 1, 2])
SCALAR_HEADS, VECTOR_HEADS = [ChargeDipole, SpatialExtent], [VectorDipole, Polarisability]


pytestmark = pytest.mark.usefixtures("double")


def make(kind: type[nn.Module]) -> nn.Module:
    return kind(CHANNELS, nn.SiLU()) if kind in SCALAR_HEADS else kind(CHANNELS)


def inputs(kind: type[nn.Module]) -> list[Tensor]:
    """Scalars, vectors where the head takes them, positions."""
    scalars, vectors, positions = torch.randn(6, CHANNELS), torch.randn(6, 3, CHANNELS), torch.randn(6, 3)
    return [scalars, positions] if kind in SCALAR_HEADS else [scalars, vectors, positions]


def test_atomwise_is_two_dense_layers():
    head, scalars = Atomwise(CHANNELS, nn.SiLU()), torch.randn(4, CHANNELS)
    hidden = scalars @ head[0].weight.T + head[0].bias
    expected = (hidden * torch.sigmoid(hidden)) @ head[2].weight[0] + head[2].bias
    torch.testing.assert_close(head(scalars), expected, atol=1e-13, rtol=0)
    assert head[0].out_features == CHANNELS // 2


@pytest.mark.parametrize("kind", SCALAR_HEADS)
def test_moments_of_charges(kind):
    head = make(kind)
    scalars, positions = inputs(kind)
    charges = head.charge(scalars).tolist()
    result = head(scalars, positions, STRUCTURE, 4)
    for b in range(4):
        dipole, extent = torch.zeros(3), 0.0
        for i in (b == STRUCTURE).nonzero().flatten().tolist():
            dipole = dipole + charges[i] * positions[i]
            extent += charges[i] * float(positions[i] @ positions[i])
        expected = float(dipole.norm()) if kind is ChargeDipole else extent
        assert result[b].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", VECTOR_HEADS)
def test_moments_of_atomic_vectors(kind):
    head = make(kind)
    scalars, vectors, positions = inputs(kind)
    per_atom, directed = head.readout(scalars, vectors)
    result = head(scalars, vectors, positions, STRUCTURE, 3)
    for b in range(3):
        dipole, tensor = torch.zeros(3), torch.zeros(3, 3)
        for i in (b == STRUCTURE).nonzero().flatten().tolist():
            dipole = dipole + directed[i] + per_atom[i] * positions[i]
            tensor = tensor + per_atom[i] * torch.eye(3)
            tensor = tensor + torch.outer(directed[i], positions[i]) + torch.outer(positions[i], directed[i])
        expected = dipole.norm() if kind is VectorDipole else tensor.trace() / 3
        torch.testing.assert_close(result[b], expected, atol=1e-12, rtol=1e-12)


def test_readout_turns_with_its_vectors():
    readout = EquivariantReadout(CHANNELS)
    scalars, vectors = torch.randn(6, CHANNELS), torch.randn(6, 3, CHANNELS)
    q = -torch.linalg.qr(torch.randn(3, 3))[0]
    per_atom, directed = readout(scalars, vectors)
    turned = readout(scalars, torch.einsum("ab,nbf->naf", q, vectors))
    torch.testing.assert_close(turned[0], per_atom, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(turned[1], directed @ q.T, atol=1e-12, rtol=1e-12)
    assert directed.abs().max() > 1e-3


@pytest.mark.parametrize("kind", SCALAR_HEADS + VECTOR_HEADS)
@pytest.mark.parametrize("determinant", [1.0, -1.0])
def test_properties_do_not_depend_on_orientation_or_order(kind, determinant):
    head = make(kind)
    *features, positions = inputs(kind)
    result = head(*features, positions, STRUCTURE, 3)
    q = torch.linalg.qr(torch.randn(3, 3))[0]
    q = q * (determinant * torch.linalg.det(q))
    turned = [features[0], *(torch.einsum("ab,nbf->naf", q, x) for x in features[1:]), positions @ q.T]
    order = torch.tensor([4, 2, 5, 0, 3, 1])
    shuffled = head(*(x[order] for x in turned), STRUCTURE[order], 3)
    torch.testing.assert_close(shuffled, result, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("kind", SCALAR_HEADS + VECTOR_HEADS)
def test_derivatives(kind):
    head = make(kind)
    arguments = [x.requires_grad_() for x in inputs(kind)]

    def run(*tensors: Tensor) -> Tensor:
        return head(*tensors, STRUCTURE, 3)

    assert torch.autograd.gradcheck(run, arguments)
    assert torch.autograd.gradgradcheck(run, arguments)


def test_atom_without_vectors_has_finite_derivatives():
    vectors = torch.zeros(6, 3, CHANNELS, requires_grad=True)
    result = make(VectorDipole)(torch.randn(6, CHANNELS), vectors, torch.zeros(6, 3), STRUCTURE, 3)
    assert result.abs().max() == 0.0
    (gradient,) = torch.autograd.grad(result.sum(), vectors)
    assert gradient.isfinite().all()
