import dataclasses
import math

import gspherenet_models
import numpy as np
import pytest
import torch
from gspherenet_models import model, molecules, moved, rotation
from scipy import stats

from random_numbers import random, seeded
from tutti.core.structures import Structures
from tutti.models.generators.connectivity import bonded
from tutti.models.generators.gspherenet import Config, Sampling
from tutti.nn.prefixes import PrefixGraph


def loss(network, structures, seed: int = 0) -> dict[str, float]:
    batch = network.collate(structures, np.arange(len(structures)), np.random.default_rng(seed))
    total, parts = network.training_step(batch)
    return {"loss": float(total.detach())} | {name: float(value) for name, value in parts.items()}


def test_the_density_does_not_see_rotations_reflections_and_translations():
    network, structures = model(), molecules()
    expected = loss(network, structures)
    for matrix in (rotation(), -rotation(1), np.diag([1.0, 1.0, -1.0])):
        assert loss(network, moved(structures, matrix, 4.0)) == pytest.approx(expected, abs=1e-8)


def test_the_density_does_not_see_the_order_of_the_atoms_after_the_first():
    network, rng, frames = model(), np.random.default_rng(0), []
    structures = Structures.from_frames([molecules().frame(i) for i in range(12)])
    for i in range(12):
        numbers, positions = structures.frame(i)
        order = np.concatenate([[0], 1 + rng.permutation(len(numbers) - 1)])
        frames.append((numbers[order], positions[order]))
    # The noise is drawn for the atoms in the order of placement, so it stays with them.
    assert loss(network, Structures.from_frames(frames)) == pytest.approx(loss(network, structures), abs=1e-8)


def test_loss_is_that_of_the_prefixes_one_by_one():
    """Types, coordinates and open atoms of each prefix, evaluated alone and added up by loops."""
    network, structures = model(), molecules(4)
    batch = network.collate(structures, np.arange(4), np.random.default_rng(0))
    _, parts = network.training_step(batch)
    sums = dict.fromkeys(parts, 0.0)
    with torch.no_grad():
        for start, n in zip(batch.starts.tolist(), sorted(structures.n_atoms.tolist()), strict=True):
            noise = batch.noisy_types[start : start + n]
            sums["type"] += network.type_flow.negative_log_likelihood(noise[:1], network.start[None])
            for size in range(1, n + 1):
                add_prefix(network, batch, start, size, n, sums)
    for name, value in parts.items():
        assert float(value) == pytest.approx(float(sums[name]) / 4, abs=1e-9), name


def add_prefix(network, batch, start: int, size: int, n: int, sums: dict[str, float]) -> None:
    own = slice(start, start + size)
    positions = torch.cat([graph.positions for graph in batch.graphs])[own]
    graph = PrefixGraph.of_molecules(positions, torch.tensor([size]), 5.0, every=False)
    h = network.embedder(batch.species[own], graph)
    nodes = torch.nonzero(batch.slots[start + size - 1] < len(batch.open)).flatten()
    labels = batch.open[batch.slots[start + size - 1][nodes]]
    logits = network.focus_head(h)[:, 0]
    sums["focus"] += torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
    if size == n:
        return
    row = int(torch.nonzero(batch.placed == start + size).item())
    first_node = int(batch.slots[start + size - 1, 0])
    f, c1, c2 = (batch.against[row] - first_node).tolist()
    present = torch.ones(1, size, dtype=torch.bool)
    condition = network.type_condition(h[[f]], h[None], present)
    sums["type"] += network.type_flow.negative_log_likelihood(batch.noisy_types[[start + size]], condition)
    h = h * network.next_species(batch.species[start + size])
    for axis, name in enumerate(("distance", "angle", "torsion")):
        if axis and row not in (batch.with_angle, batch.with_torsion)[axis - 1].tolist():
            continue
        chosen = torch.cat([h[[k]] for k in (f, c1, c2)[: axis + 1]], dim=1)
        condition = network.conditions[axis](chosen, h[None], present)
        value = batch.coordinates[[row], axis : axis + 1]
        sums[name] += network.flows[axis].negative_log_likelihood(value, condition)


