import math

import pytest
import torch

from tutti.models.generators.symphony import Config
from tutti.nn.spherical import SphericalGrid, grid_harmonics, harmonics, log_partition

CPU = torch.device("cpu")


def grid(lmax: int, polar: int, azimuths: int) -> tuple[torch.Tensor, torch.Tensor]:
    return grid_harmonics(lmax, polar, azimuths, torch.float64, CPU)


def test_harmonics_are_orthonormal_on_the_grid():
    basis, log_weights = grid(5, 12, 25)
    overlap = (basis * log_weights.exp()[:, None]).T @ basis
    torch.testing.assert_close(overlap, torch.eye(36, dtype=torch.float64), atol=1e-12, rtol=0)
    assert float(log_weights.exp().sum()) == pytest.approx(4 * math.pi, abs=1e-12)


def test_directions_are_unit_vectors_and_give_the_grids_harmonics():
    points = SphericalGrid(7, 9)
    assert len(points) == 63
    norms = points.directions.norm(dim=-1)
    torch.testing.assert_close(norms, torch.ones(63, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(harmonics(3, points.directions), grid(3, 7, 9)[0], atol=1e-14, rtol=0)


def test_log_partition_of_one_degree_one_signal_is_closed_form():
    # ∫ exp(a cos θ) over the sphere = 4π sinh(a)/a; Y_10 = √(3/4π) cos θ.
    a = 6.0
    coefficients = torch.zeros(1, 1, 4, dtype=torch.float64)
    coefficients[0, 0, 2] = a / math.sqrt(3 / (4 * math.pi))
    expected = math.log(4 * math.pi * math.sinh(a) / a)
    assert float(log_partition(coefficients, 20, 39)) == pytest.approx(expected, abs=1e-12)


def test_channels_add_their_exponentials():
    coefficients = torch.randn(4, 3, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    together = log_partition(coefficients, 20, 39)
    each = torch.stack([log_partition(coefficients[:, [c]], 20, 39) for c in range(3)], 1)
    torch.testing.assert_close(together, torch.logsumexp(each, 1), atol=1e-12, rtol=0)


def test_gradient_equals_autograd_and_blocks_do_not_matter(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    coefficients = torch.randn(7, 2, 16, dtype=torch.float64, generator=generator, requires_grad=True)
    basis, log_weights = grid(3, 10, 19)  # summed over all points at once
    plain = torch.logsumexp((coefficients @ basis.T + log_weights).flatten(1), -1)
    weights = torch.randn(7, dtype=torch.float64, generator=generator)
    (expected,) = torch.autograd.grad((plain * weights).sum(), coefficients)
    for block in (1, 1 << 20):
        monkeypatch.setattr("tutti.nn.spherical._BLOCK", block)
        value = log_partition(coefficients, 10, 19)
        torch.testing.assert_close(value, plain, atol=1e-12, rtol=0)
        (gradient,) = torch.autograd.grad((value * weights).sum(), coefficients)
        torch.testing.assert_close(gradient, expected, atol=1e-12, rtol=0)


def largest_error(coefficients: torch.Tensor, polar: int) -> float:
    """Of log Z on a grid polar × (2 polar − 1), against the paper's of 180 × 359."""
    fine = log_partition(coefficients, 180, 359)
    return float((log_partition(coefficients, polar, 2 * polar - 1) - fine).abs().max())


@pytest.mark.parametrize(("peak", "polar"), [(4, 20), (17, 40), (48, 70)])
def test_how_fine_a_grid_random_signals_need_for_1e_4(peak, polar):
    generator = torch.Generator().manual_seed(peak)
    coefficients = torch.randn(20, 2, 36, dtype=torch.float64, generator=generator)
    heights = (coefficients @ grid(5, 180, 359)[0].T).amax((1, 2), keepdim=True)
    coefficients = coefficients * (peak / heights)
    assert largest_error(coefficients, polar) < 1e-4
    assert largest_error(coefficients, polar // 2) > 1e-4


def test_the_default_grid_is_fine_enough_for_the_sharpest_target():
    """β δ_5 with β = 20 (peak 57) is the signal that a perfectly trained model of the paper would have."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(20, 3, dtype=torch.float64, generator=generator)
    target = Config().angular_sharpness * harmonics(5, directions)[:, None]
    assert largest_error(target, Config().position.polar) < 1e-5
    assert largest_error(target, 40) > 1e-4
