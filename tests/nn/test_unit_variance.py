import math

import pytest
import torch
from scipy.integrate import quad
from torch.nn.functional import silu, softplus

from tutti.nn.unit_variance import MLP, normalised


@pytest.mark.parametrize("function", [silu, softplus])
def test_normalised_activations_have_a_mean_square_of_one(function):
    scaled = normalised(function)

    def integrand(z: float) -> float:
        value = float(scaled(torch.tensor(z, dtype=torch.float64)))
        return value**2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    # The quantiles of e3nn-jax leave out both tails, hence not exactly.
    assert quad(integrand, -12, 12)[0] == pytest.approx(1.0, abs=1e-4)


def test_the_factors_are_those_of_e3nn_jax():
    """What its function `normalize_function` (version 0.21) divides by."""
    one = torch.ones((), dtype=torch.float64)
    assert float(silu(one) / normalised(silu)(one)) == pytest.approx(0.5964586854233045, abs=1e-14)
    assert float(softplus(one) / normalised(softplus)(one)) == pytest.approx(0.9598092158827364, abs=1e-14)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("last", [False, True])
def test_mlp_keeps_the_variance_and_is_its_formula(last):
    network = MLP([50, 60, 70], silu, last=last)
    x = torch.randn(400, 50)
    first = silu(x @ network.weights[0] / 50**0.5) / 0.5964586854233045
    expected = first @ network.weights[1] / 60**0.5
    expected = silu(expected) / 0.5964586854233045 if last else expected
    torch.testing.assert_close(network(x), expected)
    assert float(network(x).detach().square().mean()) == pytest.approx(1.0, abs=0.2)
