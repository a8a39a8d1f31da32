import math

import pytest
import torch

from tutti.nn.radial import BesselBasis, GaussianBasis, cosine_cutoff, polynomial_envelope, shifted_softplus

pytestmark = pytest.mark.usefixtures("double")


def test_shifted_softplus_is_its_formula_and_zero_at_zero():
    x = torch.linspace(-5, 5, 21)
    torch.testing.assert_close(shifted_softplus(x), torch.log(0.5 * x.exp() + 0.5), atol=1e-14, rtol=0)
    assert float(shifted_softplus(torch.zeros(1))) == 0.0


def test_gaussians_are_their_formula():
    basis = GaussianBasis(5, cutoff=2.0, start=1.0)
    r = torch.tensor([0.3, 1.25, 1.9])
    expected = [[math.exp(-((x - c) ** 2) / (2 * 0.25**2)) for c in (1, 1.25, 1.5, 1.75, 2)] for x in r]
    torch.testing.assert_close(basis(r), torch.tensor(expected), atol=1e-14, rtol=0)


def test_bessel_functions_are_orthonormal_on_the_ball():
    # ∫ e_m e_n r² dr over [0, c] is the identity (Gasteiger et al. 2020, section 4).
    r = (torch.arange(20000) + 0.5) / 20000 * 5.0
    values = BesselBasis(4, 5.0)(r)
    overlap = (values * (r**2 * 5.0 / 20000)[:, None]).T @ values
    torch.testing.assert_close(overlap, torch.eye(4), atol=1e-7, rtol=0)


@pytest.mark.parametrize(("envelope", "smooth"), [(cosine_cutoff, 1), (polynomial_envelope, 2)])
def test_envelopes_start_at_one_and_end_smoothly(envelope, smooth):
    ends = torch.tensor([1e-9, 5.0 - 1e-9, 5.0, 7.0])
    torch.testing.assert_close(envelope(ends, 5.0), torch.tensor([1.0, 0, 0, 0]), atol=1e-8, rtol=0)
    r = torch.tensor(5.0 - 1e-6, requires_grad=True)
    derivative = envelope(r, 5.0)
    for _ in range(smooth):
        (derivative,) = torch.autograd.grad(derivative, r, create_graph=True)
        assert abs(derivative.item()) < 1e-4
