import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from tutti.models.generators.edm.likelihood import log_bin_mass, log_charges, log_types
from tutti.models.generators.edm.schedule import Schedule

# α, σ, γ and weight of the bound for T = 1000 and s = 1e-5, in 40 digits from the formulas. Only at T is the
# ratio clipped: α²_T = 0.99998 · 0.001 · (1 − 0.999²)² + 1e-5.
BY_HAND = {
    0: (0.99999499998749994, 0.0031622776601683793, -11.512915464920228, 0.0),
    1: (0.99999400000250001, 0.0034640956972953273, -11.330595324816111, 0.099999149986699877),
    500: (0.7499991666662037, 0.66143877267665524, -0.2513093489174392, 0.0030570136894766453),
    999: (0.0037411122784514233, 0.99999300201497411, 11.176730626211065, 0.42769912672393095),
    1000: (0.0031629094076625053, 0.99999499798952941, 11.512515948631934, 0.19951932516984272),
}


@pytest.mark.parametrize("t", BY_HAND)
def test_values_by_hand(t):
    schedule = Schedule.polynomial(1000, 1e-5)
    found = [v[t] for v in (schedule.alpha, schedule.sigma, schedule.gamma, schedule.weights)]
    assert found == pytest.approx(BY_HAND[t], rel=1e-9)


@pytest.mark.parametrize("shift", [1.0, 4.0])
def test_cosine(shift):
    """Noise to signal is tan(πt/2T) / shift, between the ends that the precision sets."""
    schedule = Schedule.cosine(100, 1e-12, shift)
    expected = np.tan(np.pi / 2 * np.arange(1, 100) / 100) / shift
    np.testing.assert_allclose((schedule.sigma / schedule.alpha)[1:-1], expected, rtol=1e-6)
    ends = Schedule.cosine(100, 1e-5, shift)
    assert [ends.sigma[0], ends.alpha[-1]] == pytest.approx([math.sqrt(1e-5)] * 2, rel=1e-9)


@pytest.mark.parametrize("timesteps", [2, 50, 1000])
def test_every_step_adds_noise_and_not_too_much(timesteps):
    schedule = Schedule.polynomial(timesteps, 1e-5)
    ratios = schedule.alpha[1:] ** 2 / schedule.alpha[:-1] ** 2
    assert schedule.timesteps == timesteps and (ratios < 1).all() and (ratios > 1e-3).all()
    cosine = Schedule.cosine(timesteps, 1e-5, 4.0)
    assert cosine.timesteps == timesteps and (np.diff(cosine.alpha) < 0).all()
    np.testing.assert_allclose(schedule.alpha**2 + schedule.sigma**2, 1.0, atol=1e-15)


@pytest.mark.parametrize(("t", "s"), [(1, 0), (2, 1), (500, 499), (1000, 999), (1000, 990), (37, 0)])
def test_denoising_step_is_gaussian_conditioning(t, s):
    """The joint distribution of (z_s, z_t) given x, conditioned on z_t, for x as ε̂ says."""
    schedule = Schedule.polynomial(1000, 1e-5)
    alpha_t, alpha_s, sigma_t, sigma_s = (v[k] for v in (schedule.alpha, schedule.sigma) for k in (t, s))
    x, z_t = 0.7, -1.3
    gain = (alpha_t / alpha_s) * sigma_s**2 / sigma_t**2  # Cov(z_s, z_t) / Var(z_t)
    mean = alpha_s * x + gain * (z_t - alpha_t * x)
    variance = sigma_s**2 - gain * (alpha_t / alpha_s) * sigma_s**2
    step = schedule.reverse(t, s)
    predicted = (z_t - alpha_t * x) / sigma_t
    assert step.scale * z_t - step.shift * predicted == pytest.approx(mean, abs=1e-9)
    assert step.noise**2 == pytest.approx(variance, rel=1e-7)


def test_times():
    schedule = Schedule.polynomial(10, 1e-5)
    assert schedule.times(None) == schedule.times(10) == list(range(10, -1, -1))
    assert schedule.times(4) == [10, 7, 5, 2, 0] and schedule.times(1) == [10, 0]
    with pytest.raises(ValueError, match="steps is 11, the model has 10"):
        schedule.times(11)


def test_prior_divergence():
    schedule = Schedule.polynomial(3, 0.2)
    x = torch.randn(5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    at_end = torch.distributions.Normal(schedule.alpha[-1] * x, float(schedule.sigma[-1]))
    expected = torch.distributions.kl_divergence(at_end, torch.distributions.Normal(0.0, 1.0)).sum()
    found = schedule.prior_divergence(np.array([5]), np.array([float(x.square().sum())]))
    assert found == pytest.approx([float(expected)], rel=1e-10)


@pytest.mark.parametrize("sigma", [0.05, 0.4, 2.0])
@pytest.mark.parametrize("offset", [-0.9, -0.5, 0.0, 0.3, 0.5, 1.2])
def test_bin_mass_is_the_integral(sigma, offset):
    mass, _ = integrate.quad(stats.norm(0.0, sigma).pdf, offset - 0.5, offset + 0.5, epsabs=0, points=[0.0])
    found = log_bin_mass(torch.tensor(offset, dtype=torch.float64), sigma)
    assert float(found) == pytest.approx(np.log(mass), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bin_mass_far_out(dtype):
    """Against the first terms of the tail's expansion, φ(u)/u (1 − 1/u²); nothing overflows."""
    sigma, centres = 0.0179, torch.tensor([-16.0, -2.0, 3.0, 40.0], dtype=dtype)
    edge = (centres.abs().double() - 0.5) / sigma
    expected = -0.5 * edge**2 - 0.5 * np.log(2 * np.pi) - edge.log() + torch.log1p(-(edge**-2))
    torch.testing.assert_close(log_bin_mass(centres, sigma).double(), expected, rtol=1e-5, atol=1e-5)


def test_likelihood_of_types_and_charges():
    scaled = torch.tensor([[0.7, 0.4, -0.2], [0.1, 0.2, 0.9]], dtype=torch.float64)
    masses = stats.norm(scaled.numpy(), 0.3)
    expected = masses.cdf(1.5) - masses.cdf(0.5)
    expected /= expected.sum(1, keepdims=True)
    by_type = [log_types(scaled, torch.tensor([k, k]), 0.3).exp().numpy() for k in range(3)]
    np.testing.assert_allclose(np.stack(by_type, 1), expected, rtol=1e-9)
    charges = log_charges(scaled[:, 0] * 10, torch.tensor([7, 2]), 0.3).exp()
    of_charge = stats.norm(scaled[:, 0].numpy() * 10, 0.3)
    expected = of_charge.cdf([7.5, 2.5]) - of_charge.cdf([6.5, 1.5])
    np.testing.assert_allclose(charges.numpy(), expected, rtol=1e-9)
