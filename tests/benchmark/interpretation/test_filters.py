import math

import numpy as np
import pytest
import torch
from torch import nn

from tutti.benchmark.interpretation.filters import plane_cuts, radial_filters, strongest
from tutti.core.structures import Structures
from tutti.models import base
from tutti.nn.graph import MIN_DISTANCE
from tutti.nn.pairs import PairGraph

CUTOFF, N_GAUSSIANS = 4.0, 9


@pytest.fixture
def model():
    config = {"elements": ["H", "C", "O"], "channels": 6, "layers": 2, "n_gaussians": N_GAUSSIANS}
    made = base.create("forcefields", "schnet", config | {"cutoff": CUTOFF}, seed=0).double()
    generator = torch.Generator().manual_seed(1)
    for parameter in made.parameters():  # biases begin at 0
        nn.init.normal_(parameter, std=0.5, generator=generator)
    return made


def by_hand(interaction, r):
    """Schütt et al. 2017, section 4: two dense layers with ssp on Gaussians, times the cosine cutoff."""
    r, spacing = max(r, MIN_DISTANCE), CUTOFF / (N_GAUSSIANS - 1)
    values = [math.exp(-((r - k * spacing) ** 2) / (2 * spacing**2)) for k in range(N_GAUSSIANS)]
    first, second = interaction.hidden.dense, interaction.filter
    w1, b1, w2, b2 = (t.detach().numpy() for t in (first.weight, first.bias, second.weight, second.bias))
    hidden = np.log(0.5 * np.exp(w1 @ values + b1) + 0.5)
    return (w2 @ hidden + b2) * (0.5 * (math.cos(math.pi * r / CUTOFF) + 1) if r < CUTOFF else 0.0)


def test_filters_are_those_of_the_paper(model):
    distances = np.array([0.0, 0.3, 1.09, 2.5, 3.99, 4.0, 5.0])
    filters = radial_filters(model, distances)
    assert [f.shape for f in filters] == [(7, 6), (7, 6)]
    for interaction, found in zip(model.network.interactions, filters, strict=True):
        np.testing.assert_allclose(found, [by_hand(interaction, r) for r in distances], atol=1e-12)
    assert np.abs(filters[0] - filters[1])[1:5].max() > 0.1


def test_filters_are_what_the_network_multiplies_messages_by(model):
    """The convolution of a pair is, at one atom, before(x of the other) ∘ W(r)."""
    r = 1.7
    graph = PairGraph(
        torch.tensor([0]), torch.tensor([1]), torch.tensor([[0.0, r, 0.0]], dtype=torch.float64), 2
    )
    x = torch.randn(2, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for interaction, filters in zip(model.network.interactions, radial_filters(model, [r]), strict=True):
        heard = []
        hook = interaction.between.register_forward_pre_hook(
            lambda _, inputs, heard=heard: heard.append(*inputs)
        )
        interaction(x, graph, *model.network.radial(graph.distances))
        hook.remove()
        expected = interaction.before(x).flip(0) * torch.from_numpy(filters)
        torch.testing.assert_close(heard[0], expected, atol=1e-12, rtol=0)


def test_cuts_hold_the_filter_at_the_distance_from_the_atom(model):
    axis, cuts = plane_cuts(model, half_width=3.0, n=7)
    np.testing.assert_allclose(axis, [-3, -2, -1, 0, 1, 2, 3])
    assert [cut.shape for cut in cuts] == [(7, 7, 6)] * 2
    for interaction, cut in zip(model.network.interactions, cuts, strict=True):
        np.testing.assert_allclose(cut[5, 2], by_hand(interaction, math.sqrt(5)), atol=1e-12)
        np.testing.assert_allclose(cut[3, 3], by_hand(interaction, 0.0), atol=1e-12)
        assert (cut[0, 0] == 0).all()  # 4.24 Å: beyond the cutoff
        np.testing.assert_allclose(cut, cut.transpose(1, 0, 2), atol=0)
        np.testing.assert_allclose(cut, cut[::-1], atol=1e-15)


def test_strongest_channels_come_first():
    filters = np.array([[1.0, -3.0, 0.0, 2.0], [1.0, 0.0, -0.5, 2.5]])
    assert strongest(filters, 3).tolist() == [3, 1, 0]


def other(name):
    config = {"elements": ["H", "C", "O"], "channels": 4, "layers": 2, "cutoff": CUTOFF}
    if name == "nequip":
        config["average_neighbours"] = 3.0
    return base.create("forcefields", name, config, seed=0).double()


@pytest.mark.parametrize("name", ["painn", "nequip"])
def test_filters_of_other_models_end_at_the_cutoff(name):
    made = other(name)
    found = radial_filters(made, np.array([0.0, 1.0, 2.0, CUTOFF, CUTOFF + 1]))
    assert len(found) == 2
    for values in found:
        assert np.isfinite(values).all() and (np.abs(values[3:]) < 1e-12).all()
        assert (np.abs(values[1:3]).max(axis=1) > 1e-3).all() and values.shape[1] % 4 == 0


@pytest.mark.parametrize("name", ["painn", "nequip"])
def test_filters_of_other_models_are_those_of_their_messages(name):
    made = other(name)
    source = made.network.filters if name == "painn" else made.network.radial
    heard = []
    source.register_forward_hook(lambda _, inputs, output: heard.append(output))
    structures = Structures.from_frames([([1, 8], np.array([[0.0, 0, 0], [0.6, 0, 0.8]]))])
    made.energy_and_forces(made.collate(structures, [0]))
    inside = torch.cat(heard if name == "painn" else heard[0], dim=1).detach().numpy()
    np.testing.assert_allclose(inside, np.concatenate(radial_filters(made, [1.0]), axis=1), atol=1e-12)


def test_a_network_without_filters_is_refused(model):
    model.network = nn.Linear(1, 1)
    with pytest.raises(ValueError, match="the radial filters of Linear are not known"):
        radial_filters(model, np.ones(2))
