"""Molecules that the authors' G-SphereNet grew: from the same latents and foci, ours grows the same."""

import numpy as np
import pytest
import torch

from golden.gspherenet_golden import FLOWS, GOLDEN, network
from tutti.core.structures import Structures
from tutti.models.generators.gspherenet import MODEL, Sampling
from tutti.models.generators.gspherenet.growth import Growth

TRAJECTORIES = range(3)
CARBON = Structures.from_frames([([6], [[0.0, 0.0, 0.0]])])


class Replay(Growth):
    """Takes the recorded latents and foci, and keeps what the focus was chosen from."""

    def __init__(self, model: MODEL, trajectory: int, settings: Sampling) -> None:
        super().__init__(model, CARBON, torch.Generator().manual_seed(0), settings)
        self.prefix = f"generation/{trajectory}"
        self.chances = []

    def draw_focus(self, weights: torch.Tensor) -> torch.Tensor:
        step = len(self.chances)
        self.chances.append(weights[0].tolist())
        foci = GOLDEN[f"{self.prefix}/focus"]
        return torch.tensor([foci[min(step, len(foci) - 1)]])

    def draw_latents(self, flow: str, shape: tuple[int, int]) -> torch.Tensor:
        """The first angles and torsions mean nothing and are not recorded."""
        step = len(self.chances) - 1 - {"angle": 1, "torsion": 2}.get(flow, 0)
        recorded = torch.from_numpy(GOLDEN[f"{self.prefix}/{flow}/z"])
        return recorded[[step]] if step >= 0 else torch.zeros(shape, dtype=torch.float64)


def replay(trajectory: int, **settings: object) -> tuple[Structures, list[list[float]]]:
    chosen = {"focus_threshold": float(GOLDEN[f"generation/{trajectory}/threshold"])} | settings
    with torch.no_grad():
        growth = Replay(network(), trajectory, Sampling(**chosen))
        return growth.run(), growth.chances


@pytest.mark.parametrize("trajectory", TRAJECTORIES)
def test_molecules_grow_as_recorded(trajectory):
    grown, chances = replay(trajectory)
    numbers, positions = grown.frame(0)
    assert numbers.tolist() == GOLDEN[f"generation/{trajectory}/numbers"].tolist()
    expected = GOLDEN[f"generation/{trajectory}/positions"]
    np.testing.assert_allclose(positions, expected, rtol=0, atol=1e-8)
    # None was open in the end, so it has finished.
    assert grown.columns["finished"].all() and not any(chances[-1])
    probabilities = GOLDEN[f"generation/{trajectory}/focus_probability"]
    for row, own in enumerate(chances):
        below = probabilities[row, : row + 1] < 0.5
        assert own == (below & (numbers[: row + 1] != 1)).astype(float).tolist()


def test_a_hydrogen_below_the_threshold_is_not_open():
    probability = GOLDEN["generation/0/focus_probability"][-1]
    numbers = GOLDEN["generation/0/numbers"]
    assert numbers[probability < 0.5].tolist() == [1]


@pytest.mark.parametrize("trajectory", TRAJECTORIES)
def test_probabilities_conditions_and_values_of_every_step(trajectory):
    """The network along the recorded molecule, one prefix after the other."""
    model, prefix = network(), f"generation/{trajectory}"
    species = torch.from_numpy(model.species.of(GOLDEN[f"{prefix}/numbers"]))
    positions = torch.from_numpy(GOLDEN[f"{prefix}/positions"])
    rows = {name: 0 for name in FLOWS}
    for size in range(1, len(species)):
        h = model.embed(species[:size], positions[:size], torch.tensor([size]))
        cannot = torch.sigmoid(model.focus_head(h)[:, 0])
        expected = GOLDEN[f"{prefix}/focus_probability"][size - 1, :size]
        np.testing.assert_allclose(cannot.detach().numpy(), expected, rtol=0, atol=1e-8)
        slots = torch.arange(size)[None]
        distances = torch.cdist(positions[:size], positions[:size]).fill_diagonal_(torch.inf)
        f = int(GOLDEN[f"{prefix}/focus"][size - 1])
        c1 = int(distances[f].argmin())
        c2 = int(distances[c1].index_fill(0, torch.tensor([f]), torch.inf).argmin())
        check(model.type_condition(h[[f]], h, slots), model.type_flow, prefix, "type", rows)
        h = h * model.embedder.embedding(species[size])
        for axis, name in enumerate(FLOWS[1:]):
            if size > axis:
                local = h[[f, c1, c2][: axis + 1]].flatten()[None]
                condition = model.conditions[axis](local, h, slots)
                check(condition, model.flows[axis], prefix, name, rows)


def check(condition: torch.Tensor, flow: torch.nn.Module, prefix: str, name: str, rows: dict) -> None:
    row = rows[name]
    rows[name] += 1
    x = flow.inverse(torch.from_numpy(GOLDEN[f"{prefix}/{name}/z"][[row]]), condition)
    for found, what in ((condition, "condition"), (x, "x")):
        expected = GOLDEN[f"{prefix}/{name}/{what}"][row]
        np.testing.assert_allclose(found.detach().numpy()[0], expected, rtol=0, atol=1e-8)


def test_what_is_not_published_grows_other_molecules():
    assert replay(0, focus_threshold=0.45)[0].n_atoms < len(GOLDEN["generation/0/numbers"])
    _, chances = replay(1, focus="probability")
    assert chances[0] == pytest.approx([1.0 - GOLDEN["generation/1/focus_probability"][0, 0]])
