import dataclasses

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from tutti.benchmark.interpretation.chemical_potential import local_potential, probe_energies
from tutti.core.structures import Structures
from tutti.models import base
from tutti.nn.pairs import PairGraph

CUTOFF = 3.5
NUMBERS = np.array([8, 1, 1, 6])
POSITIONS = np.array([[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0], [-0.3, -0.6, 1.1]])


def make(**config):
    settings = {"elements": ["H", "C", "O"], "channels": 6, "layers": 3, "n_gaussians": 9, "cutoff": CUTOFF}
    model = base.create("forcefields", "schnet", settings | config, seed=0).double()
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=generator)
    model.references.copy_(torch.tensor([-13.0, -1030.0, -2040.0]))
    model.scale.copy_(torch.tensor([0.7, 1.1, 1.3]))
    return model


def ssp(x):
    return np.log(0.5 * np.exp(x) + 0.5)


def terms_by_hand(model, species, positions, hears):
    """scale · ε of every atom, message by message; `hears(i, j)`: whether i takes what j sends."""

    def dense(layer, v):
        bias = 0 if layer.bias is None else layer.bias.detach().numpy()
        return layer.weight.detach().numpy() @ v + bias

    x = [model.network.embedding.weight.detach().numpy()[z] for z in species]
    for block in model.network.interactions:
        new = []
        for i in range(len(x)):
            total = np.zeros_like(x[i])
            for j in range(len(x)):
                r = np.linalg.norm(positions[i] - positions[j])
                if i != j and r < CUTOFF and hears(i, j):
                    centres = np.arange(9) * CUTOFF / 8
                    gaussians = np.exp(-((r - centres) ** 2) / (2 * (CUTOFF / 8) ** 2))
                    filters = dense(block.filter, ssp(dense(block.hidden.dense, gaussians)))
                    total += dense(block.before, x[j]) * filters * 0.5 * (np.cos(np.pi * r / CUTOFF) + 1)
            new.append(x[i] + dense(block.after, ssp(dense(block.between, total))))
        x = new
    scale = model.scale.numpy()
    first, last = model.readout[0], model.readout[2]
    return np.array(
        [scale[z] * dense(last, ssp(dense(first, v)))[0] for z, v in zip(species, x, strict=True)]
    )


@pytest.mark.parametrize("element", ["H", "C", "O"])
def test_the_probe_adds_the_difference_of_energies_when_it_is_not_heard(element):
    model = make()
    points = np.array([[0.0, 1.7, 0.9], [1.5, -1.0, 0.2], [0.3, 0.2, 3.2], [9.0, 0.0, 0.0]])
    found = probe_energies(model, NUMBERS, POSITIONS, element, points)
    species = model.species.of(NUMBERS).tolist()
    probe = ["H", "C", "O"].index(element)
    without = terms_by_hand(model, species, POSITIONS, lambda i, j: True).sum()
    for point, energy in zip(points, found, strict=True):
        terms = terms_by_hand(
            model, [*species, probe], np.vstack([POSITIONS, point]), lambda i, j: j < len(species)
        )
        assert energy == pytest.approx(terms.sum() - without, abs=1e-10)
    assert np.ptp(found) > 1e-2


def test_the_reference_of_the_test_is_the_energy_of_the_model():
    model = make()
    structures = Structures.from_frames([(NUMBERS, POSITIONS)])
    batch = model.collate(structures, [0])
    energy = float(model.energy_and_forces(batch).energy[0] - model.baseline(batch)[0])
    terms = terms_by_hand(model, model.species.of(NUMBERS).tolist(), POSITIONS, lambda i, j: True)
    assert energy == pytest.approx(terms.sum(), abs=1e-10)


def test_a_heard_probe_gives_another_energy():
    """The point of the definition: the full difference of energies holds the atoms' response, too."""
    model, point = make(), np.array([[0.0, 1.7, 0.9]])
    both = Structures.from_frames([(NUMBERS, POSITIONS), ([*NUMBERS, 1], np.vstack([POSITIONS, point]))])
    batch = model.collate(both, [0, 1])
    energies = model.energy_and_forces(batch).energy - model.baseline(batch)
    probe = probe_energies(model, NUMBERS, POSITIONS, "H", point)[0]
    assert abs(probe - float(energies[1] - energies[0])) > 1e-3


def test_probes_do_not_feel_each_other_and_chunks_do_not_matter():
    model = make()
    points = np.random.default_rng(0).normal(size=(1203, 3)) * 2
    found = probe_energies(model, NUMBERS, POSITIONS, "C", points)
    alone = [probe_energies(model, NUMBERS, POSITIONS, "C", points[[k]])[0] for k in (0, 499, 500, 1202)]
    np.testing.assert_allclose(found[[0, 499, 500, 1202]], alone, atol=1e-12)


