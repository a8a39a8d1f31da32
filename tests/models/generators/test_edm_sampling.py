import itertools
import math

import numpy as np
import pytest
import torch
from edm_models import MOLECULES, model, predicting, schedule
from scipy.stats import chisquare
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.generators.edm import Config, Sampling
from tutti.models.generators.edm.denoising import Denoising


def oracle(edm, positions: Tensor, features: Tensor):
    """A network that knows the molecule."""
    alpha, sigma = schedule(edm.config.timesteps)

    def predict(x, h, times):
        t = round(float(times[0]) * edm.config.timesteps)
        return (x - alpha[t] * positions) / sigma[t], (h - alpha[t] * features) / sigma[t]

    return predict


@pytest.mark.parametrize(
    "settings", [Sampling(), Sampling(steps=30), Sampling(sampler="ddim", steps=3)], ids=["all", "30", "ddim"]
)
def test_an_oracle_denoises_to_what_it_knows(settings, monkeypatch):
    edm, n = model(100, MOLECULES[[4]]), 50
    batch = edm.collate(MOLECULES, np.full(n, 4), np.random.default_rng(0))
    monkeypatch.setattr(edm, "denoise", predicting(oracle(edm, batch.positions, batch.features)))
    samples = edm.sample(n, torch.Generator().manual_seed(0), settings)
    assert samples.columns["finished"].all() and (samples.numbers.reshape(n, 4) == [7, 1, 1, 1]).all()
    error = samples.positions - batch.positions.numpy()
    # p(x | z_0) has the width σ_0/α_0 in the space without the centre of mass.
    assert np.std(error) == pytest.approx(0.00316 * math.sqrt(3 / 4), rel=0.2)


@pytest.mark.parametrize(
    ("steps", "temperature", "sampler"),
    [(20, 1.0, "ancestral"), (7, 1.0, "ancestral"), (20, 0.5, "ancestral"), (7, 1.0, "ddim")],
)
def test_variance_after_denoising_with_a_linear_network(steps, temperature, sampler, monkeypatch):
    """For ε̂ = c z the variance follows from step to step in closed form."""
    edm, n = model(20, MOLECULES[[0]]), 20_000
    monkeypatch.setattr(edm, "denoise", predicting(lambda x, h, times: (0.6 * x, 0.6 * h)))
    alpha, sigma = schedule(20)
    times = [20 * (steps - k) // steps for k in range(steps + 1)]
    variance = 1.0
    for t, s in itertools.pairwise(times):
        ratio = alpha[t] / alpha[s]
        if sampler == "ddim":
            variance *= (alpha[s] * (1 - 0.6 * sigma[t]) / alpha[t] + 0.6 * sigma[s]) ** 2
            continue
        added = sigma[t] ** 2 - ratio**2 * sigma[s] ** 2
        variance *= (1 / ratio - added / (ratio * sigma[t]) * 0.6) ** 2
        variance += temperature * added * sigma[s] ** 2 / sigma[t] ** 2
    denoising = Denoising(edm, torch.full((n,), 3), torch.Generator().manual_seed(0))
    monkeypatch.setattr(denoising, "decode", lambda x, h: (x, h))
    x, h = denoising.run(Sampling(sampler=sampler, steps=steps, temperature=temperature))
    assert float(x.square().mean()) == pytest.approx(variance * 2 / 3, rel=5 * math.sqrt(2 / (6 * n)))
    assert float(h.square().mean()) == pytest.approx(variance, rel=5 * math.sqrt(2 / (18 * n)))


def test_as_many_steps_as_times_are_the_ordinary_sampler():
    edm = model()
    digests = {
        edm.sample(5, torch.Generator().manual_seed(0), Sampling(steps=steps)).digest for steps in (None, 20)
    }
    assert len(digests) == 1
    with pytest.raises(ValueError, match="steps is 21, the model has 20 timesteps"):
        edm.sample(5, torch.Generator(), Sampling(steps=21))


def test_sizes_follow_the_histogram(monkeypatch):
    structures = MOLECULES[[0, 1, 1, 1, 2, 4, 4]]
    edm = model(1, structures)
    monkeypatch.setattr(edm, "denoise", predicting(lambda x, h, times: (x, h)))

    def drawn(limit: int) -> np.ndarray:
        samples = edm.sample(7000, torch.Generator().manual_seed(0), Sampling(max_atoms=limit))
        return np.bincount(samples.n_atoms, minlength=7)

    assert chisquare(drawn(35)[2:5], [4000, 1000, 2000]).pvalue > 1e-3 and drawn(35)[2:5].sum() == 7000
    assert chisquare(drawn(3)[2:4], [5600, 1400]).pvalue > 1e-3 and drawn(3)[2:4].sum() == 7000
    with pytest.raises(ValueError, match="max_atoms is 1, but the smallest molecule the model knows has 2"):
        drawn(1)


def test_molecules_larger_than_the_histogram():
    chain = Structures.from_frames([([6] * 7, np.arange(21.0).reshape(7, 3))])
    with pytest.raises(ValueError, match=r"molecules of up to 7 atoms; raise `max_size`.*\(now 6\)"):
        model(structures=chain)
    edm = model()
    batch = edm.collate(chain, np.array([0]), np.random.default_rng(0))
    assert math.isfinite(edm.training_step(batch)[1]["nll"])  # of a validation set


def test_a_molecule_that_is_not_finite_is_unfinished_and_harms_no_other(monkeypatch, capsys):
    edm = model()
    reference = edm.sample(6, torch.Generator().manual_seed(0), Sampling())
    assert reference.columns["finished"].all()
    inner = edm.denoise

    def denoise(*arguments):
        noise = inner(*arguments)
        noise.x[0] = torch.nan
        return noise

    monkeypatch.setattr(edm, "denoise", denoise)
    samples = edm.sample(6, torch.Generator().manual_seed(0), Sampling())
    assert samples.columns["finished"].tolist() == [False, *[True] * 5]
    others = slice(samples.n_atoms[0], None)
    assert np.array_equal(samples.positions[others], reference.positions[others])
    assert np.array_equal(samples.numbers[others], reference.numbers[others])
    assert np.isnan(samples.positions[0]).all()
    assert capsys.readouterr().err == ""  # short denoising tells nothing


@pytest.mark.parametrize("settings", [{"steps": 0}, {"max_atoms": -1}, {"temperature": 0.0}])
def test_settings_of_sampling_must_be_positive(settings):
    with pytest.raises(ValueError, match="must be positive"):
        Sampling(**settings)


@pytest.mark.parametrize(
    "settings", [{"timesteps": 0}, {"precision": 0.0}, {"precision": 0.5}, {"max_size": 0}, {"shift": 0.0}]
)
def test_configuration_is_checked(settings):
    with pytest.raises(ValueError, match=f"{next(iter(settings))} is"):
        Config(**settings)
