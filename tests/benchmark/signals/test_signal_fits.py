"""Fits: the optimiser, what can be represented, and the study's files and table."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from tutti.benchmark.signals import study
from tutti.benchmark.signals.fit import POLAR, FitConfig, divergence, fit
from tutti.benchmark.signals.minimise import minimise
from tutti.benchmark.signals.parametrisations import Simm, Symphony
from tutti.benchmark.signals.targets import log_masses, octahedron, quadrature, random_points
from tutti.core import tidy
from tutti.core.registry import ConfigError
from tutti.nn.spherical import harmonics

SETTINGS = {"sharpness": 20, "starts": 1, "iterations": 20}
ARGUMENTS = {"channels": [1, 2], "number": 3, "points": 5, "beta": -10, "settings": SETTINGS, "seed": 0}


def uniform_divergence(points, sharpness):
    target, (_, log_weights) = log_masses(points, sharpness, 100), quadrature(0, 100, points)
    return (target.exp() * (target - log_weights)).sum(-1) + math.log(4 * math.pi)


def test_many_problems_are_minimised_at_once_without_knowing_of_each_other():
    """Rosenbrock's function with several constants, and one that is at its minimum from the start."""
    steepness = torch.tensor([1.0, 10.0, 100.0, 5.0], dtype=torch.float64)
    start = torch.tensor([[-1.2, 1.0], [3.0, -2.0], [-1.2, 1.0], [1.0, 1.0]], dtype=torch.float64)

    def objective(x, rows):
        x = x.detach().requires_grad_()
        value = (1 - x[:, 0]) ** 2 + steepness[rows] * (x[:, 1] - x[:, 0] ** 2) ** 2
        return value.detach(), torch.autograd.grad(value.sum(), x)[0]

    calls = []
    found = minimise(objective, start, 100, lambda: calls.append(1))
    torch.testing.assert_close(found, torch.ones_like(start), atol=1e-6, rtol=0)
    assert len(calls) == 100
    alone = minimise(lambda x, rows: objective(x, rows + 2), start[2:3], 100, lambda: None)
    torch.testing.assert_close(found[2:3], alone, atol=1e-12, rtol=0)


def test_values_never_rise():
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(50, 4, generator=generator, dtype=torch.float64)

    def objective(x, rows):
        x = x.detach().requires_grad_()
        value = torch.cos(3 * x).sum(-1) + 0.1 * x.square().sum(-1)
        return value.detach(), torch.autograd.grad(value.sum(), x)[0]

    previous = objective(start, None)[0]
    for iterations in (1, 2, 4, 8, 16):
        value = objective(minimise(objective, start, iterations, lambda: None), None)[0]
        assert (value <= previous + 1e-12).all()
        previous = value


def test_one_channel_of_symphony_is_convex_and_finds_the_optimum_of_scipy():
    points, lmax = random_points(3, 5, 0), 2
    found = fit(Symphony(), points, lmax, 1, FitConfig(4.0, 1, 200), seed=0)
    basis, log_weights = quadrature(lmax, POLAR, points)
    for i, target in enumerate(log_masses(points, 4.0, POLAR)):

        def objective(c, target=target):
            c = torch.from_numpy(c)[None, None, None].requires_grad_()
            value = divergence(target[None], Symphony().logits(c, basis) + log_weights).sum()
            return value.item(), torch.autograd.grad(value, c)[0].flatten().numpy()

        best = minimize(objective, np.zeros(9), jac=True, method="BFGS", options={"gtol": 1e-9})
        assert float(found.divergence[i]) == pytest.approx(best.fun, abs=1e-7)
        # At the optimum the moments of the density are those of the target.
        density = torch.softmax(Symphony().logits(found.coefficients[i : i + 1], basis) + log_weights, -1)
        torch.testing.assert_close(density @ basis, target.exp()[None] @ basis, atol=1e-6, rtol=0)


def test_the_final_divergence_does_not_depend_on_the_orientation():
    rotation = torch.from_numpy(Rotation.from_rotvec([0.4, -1.1, 0.7]).as_matrix())
    points = random_points(3, 5, 0)
    for lmax, config in ((1, FitConfig(20.0, 1, 60)), (2, FitConfig(4.0, 1, 200))):
        before, after = (
            fit(Symphony(), each, lmax, 1, config, seed=0).divergence
            for each in (points, points @ rotation.T)
        )
        torch.testing.assert_close(after, before, atol=1e-6, rtol=0)


