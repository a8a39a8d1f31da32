"""EDM against numbers from the authors' code (e3_diffusion_for_molecules at fce07d7), float64.

`data/edm.npz`: a network of two layers and eight channels, three molecules, and what it makes of them.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.generators.edm import MODEL, Config
from tutti.models.generators.edm.denoising import Denoising
from tutti.models.generators.edm.model import EDM, DiffusionBatch
from tutti.models.generators.edm.schedule import Schedule

SIZE = math.log(3)
"""nats, −log p(number of atoms) of three molecules of three sizes, which is not in the recorded bound."""

EXACT = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parent / "data" / "edm.npz") as archive:
        return dict(archive)


def below(golden: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): v for name, v in golden.items() if name.startswith(prefix)}


def molecules(golden: Mapping[str, np.ndarray]) -> Structures:
    return Structures(**{name: golden[name] for name in ("n_atoms", "numbers", "positions")})


def model(golden: Mapping[str, np.ndarray], **changes: object) -> EDM:
    """The authors' weights in a network of the published settings but for its size, and for `changes`."""
    made = MODEL(Config(layers=2, channels=8, **changes)).double()
    made.fit_statistics(molecules(golden))
    weights = {name: torch.from_numpy(v) for name, v in below(golden, "weights/").items()}
    made.load_state_dict({"sizes": made.sizes} | weights)
    return made


def denoising(edm: EDM, golden: Mapping[str, np.ndarray]) -> tuple[Denoising, Tensor, Tensor]:
    z = torch.from_numpy(golden["z"])
    return Denoising(edm, torch.from_numpy(golden["n_atoms"]), torch.Generator()), z[:, :3], z[:, 3:]


def predicted(edm: EDM, golden: Mapping[str, np.ndarray], t: int) -> np.ndarray:
    within, x, h = denoising(edm, golden)
    with torch.no_grad():
        return torch.cat(within.predict(x, h, t), dim=1).numpy()


class Recorded(np.random.Generator):
    """Gives the recorded noise, of positions and then of features."""

    def __init__(self, noise: np.ndarray) -> None:
        super().__init__(np.random.PCG64(0))
        self.parts = [noise[:, :3], noise[:, 3:]]

    def standard_normal(self, size: tuple[int, int]) -> np.ndarray:
        assert self.parts[0].shape == size
        return self.parts.pop(0)


def batch(edm: EDM, golden: Mapping[str, np.ndarray], case: str) -> DiffusionBatch:
    noise, times = golden[f"loss/{case}/noise"], golden[f"loss/{case}/times"]
    return edm.diffuse(molecules(golden), np.arange(3), times, np.ones(3), Recorded(noise))


def each(made: DiffusionBatch, edm: EDM, golden: Mapping[str, np.ndarray]) -> list[dict[str, float]]:
    """Loss and bound of each molecule of a batch."""
    atoms = made.molecule.numpy()
    noise = torch.cat([made.noise_positions, made.noise_features], dim=1).numpy()
    found = []
    for k, t in enumerate(made.times.numpy()):
        recorded = Recorded(noise[atoms == k])
        alone = edm.diffuse(molecules(golden), np.array([k]), np.array([t]), np.ones(1), recorded)
        loss, logs = edm.training_step(alone)
        found.append({"l2_without_prior": float(loss.detach()), "nll": float(logs["nll"]) - SIZE})
    return found


def test_schedule(golden):
    schedule = Schedule.polynomial(1000, 1e-5)
    np.testing.assert_allclose(schedule.alpha**2, golden["alpha2"], **EXACT)
    np.testing.assert_allclose(schedule.sigma**2, 1 - golden["alpha2"], rtol=0, atol=1e-15)


@pytest.mark.parametrize("t", [0, 1, 500, 1000])
def test_network(golden, t):
    np.testing.assert_allclose(predicted(model(golden), golden, t), golden[f"predicted/{t}"], **EXACT)


@pytest.mark.parametrize("case", ["zero", "mixed", "late"])
def test_loss_bound_and_gradient(golden, case):
    edm = model(golden)
    made = batch(edm, golden, case)
    loss, logs = edm.training_step(made)
    expected = below(golden, f"loss/{case}/")
    assert float(loss.detach()) == pytest.approx(expected["l2_without_prior"].mean(), rel=1e-7)
    # The authors' code takes t / T in float32.
    assert float(logs["nll"]) - SIZE == pytest.approx(expected["nll"].mean(), rel=1e-6)
    for name in ("l2_without_prior", "nll"):
        found = [values[name] for values in each(made, edm, golden)]
        np.testing.assert_allclose(found, expected[name], rtol=1e-6)
    loss.backward()
    gradients = below(expected, "gradient/")
    assert len(gradients) == sum(p.dim() == 2 for p in edm.parameters())
    for name, parameter in edm.named_parameters():
        if name in gradients:
            np.testing.assert_allclose(parameter.grad.numpy(), gradients[name], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("t", [1000, 600, 1])
def test_denoising_step(golden, t):
    edm = model(golden)
    _, x, h = denoising(edm, golden)
    step = edm.schedule.reverse(t, t - 1)
    found = step.scale * torch.cat([x, h], 1).numpy() - step.shift * predicted(edm, golden, t)
    np.testing.assert_allclose(found, golden[f"step/{t}/mean"], **EXACT)
    assert step.noise == pytest.approx(float(golden[f"step/{t}/sigma"]), rel=1e-12)


def test_last_step(golden, monkeypatch):
    """Positions are decoded with the noise that is recorded; without it, and with a noise of ones."""
    within, x, h = denoising(model(golden), golden)
    drawn = []
    for value in (0.0, 1.0):
        monkeypatch.setattr(within, "noise", lambda v=value: (torch.full_like(x, v), torch.full_like(h, v)))
        positions, species = within.decode(x, h)
        drawn.append(positions.detach().numpy())
        assert torch.equal(species, h[:, :5].argmax(1))
    np.testing.assert_allclose(drawn[0], golden["decode/mean"], **EXACT)
    np.testing.assert_allclose(drawn[1] - drawn[0], golden["decode/sigma"], rtol=1e-11)


def divided(edm: EDM, scale: float) -> EDM:
    """The same network with its sums over neighbours divided by `scale`."""
    with torch.no_grad():
        for block in edm.network.blocks:
            block.update[0].weight[:, edm.config.channels :] /= scale
            block.coordinate_range /= scale
    return edm


def test_other_networks_are_told_apart(golden):
    """Sums over the neighbours divided by 100, and the range that the paper's text has."""
    for other in (divided(model(golden), 100.0), model(golden, coordinate_range=15 / 2)):
        for t in (0, 1, 500, 1000):
            assert np.abs(predicted(other, golden, t) - golden[f"predicted/{t}"]).max() > 0.05
        for case in ("zero", "mixed", "late"):
            loss, logs = other.training_step(batch(other, golden, case))
            expected = below(golden, f"loss/{case}/")
            assert abs(float(loss.detach()) / expected["l2_without_prior"].mean() - 1) > 1e-3
            assert abs((float(logs["nll"]) - SIZE) / expected["nll"].mean() - 1) > 1e-3


def test_other_schedules_are_told_apart(golden):
    """That of the paper's text, clipped late and not squared, and one that is not clipped at all."""
    f = 1 - (np.arange(1001) / 1000) ** 2
    for alpha in ((1 - 2e-5) * f + 1e-5, np.sqrt((1 - 2e-5) * f**2 + 1e-5)):
        assert np.abs(alpha**2 / golden["alpha2"] - 1).max() > 1e-4
