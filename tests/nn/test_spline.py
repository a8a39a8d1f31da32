from itertools import pairwise

import numpy as np
import torch
from scipy.integrate import quad

from tutti.nn import spline


def parameters(n: int, bins: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 2.0 * torch.randn(n, spline.n_parameters(bins), dtype=torch.float64, generator=generator)


def test_density_integrates_to_one():
    for row in parameters(3, 8):
        knots = spline._knots(row[None, :8])[1][0].tolist()
        total = sum(
            quad(
                lambda x, p=row: float(
                    spline.log_density(torch.tensor([[x]], dtype=torch.float64), p[None]).exp()
                ),
                a,
                b,
            )[0]
            for a, b in pairwise(knots)
        )
        np.testing.assert_allclose(total, 1.0, atol=1e-9)


def test_density_is_continuous_and_positive_at_the_knots():
    row = parameters(1, 8)
    inner = spline._knots(row[:, :8])[1][0, 1:-1]
    below = spline.log_density(inner[None] - 1e-9, row)
    above = spline.log_density(inner[None] + 1e-9, row)
    torch.testing.assert_close(below, above, atol=1e-4, rtol=0)


def test_density_at_the_knots_is_the_slope():
    row = parameters(1, 8)
    knots = spline._knots(row[:, :8])[1][0]
    slopes = spline.MIN_SLOPE + torch.nn.functional.softplus(row[0, 16:])
    density = spline.log_density(knots[None], row)[0].exp()
    torch.testing.assert_close(density, slopes, atol=1e-9, rtol=1e-9)


def test_equal_bins_with_unit_slopes_are_uniform():
    row = torch.zeros(1, spline.n_parameters(4), dtype=torch.float64)
    row[:, 8:] = np.log(np.expm1(1.0 - spline.MIN_SLOPE))
    x = torch.linspace(0, 1, 11, dtype=torch.float64)
    density = spline.log_density(x[None], row)
    torch.testing.assert_close(density, torch.zeros(1, 11, dtype=torch.float64), atol=1e-12, rtol=0)