@pytest.mark.parametrize("name", ["schnet", "painn"])
def test_after_one_interaction_the_atoms_have_not_heard_the_probe_anyway(name):
    config = {"elements": ["H", "C", "O"], "channels": 6, "layers": 1, "cutoff": CUTOFF}
    model = base.create("forcefields", name, config, seed=0).double()
    model.scale.copy_(torch.tensor([0.7, 1.1, 1.3]))
    points = np.array([[0.0, 1.7, 0.9], [1.5, -1.0, 0.2]])
    found = probe_energies(model, NUMBERS, POSITIONS, "O", points)
    for point, energy in zip(points, found, strict=True):
        structures = Structures.from_frames([([*NUMBERS, 8], np.vstack([POSITIONS, point]))])
        batch = model.collate(structures, [0])
        graph = PairGraph(batch.first, batch.second, batch.vectors, 5)
        with torch.no_grad():
            expected = model.scale[2] * model.atomwise(batch, graph)[-1]
        assert energy == pytest.approx(float(expected), abs=1e-10)
    assert np.ptp(found) > 1e-4


def test_atoms_of_painn_do_not_hear_it_either():
    config = {"elements": ["H", "C", "O"], "channels": 6, "layers": 3, "cutoff": CUTOFF}
    model = base.create("forcefields", "painn", config, seed=0).double()
    points = np.random.default_rng(0).normal(size=(7, 3)) * 2
    together = probe_energies(model, NUMBERS, POSITIONS, "C", points)
    alone = [probe_energies(model, NUMBERS, POSITIONS, "C", point[None])[0] for point in points]
    np.testing.assert_allclose(together, alone, atol=1e-12)


def test_nequip_does_not_sum_by_the_graph():
    config = {"elements": ["H", "C", "O"], "channels": 4, "layers": 2, "average_neighbours": 3.0}
    model = base.create("forcefields", "nequip", config, seed=0).double()
    with pytest.raises(ValueError, match="the atoms of 'nequip' hear the probe"):
        probe_energies(model, NUMBERS, POSITIONS, "H", np.array([[0.0, 1.7, 0.9]]))


def test_far_away_the_probe_is_alone():
    model = make()
    lone = Structures.from_frames([([6], np.zeros((1, 3)))])
    batch = model.collate(lone, [0])
    expected = model.energy_and_forces(batch).energy - model.baseline(batch)
    found = probe_energies(model, NUMBERS, POSITIONS, "C", np.array([[50.0, 0, 0]]))
    assert found[0] == pytest.approx(float(expected[0]), abs=1e-12)


def test_a_turned_molecule_has_a_turned_potential_and_single_precision_agrees():
    model = make()
    points = np.random.default_rng(1).normal(size=(50, 3)) * 2
    found = probe_energies(model, NUMBERS, POSITIONS, "O", points)
    turn = Rotation.random(random_state=0).as_matrix()
    turned = probe_energies(model, NUMBERS, POSITIONS @ turn.T + 3.0, "O", points @ turn.T + 3.0)
    np.testing.assert_allclose(turned, found, atol=1e-10)
    single = probe_energies(model.float(), NUMBERS, POSITIONS, "O", points)
    np.testing.assert_allclose(single, found, atol=1e-3)


def test_potential_on_a_surface():
    model = make()
    potential = local_potential(model, "shape", NUMBERS, POSITIONS, "H", level=3.0)
    points = potential.surface.points
    assert len(points) == len(potential.energies) and potential.element == "H" and potential.unit == "eV"
    again = probe_energies(model, NUMBERS, POSITIONS, "H", points[17:18])
    assert potential.energies[17] == pytest.approx(again[0], abs=1e-12)
    distances = np.linalg.norm(points[:, None] - POSITIONS, axis=-1)
    assert distances.min() >= 1 / np.sqrt(3.0)  # one atom alone reaches the level there


def test_what_has_no_local_potential_is_refused():
    model, points = make(), np.ones((1, 3))
    with pytest.raises(ValueError, match="holds S, which the model was not made for"):
        probe_energies(model, NUMBERS, POSITIONS, "S", points)
    with pytest.raises(ValueError, match="no chemical element is called Xx"):
        probe_energies(model, NUMBERS, POSITIONS, "Xx", points)
    with pytest.raises(ValueError, match="trained on 'gap', which is no sum over atoms"):
        probe_energies(make(target="gap"), NUMBERS, POSITIONS, "H", points)


def test_a_model_whose_atoms_hear_the_probe_is_refused(monkeypatch):
    model = make()
    network = model.network

    def deaf_to_subclasses(species, graph):
        return network(species, PairGraph(graph.first, graph.second, graph.vectors, graph.n_atoms))

    monkeypatch.setattr(model, "atomwise", lambda b, g: model.readout(deaf_to_subclasses(b.species, g)))
    with pytest.raises(ValueError, match="the atoms of 'schnet' hear the probe"):
        probe_energies(model, NUMBERS, POSITIONS, "H", np.array([[0.0, 1.7, 0.9]]))


def test_extensive_properties_have_one():
    model = make(target="U0")
    potential = local_potential(model, "m", NUMBERS, POSITIONS, "H")
    assert dataclasses.astuple(potential)[-1] == "eV" and np.isfinite(potential.energies).all()