def test_groups_and_recomputation_change_nothing(monkeypatch):
    network, structures, results = model(), molecules(), []
    for size in (1, 1 << 30):
        monkeypatch.setattr("tutti.models.generators.gspherenet.model._GROUP", size)
        batch = network.collate(structures, np.arange(12), np.random.default_rng(0))
        assert len(batch.graphs) == (12 if size == 1 else 1)
        network.zero_grad()
        network.training_step(batch)[0].backward()
        results.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
        with torch.no_grad():
            results.append(network.training_step(batch)[0])
    torch.testing.assert_close(results[0], results[2], atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(results[1], results[3], atol=1e-9, rtol=1e-9)


def test_labels_are_the_neighbours_that_are_not_there_yet():
    structures = molecules(5)
    network = model()
    batch = network.collate(structures, np.arange(5), np.random.default_rng(0))
    node = 0
    for m in range(5):
        start, n = int(batch.starts[m]), int(np.sort(structures.n_atoms)[m])
        positions = torch.cat([graph.positions for graph in batch.graphs])[start : start + n].numpy()
        kinds = network.species.atomic_numbers(batch.species[start : start + n])
        adjacent = bonded(kinds, np.linalg.norm(positions[:, None] - positions, axis=-1))
        for size in range(1, n + 1):
            expected = adjacent[:size, size:].any(1)
            assert batch.open[node : node + size].tolist() == expected.astype(float).tolist()
            node += size
        assert not expected.any()
    assert node == len(batch.open)


def test_types_are_dequantised():
    network, structures = model(), molecules(30)
    batch = network.collate(structures, np.arange(30), np.random.default_rng(0))
    noise = batch.noisy_types - torch.nn.functional.one_hot(batch.species, 5)
    assert stats.kstest(noise.numpy().ravel() / 0.9, "uniform").pvalue > 0.01
    assert (batch.noisy_types.argmax(1) == batch.species).all()


def carbon(network) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    graph = PrefixGraph.of_molecules(torch.zeros(1, 3).double(), torch.tensor([1]), 5.0, every=False)
    h = network.embedder(torch.tensor([1]), graph)
    return h, h[None], torch.ones(1, 1, dtype=torch.bool)


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_second_atoms_follow_the_flows(temperature):
    """Kolmogorov-Smirnov test of the distances, given the types; chi-square test of the types."""
    network, n = model(), 4000
    seeds = Structures.from_frames([([6], [[1.0, 2.0, 3.0]])] * n)
    settings = Sampling(max_atoms=2, focus_threshold=0.0, distance_temperature=temperature)
    samples = network.complete(seeds, seeded(0), settings)
    assert (samples.n_atoms == 2).all() and not samples.columns["finished"].any()
    vectors = samples.positions[1::2] - samples.positions[::2]
    assert np.abs(vectors[:, 1:]).max() < 1e-12
    kinds = network.species.of(samples.numbers[1::2])
    with torch.no_grad():
        h, everything, present = carbon(network)
        noise = 0.5 * random(100_000, 5, seed=5)
        condition = network.type_condition(h, everything, present).expand(len(noise), -1)
        shares = np.bincount(network.type_flow.inverse(noise, condition).argmax(1), minlength=5) / len(noise)
        likely = shares > 0.01
        counts = np.bincount(kinds, minlength=5)[likely]
        assert stats.chisquare(counts, shares[likely] / shares[likely].sum() * counts.sum()).pvalue > 1e-3
        for kind in np.flatnonzero(likely):
            own = network.next_species.weight[kind]
            condition = network.conditions[0](h * own, everything * own, present)
            centre, edge = (
                float(network.flows[0].inverse(torch.full((1, 1), z, dtype=torch.float64), condition))
                for z in (0.0, temperature)
            )
            # The reflected half of the samples points the other way.
            signed = vectors[kinds == kind, 0]
            distances = np.where(np.sign(signed) == np.sign(centre), signed, -signed)
            law = (
                stats.norm(abs(centre), abs(edge - centre))
                if centre >= 0
                else stats.norm(centre, edge - centre)
            )
            if abs(centre) > 5 * abs(edge - centre):
                assert stats.kstest(distances, law.cdf).pvalue > 1e-3


def test_half_of_the_samples_are_reflected():
    samples = model().sample(400, seeded(1), Sampling(max_atoms=4, focus_threshold=0.0))
    x = samples.positions.reshape(400, 4, 3)
    volumes = np.einsum("ni,ni->n", x[:, 1] - x[:, 0], np.cross(x[:, 2] - x[:, 0], x[:, 3] - x[:, 0]))
    positive = np.count_nonzero(volumes > 0)
    assert abs(positive - 200) < 5 * math.sqrt(100)


def test_mirrored_fragments_grow_into_mirrored_molecules():
    network = model()
    fragments = Structures.from_frames([molecules(3).frame(i) for i in range(3)])
    settings = Sampling(max_atoms=int(fragments.n_atoms.max()) + 3, focus_threshold=0.0)
    one = network.complete(fragments, seeded(2), settings)
    other = network.complete(moved(fragments, -np.eye(3)), seeded(2), settings)
    np.testing.assert_allclose(other.positions, -one.positions, atol=1e-9)


def test_fragments_come_first_and_stay_as_they_are():
    network = model().float()
    fragments = Structures.from_frames([molecules(6).frame(i) for i in range(6)])
    settings = Sampling(max_atoms=int(fragments.n_atoms.max()) + 2, focus_threshold=0.0)
    grown = network.complete(fragments, seeded(0), settings)
    for i in range(6):
        numbers, positions = fragments.frame(i)
        all_numbers, all_positions = grown.frame(i)
        assert len(all_numbers) == settings.max_atoms
        np.testing.assert_array_equal(all_numbers[: len(numbers)], numbers)
        np.testing.assert_array_equal(all_positions[: len(numbers)], positions)


@pytest.mark.parametrize(
    "fragment",
    [
        ([6, 6, 6], [[0, 0, 0], [0, 0, 0], [0, 0, 0]]),
        ([6, 6, 1, 1], [[0, 0, 0], [1.2, 0, 0], [2.3, 0, 0], [-1.1, 0, 0]]),
        ([6, 6], [[0, 0, 0], [50.0, 0, 0]]),
        ([6, 1], [[0, 0, 0], [math.nan] * 3]),
        ([6, 1], [[0, 0, 0], [1e300, 0, 0]]),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_degenerate_fragments_harm_nobody(fragment, dtype):
    network = model().to(dtype)
    settings = Sampling(max_atoms=7, focus_threshold=0.0)
    good = ([6, 1, 1], [[0, 0, 0], [1.1, 0, 0], [-0.4, 1.0, 0]])
    both = network.complete(Structures.from_frames([good, fragment]), seeded(0), settings)
    assert np.isfinite(both.frame(0)[1]).all() and both.n_atoms[0] == 7
    if np.isnan(fragment[1]).any():
        assert not np.isfinite(both.frame(1)[1]).all() and not both.columns["finished"][1]
    elif np.abs(fragment[1]).max() < 1e9:
        assert np.isfinite(both.frame(1)[1]).all() and both.n_atoms[1] == 7


def test_the_likeliest_atom_goes_on_until_there_are_two():
    network = model()
    with torch.no_grad():
        network.focus_head[-1].bias.fill_(-50.0)
    one = network.sample(20, seeded(0), Sampling())
    assert (one.n_atoms == 2).all() and one.columns["finished"].all()
    three = network.sample(20, seeded(0), Sampling(min_atoms=3))
    assert (three.n_atoms == 3).all() and three.columns["finished"].all()


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_single_atoms_and_pairs_train(precision):
    network = model().to(precision).train()
    structures = Structures.from_frames([([1], [[0, 0, 0]]), ([1, 1], [[0, 0, 0], [0.74, 0, 0]])])
    for rows in ([0], [1], [0, 1], [0, 0, 0]):
        batch = network.collate(structures, np.array(rows), np.random.default_rng(0))
        value, parts = network.training_step(batch)
        assert set(parts) == {"focus", "type", "distance", "angle", "torsion"}
        value.backward()
        assert torch.isfinite(value) and value.dtype == precision


def test_settings_are_checked():
    for wrong in ({"max_atoms": 0}, {"min_atoms": 0}, {"type_temperature": 0.0}, {"focus_threshold": 1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Sampling(**wrong)
    for wrong in ({"channels": 30}, {"dequantisation": 1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            dataclasses.replace(gspherenet_models.SMALL, **wrong)
    assert Config().channels == 128
