"""Parametrisations, targets and divergences against SciPy."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from signal_references import density, fine_grid, real_harmonics, target_density

from tutti.benchmark.signals.fit import POLAR, divergence, fine_divergence
from tutti.benchmark.signals.parametrisations import Simm, Symphony, parametrisation
from tutti.benchmark.signals.targets import LMAX, log_masses, octahedron, quadrature, random_points
from tutti.nn.spherical import harmonics

FAMILIES = ["symphony", "simm", "simm_without_norm"]


def coefficients(family, lmax, channels, number=1, seed=0, scale=1.0):
    parts = parametrisation(family, 1.0).parts
    values = np.random.default_rng(seed).normal(size=(number, channels, parts, (lmax + 1) ** 2))
    return torch.from_numpy(scale * values)


def test_harmonics_are_those_of_scipy():
    directions = random_points(1, 50, 0)[0]
    np.testing.assert_allclose(harmonics(5, directions), real_harmonics(5, directions.numpy()), atol=1e-13)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("beta", [-10.0, 3.0])
def test_densities_follow_their_formulas(family, beta):
    directions, weights = fine_grid()
    c = coefficients(family, 3, 2)
    logits = parametrisation(family, beta).logits(c, harmonics(3, torch.from_numpy(directions)))[0].numpy()
    expected = density(family, beta, c[0].numpy(), directions, weights)
    constant = logits - np.log(expected)
    np.testing.assert_allclose(constant, constant[0], atol=1e-10)


def test_the_norm_takes_out_the_scale_and_bounds_the_density():
    c, directions = coefficients("simm", 2, 1), random_points(1, 400, 1)[0]
    basis = harmonics(2, directions)
    with_norm, without = Simm(-10.0, normalised=True), Simm(-10.0, normalised=False)
    torch.testing.assert_close(with_norm.logits(7 * c, basis), with_norm.logits(c, basis))
    torch.testing.assert_close(without.logits(7 * c, basis), 49 * without.logits(c, basis))
    bound = 10 * 9 / (4 * math.pi)
    assert 0 <= float(with_norm.logits(c, basis).min()) < float(with_norm.logits(c, basis).max()) <= bound
    # It is reached where all harmonics are in phase: f = δ at the direction itself.
    delta = torch.stack([basis[:1], torch.zeros_like(basis[:1])])[None].transpose(1, 2)
    assert float(with_norm.logits(delta, basis[:1])) == pytest.approx(bound, rel=1e-12)


def test_a_channel_of_simm_reaches_twice_its_degree():
    """|f|² of degree 2 is orthogonal to all harmonics above degree 4, but not to those of degree 4."""
    basis, log_weights = quadrature(6, 20, torch.zeros(0, dtype=torch.float64))
    squares = Simm(-1.0, normalised=False).logits(coefficients("simm", 2, 1), basis[:, :9])[0]
    expansion = (squares * log_weights.exp()) @ basis
    assert float(expansion[25:].abs().max()) < 1e-12 < 1e-2 < float(expansion[16:25].abs().max())


def test_another_name_is_refused():
    with pytest.raises(KeyError):
        parametrisation("sim", 1.0)


def test_random_points_are_unit_vectors_that_do_not_depend_on_their_number():
    points = random_points(6, 5, 3)
    torch.testing.assert_close(points.norm(dim=-1), torch.ones(6, 5, dtype=torch.float64))
    assert torch.equal(points[:2], random_points(2, 5, 3))
    assert not torch.equal(points[0], points[1])
    assert not torch.equal(points, random_points(6, 5, 4))
    mean = random_points(400, 5, 0).mean((0, 1))
    assert float(mean.norm()) < 4 / math.sqrt(2000)


def test_targets_are_mixtures_of_equal_peaks():
    """Also of points so close that their peaks overlap."""
    directions, weights = fine_grid()
    points = torch.nn.functional.normalize(
        torch.tensor([[[0.0, 0, 1], [0.1, 0, 1], [1, 1, 0]]]).double(), dim=-1
    )
    expected = target_density(points[0].numpy(), 20.0, directions, weights)
    masses = log_masses(points, 20.0, 100)[0].exp()
    assert float(masses.sum()) == pytest.approx(1.0, abs=1e-12)
    basis, _ = quadrature(2 * LMAX, 100, points)
    moments = (expected * weights) @ real_harmonics(2 * LMAX, directions)
    np.testing.assert_allclose(masses @ basis, moments, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_divergence_is_that_of_an_independent_quadrature(family):
    directions, weights = fine_grid()
    points, c = random_points(2, 5, 0), coefficients(family, 4, 2, number=2)
    found = fine_divergence(parametrisation(family, -1.0), c, points, 4, 20.0)
    for value, peaks, one in zip(found, points, c, strict=True):
        q = target_density(peaks.numpy(), 20.0, directions, weights)
        p = density(family, -1.0, one.numpy(), directions, weights)
        expected = np.sum(weights * np.where(q > 0, q * np.log(np.where(q > 0, q, 1) / p), 0))
        assert float(value) == pytest.approx(expected, abs=1e-6)


def test_divergence_of_blocks_is_that_of_the_whole(monkeypatch):
    points, c = random_points(5, 5, 0), coefficients("symphony", 2, 2, number=5)
    whole = fine_divergence(Symphony(), c, points, 2, 20.0)
    monkeypatch.setattr("tutti.benchmark.signals.fit._BLOCK", 1)
    torch.testing.assert_close(fine_divergence(Symphony(), c, points, 2, 20.0), whole)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_are_finite_differences(family):
    points = random_points(1, 5, 0)
    basis, log_weights = quadrature(2, 20, points)
    target, density = log_masses(points, 5.0, 20), parametrisation(family, -2.0)
    c = coefficients(family, 2, 2).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: divergence(target, density.logits(x, basis) + log_weights), c, atol=1e-8, rtol=1e-6
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_divergence_does_not_change_when_all_is_turned(family):
    """Coefficients are turned by a least-squares fit of the turned harmonics."""
    rotation = torch.from_numpy(Rotation.from_rotvec([0.4, -1.1, 0.7]).as_matrix())
    points, c = random_points(3, 5, 0), coefficients(family, 3, 2, number=3)
    directions = random_points(1, 200, 5)[0]
    turn = torch.linalg.lstsq(harmonics(3, directions @ rotation.T), harmonics(3, directions)).solution
    before = fine_divergence(parametrisation(family, -3.0), c, points, 3, 20.0)
    after = fine_divergence(parametrisation(family, -3.0), c @ turn.T, points @ rotation.T, 3, 20.0)
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)


def test_the_fitting_grid_is_fine_enough():
    """For a density whose one peak of five is as sharp as the target's."""
    points = random_points(5, 5, 0)
    c = coefficients("symphony", LMAX, 1, number=5) + 20.0 * harmonics(LMAX, points[:, 0])[:, None, None]
    basis, log_weights = quadrature(LMAX, POLAR, points)
    coarse = divergence(log_masses(points, 20.0, POLAR), Symphony().logits(c, basis) + log_weights)
    torch.testing.assert_close(coarse, fine_divergence(Symphony(), c, points, LMAX, 20.0), atol=2e-3, rtol=0)


def test_octahedron():
    points = octahedron()[0]
    assert sorted((points @ points.T)[0].tolist()) == [-1, 0, 0, 0, 0, 1]