def test_a_target_of_one_peak_is_a_signal_of_its_own_degree():
    """exp(β δ_5) is a density of Symphony's family with one channel: the divergence goes to 0."""
    points = random_points(2, 1, 0)
    assert float(fit(Symphony(), points, 5, 1, FitConfig(4.0, 1, 300), seed=0).divergence.max()) < 1e-6


@pytest.mark.parametrize("lmax", [1, 2, 3])
def test_one_channel_below_degree_4_cannot_tell_an_octahedron_from_a_sphere(lmax):
    """The optimum of a convex problem has its target's symmetry; the first cubic harmonic has degree 4."""
    points = octahedron()
    found = fit(Symphony(), points, lmax, 1, FitConfig(20.0, 1, 200), seed=0)
    assert float(found.divergence) == pytest.approx(float(uniform_divergence(points, 20.0)), abs=1e-5)
    values = found.coefficients[0, 0] @ harmonics(lmax, random_points(1, 500, 1)[0]).T
    assert float(values.max() - values.min()) < 0.01


def test_degree_4_or_two_channels_of_degree_3_show_all_six_directions():
    """Of x³ + y³ + z³, degree 3, three of them are maxima, and of its negative the other three."""
    points = octahedron()
    nothing = float(uniform_divergence(points, 20.0))
    config = FitConfig(20.0, 4, 150)
    assert float(fit(Symphony(), points, 4, 1, config, seed=0).divergence) < 1e-4
    two = fit(Symphony(), points, 3, 2, config, seed=0)
    assert float(two.divergence) < 0.01
    assert 1.0 < float(fit(Symphony(), points, 2, 2, config, seed=0).divergence) < nothing - 2
    parts = two.coefficients[0, :, 0] @ harmonics(3, points[0]).T
    seen = parts > parts.amax(-1, keepdim=True) - 2
    assert seen.sum(-1).tolist() == [3, 3] and (seen[0] ^ seen[1]).all()


def test_more_starts_are_never_worse():
    points = random_points(3, 5, 0)
    few, many = (
        fit(Simm(-10.0, True), points, 1, 2, FitConfig(20.0, starts, 30), seed=0).divergence
        for starts in (1, 3)
    )
    assert (many <= few + 1e-6).all() and not torch.equal(many, few)


def test_targets_do_not_know_of_each_other():
    """Each has its own starts; the few steps leave their mark on the result."""
    points, config = random_points(3, 5, 0), FitConfig(20.0, 3, 15)
    together, fewer = (
        fit(Symphony(), each, 2, 4, config, seed=0).divergence for each in (points, points[:2])
    )
    torch.testing.assert_close(together[:2], fewer, atol=1e-8, rtol=0)


def test_equal_seeds_give_equal_bytes(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        arguments = ARGUMENTS | {"seed": seed}
        study.run(study.RANDOM, "simm", 1, **arguments).save(tmp_path / name)
    contents = {name: (tmp_path / name).read_bytes() for name in "abc"}
    assert contents["a"] == contents["b"] != contents["c"]


def test_files_and_table(tmp_path):
    fits = [
        study.run(study.RANDOM, "symphony", 1, **ARGUMENTS),
        study.run(study.OCTAHEDRON, "symphony", 2, **ARGUMENTS),
    ]
    for i, each in enumerate(fits):
        each.save(tmp_path / f"{i}.npz")
    loaded = [study.Fits.load(tmp_path / f"{i}.npz") for i in range(2)]
    assert loaded[0].target == study.RANDOM and loaded[1].lmax == 2 and loaded[0].points.shape == (3, 5, 3)
    assert loaded[0].coefficients[2].shape == (3, 2, 1, 4)
    table = study.table(loaded, seed=0)
    assert table.equals(study.table(fits, seed=0))
    assert list(table.columns) == tidy.COLUMNS
    assert table["model"].tolist() == ["symphony_l1"] * 2 + ["symphony_l2"] * 2
    assert table["subset"].tolist() == ["channels=1", "channels=2"] * 2
    assert table["n"].tolist() == [3, 3, 1, 1]
    first = table.iloc[0]
    assert first["value"] == pytest.approx(fits[0].divergence[1].mean())
    assert first["ci_low"] < first["value"] < first["ci_high"]
    assert np.isnan(table["ci_low"].iloc[2]) and "no interval" in table["note"].iloc[2]


def test_unknown_settings_are_refused():
    with pytest.raises(ConfigError, match=r"signals\.fit\.start"):
        study.run(study.RANDOM, "symphony", 1, **ARGUMENTS | {"settings": {"start": 2}})
