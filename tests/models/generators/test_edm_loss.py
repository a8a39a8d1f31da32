import dataclasses
import math

import numpy as np
import pytest
import torch
from e3nn import o3
from edm_models import DATA, MOLECULES, WATER, at_time, model, predicting, schedule
from scipy.stats import chisquare
from torch import Tensor

from tutti.models.generators.edm.denoising import Denoising
from tutti.models.generators.edm.model import DiffusionBatch


def seen(edm, batch: DiffusionBatch, monkeypatch) -> tuple[Tensor, Tensor, Tensor]:
    """z_t and t / T that the network is given."""
    found = []

    def predict(x, h, times):
        found.extend((x, h, times))
        return torch.zeros_like(x), torch.zeros_like(h)

    monkeypatch.setattr(edm, "denoise", predicting(predict))
    edm.training_step(batch)
    return tuple(found)


def test_forward_process_at_every_time(monkeypatch):
    timesteps, n = 20, 40_000
    edm = model(timesteps)
    batch = edm.collate(MOLECULES, np.zeros(n, dtype=int), np.random.default_rng(0))
    x, h, times = seen(edm, batch, monkeypatch)
    alpha, sigma = schedule(timesteps)
    counts = np.bincount(batch.times.numpy(), minlength=timesteps + 1)
    assert chisquare(counts).pvalue > 1e-3
    positions = np.array(WATER[1]) - np.mean(WATER[1], axis=0)
    features = np.column_stack([np.eye(5)[[3, 0, 0]] / 4, np.array([8, 1, 1]) / 10])
    x, h = x.view(n, 3, 3).numpy(), h.view(n, 3, 6).numpy()
    for t in range(timesteps + 1):
        rows = batch.times.numpy() == t
        assert times.view(n, 3)[rows].sub(t / timesteps).abs().max() < 1e-15
        # A mean of m normal numbers lies within 5 σ/√m, their mean square within 5 √(2/m) of it.
        m = counts[t]
        for z, mean, variance in [(x, positions, 2 / 3), (h, features, 1.0)]:
            noise = (z[rows] - alpha[t] * mean) / sigma[t]
            assert np.abs(noise.mean(0)).max() < 5 * math.sqrt(variance / m)
            assert np.abs((noise**2).mean(0) / variance - 1).max() < 5 * math.sqrt(2 / m)


def test_noise_on_positions_is_normal_without_centre_of_mass():
    edm, n = model(), 20_000
    batch = edm.collate(MOLECULES, np.full(n, 4), np.random.default_rng(0))
    noise = batch.noise_positions.view(n, 4, 3)
    assert noise.mean(1).abs().max() < 1e-14
    covariance = torch.einsum("nik,njl->ikjl", noise, noise) / n
    expected = torch.einsum("ij,kl->ikjl", torch.eye(4) - 0.25, torch.eye(3)).double()
    assert (covariance - expected).abs().max() < 5 * math.sqrt(2 / n)
    drawn = Denoising(edm, torch.full((n,), 4), torch.Generator().manual_seed(0)).noise()[0].view(n, 4, 3)
    assert drawn.mean(1).abs().max() < 1e-14
    covariance = torch.einsum("nik,njl->ikjl", drawn, drawn) / n
    assert (covariance - expected).abs().max() < 5 * math.sqrt(2 / n)


def predicted(edm, x: Tensor, h: Tensor, n_atoms: Tensor) -> tuple[Tensor, Tensor]:
    denoising = Denoising(edm, n_atoms, torch.Generator())
    with torch.no_grad():
        return denoising.predict(x, h, 7)


