import numpy as np
import pytest
import torch
from edm_models import DATA, MOLECULES, at_time, model, schedule
from scipy import stats
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.generators.edm import Sampling
from tutti.models.generators.edm.model import EDM, TYPE_WEIGHT

SCALES = {"type_scale": 0.4, "charge_scale": 0.05}
FEATURES = np.column_stack([0.4 * np.eye(5), 0.05 * np.array([1, 6, 7, 8, 9])])


def silent(timesteps: int, structures: Structures, **options: object) -> EDM:
    """A model whose network has nothing to say: what remains is the closed form."""
    edm = model(timesteps, structures, **(DATA | SCALES | options))
    with torch.no_grad():
        for parameter in (
            *edm.network.readout.parameters(),
            *(b.weight_out.weight for b in edm.network.blocks),
        ):
            parameter.zero_()
    return edm


def noise(edm: EDM, t: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """z_t of all molecules, and ε̂ in it."""
    drawn = edm.collate(MOLECULES, np.arange(5), np.random.default_rng(seed))
    batch = at_time(edm, drawn, t)
    seen = []
    inner = edm.denoise
    edm.denoise = lambda z, *rest: seen.append(z) or inner(z, *rest)
    edm.training_step(batch)
    edm.denoise = inner
    found = edm.denoise(seen[0], batch.molecule, batch.n_atoms, batch.pairs)
    return seen[0].x, seen[0].h, *found


@pytest.mark.parametrize("t", [0, 1, 7, 12, 20])
def test_without_the_network_it_is_the_posterior_of_independent_atoms(t):
    """Bayes' theorem for types, and the regression of one normal number on another for positions."""
    edm = silent(20, MOLECULES)
    alpha, sigma = (values[t] for values in schedule(20, **DATA))
    x, h, noise_x, noise_h, log_types = (values.detach().numpy() for values in noise(edm, t, seed=1))
    shares = np.bincount([[1, 6, 7, 8, 9].index(z) for z in MOLECULES.numbers], minlength=5) / 12
    joint = np.log(shares) + stats.norm(alpha * FEATURES, sigma).logpdf(h[:, None]).sum(2)
    joint -= np.logaddexp.reduce(joint, axis=1, keepdims=True)
    np.testing.assert_allclose(log_types, joint, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(noise_h, (h - alpha * np.exp(joint) @ FEATURES) / sigma, rtol=1e-7, atol=1e-7)
    centred = [positions - positions.mean(0) for _, positions in map(MOLECULES.frame, range(5))]
    variance = np.mean(np.concatenate(centred) ** 2)
    slope = sigma / (alpha**2 * variance + sigma**2)
    np.testing.assert_allclose(noise_x, slope * x, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("t", [3, 16])
def test_the_loss_is_the_squared_rest_and_the_cross_entropy(t):
    edm = model(20, **(DATA | SCALES))
    alpha, sigma = (values[t] for values in schedule(20, **DATA))
    batch = at_time(edm, edm.collate(MOLECULES, np.arange(5), np.random.default_rng(1)), t)
    loss, logs = edm.training_step(batch)
    _, h, noise_x, noise_h, _ = noise(edm, t, seed=1)
    share = ((h - sigma * noise_h) / alpha)[:, :5] / 0.4  # the mean one-hot type is the probability
    entropy = -share[torch.arange(12), batch.species].log().sum()
    centred = [positions - positions.mean(0) for _, positions in map(MOLECULES.frame, range(5))]
    variance = np.mean(np.concatenate(centred) ** 2)
    rest = alpha**2 * variance / (alpha**2 * variance + sigma**2)
    error = (noise_x - batch.noise_positions).square().sum() / rest
    assert float(logs["positions"]) == pytest.approx(float(0.5 * error.detach() / 36 / 5), rel=1e-6)
    assert float(logs["features"]) == pytest.approx(float(TYPE_WEIGHT * entropy.detach() / 36 / 5), rel=1e-6)
    assert float(loss.detach()) == pytest.approx(float(logs["positions"] + logs["features"]), rel=1e-9)


def test_the_exact_denoiser_samples_the_distribution():
    """Independent atoms: types by their shares, normal positions of the width of the training set."""
    n = 1500
    edm = silent(200, MOLECULES[[4]], shift=1.0)
    samples = edm.sample(n, torch.Generator().manual_seed(0), Sampling())
    counts = [int((samples.numbers == z).sum()) for z in (1, 7)]
    assert sum(counts) == 4 * n and stats.chisquare(counts, [3 * n, n]).pvalue > 1e-3
    width = float(edm.parametrisation.width)
    # Of four normal numbers without their mean three quarters of the variance are left; 12 n of them.
    assert samples.positions.var() == pytest.approx(0.75 * width**2, rel=0.05)
    assert stats.kstest(samples.positions.ravel() / (width * np.sqrt(0.75)), "norm").statistic < 0.015