def test_predicted_noise_is_centred_and_equivariant():
    edm, n_atoms = model(), torch.tensor([5, 1, 3])
    generator = torch.Generator().manual_seed(0)
    x, h = (torch.randn(9, k, dtype=torch.float64, generator=generator) for k in (3, 6))
    noise_x, noise_h = predicted(edm, x, h, n_atoms)
    assert noise_x.abs().max() > 0.05
    for part in noise_x.split(n_atoms.tolist()):
        assert part.mean(0).abs().max() < 1e-15
    turn = -o3.angles_to_matrix(*torch.tensor([0.3, 1.2, -0.7], dtype=torch.float64))
    shift = torch.repeat_interleave(torch.tensor([[2.0, 0, 0], [0, -3.0, 0], [0, 0, 5.0]]), n_atoms, dim=0)
    order = torch.tensor([2, 0, 4, 3, 1, 5, 8, 6, 7])
    new_x, new_h = predicted(edm, (x @ turn.T + shift)[order], h[order], n_atoms)
    torch.testing.assert_close(new_x, (noise_x @ turn.T)[order], atol=1e-10, rtol=0)
    torch.testing.assert_close(new_h, noise_h[order], atol=1e-10, rtol=0)


def test_a_batch_equals_its_molecules_one_at_a_time():
    edm, n_atoms = model(), torch.tensor([5, 1, 2, 3])
    x, h = (torch.randn(11, k, dtype=torch.float64) for k in (3, 6))
    together = predicted(edm, x, h, n_atoms)
    sizes = n_atoms.tolist()
    alone = [
        predicted(edm, *parts, torch.tensor([len(parts[0])]))
        for parts in zip(x.split(sizes), h.split(sizes), strict=True)
    ]
    for found, parts in zip(together, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(found, torch.cat(parts), atol=1e-12, rtol=0)


def test_loss_by_hand():
    """Each molecule alone, at t > 0 and at t = 0; 4 atoms of 3 + 6 values are the largest."""
    edm = model()
    for t, item in [(13, 0), (0, 4), (5, 3), (0, 3)]:
        batch = at_time(edm, edm.collate(MOLECULES, np.array([item]), np.random.default_rng(1)), t)
        loss, logs = edm.training_step(batch)
        alpha, sigma = (v[t] for v in schedule(20))
        x = alpha * batch.positions + sigma * batch.noise_positions
        h = alpha * batch.features + sigma * batch.noise_features
        noise = [v - e for v, e in zip(
            Denoising(edm, batch.n_atoms, torch.Generator()).predict(x, h, t),
            (batch.noise_positions, batch.noise_features), strict=True,
        )]  # fmt: skip
        squares = [0.5 * float(v.detach().square().sum()) for v in noise]
        unknown = log_p_features(h, MOLECULES.frame(item)[0], sigma)
        expected = sum(squares) / 36 if t else squares[0] / 36 - unknown
        assert float(loss.detach()) == pytest.approx(expected, rel=1e-9)
        parts = {name: float(v) for name, v in logs.items()}
        assert parts["positions"] + parts["features"] + parts["zero"] == pytest.approx(
            float(loss.detach()), rel=1e-9
        )
        assert (parts["zero"] == 0) == (t > 0)


def log_p_features(h: Tensor, numbers: np.ndarray, sigma: float) -> float:
    """log p(types, charges | z_0) by torch.distributions, for noise that leaves the tails alone."""
    mass = torch.distributions.Normal(torch.zeros(()).double(), 1.0).cdf
    types = mass((1.5 - 4 * h[:, :5]) / (4 * sigma)) - mass((0.5 - 4 * h[:, :5]) / (4 * sigma))
    own = types[torch.arange(len(h)), [[1, 6, 7, 8, 9].index(z) for z in numbers]]
    z = torch.as_tensor(numbers.astype(float)) - 10 * h[:, 5]
    charges = mass((z + 0.5) / (10 * sigma)) - mass((z - 0.5) / (10 * sigma))
    return float((own / types.sum(1)).log().sum() + charges.log().sum())


def reference_bound(edm, batch: DiffusionBatch, numbers: np.ndarray, timesteps: int, **options) -> float:
    """The negative ELBO of one molecule for a draw of ε at all times, by divergences of Gaussians."""
    alpha, sigma = schedule(timesteps, **options)
    clean, noise = (batch.positions, batch.features), (batch.noise_positions, batch.noise_features)
    n = len(clean[0])
    denoising = Denoising(edm, batch.n_atoms, torch.Generator())
    dimensions = 3 * (n - 1) + 6 * n
    square = float(sum((alpha[-1] * v).square().sum() for v in clean))
    bound = 0.5 * (dimensions * (sigma[-1] ** 2 - 1 - math.log(sigma[-1] ** 2)) + square)
    for t in range(timesteps + 1):
        z = [alpha[t] * v + sigma[t] * e for v, e in zip(clean, noise, strict=True)]
        with torch.no_grad():
            found = denoising.predict(*z, t)
        guess = [(v - sigma[t] * e) / alpha[t] for v, e in zip(z, found, strict=True)]
        if t == 0:
            error = float((guess[0] - clean[0]).square().sum())
            width = sigma[0] / alpha[0]
            bound += error / (2 * width**2) + 3 * (n - 1) * math.log(width * math.sqrt(2 * math.pi))
            bound -= log_p_features(z[1], numbers, sigma[0])
            continue
        gain = (alpha[t] / alpha[t - 1]) * sigma[t - 1] ** 2 / sigma[t] ** 2
        variance = sigma[t - 1] ** 2 * (1 - (alpha[t] / alpha[t - 1]) * gain)
        shift = alpha[t - 1] - gain * alpha[t]  # of the mean of z_s with x
        error = float(sum((g - v).square().sum() for g, v in zip(guess, clean, strict=True)))
        bound += shift**2 * error / (2 * variance)
    return bound


@pytest.mark.parametrize("options", [{}, DATA], ids=["published", "data"])
@pytest.mark.parametrize("item", range(5))
def test_the_bound_is_the_mean_of_its_estimates_over_all_times(item, options):
    timesteps = 12
    edm = model(timesteps, **options)
    batch = edm.collate(MOLECULES, np.array([item]), np.random.default_rng(0))
    with torch.no_grad():
        estimates = [float(edm.training_step(at_time(edm, batch, t))[1]["nll"]) for t in range(timesteps + 1)]
    log_size = math.log([0.2, 0.4, 0.2, 0.2][MOLECULES.n_atoms[item] - 1])
    expected = reference_bound(edm, batch, MOLECULES.frame(item)[0], timesteps, **options) - log_size
    assert np.mean(estimates) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("item", range(5))
def test_validation_is_the_bound_with_t_0_always(item):
    """Its mean over the times 1 ... T, each beside t = 0, is that of training over 0 ... T."""
    timesteps = 12
    edm = model(timesteps)
    drawn = edm.collate_validation(MOLECULES, np.array([item]), np.random.default_rng(0))
    assert drawn.times[0] == 0 and 1 <= drawn.times[1] <= timesteps
    once = edm.collate(MOLECULES, np.array([item]), np.random.default_rng(0))
    same = {"noise_positions": once.noise_positions, "noise_features": once.noise_features}
    with torch.no_grad():
        trained = [edm.training_step(at_time(edm, once, t)) for t in range(timesteps + 1)]
        validated = []
        for t in range(1, timesteps + 1):
            twice = {name: noise.repeat(2, 1) for name, noise in same.items()}
            later = {
                name: getattr(at_time(edm, once, t), name) for name in ("times", "alpha", "sigma", "weights")
            }
            at_zero = {name: getattr(at_time(edm, once, 0), name) for name in later}
            both = {name: torch.cat([at_zero[name], later[name]]) for name in later}
            validated.append(edm.training_step(dataclasses.replace(drawn, **both, **twice)))
    for mean in (
        lambda runs: np.mean([float(r[0]) for r in runs]),
        lambda runs: np.mean([float(r[1]["nll"]) for r in runs]),
    ):
        assert mean(validated) == pytest.approx(mean(trained), rel=1e-9)


def test_times_of_validation_are_uniform_after_0():
    drawn = model(20).collate_validation(MOLECULES, np.zeros(20_000, dtype=int), np.random.default_rng(0))
    assert (drawn.times[:20_000] == 0).all()
    counts = np.bincount(drawn.times[20_000:].numpy(), minlength=21)
    assert counts[0] == 0 and chisquare(counts[1:]).pvalue > 1e-3
