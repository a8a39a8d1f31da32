import dataclasses
import math

import gspherenet_models
import numpy as np
import pytest
import torch
from gspherenet_models import MIRRORED, SMALL, model, molecules, moved, rotation, shaken
from scipy import stats

from random_numbers import random, seeded
from tutti.core.structures import Structures
from tutti.models.generators.connectivity import bonded
from tutti.models.generators.gspherenet import Config, Sampling
from tutti.models.generators.gspherenet.batches import Groups, Molecules
from tutti.models.generators.gspherenet.growth import Growth
from tutti.nn.prefixes import PrefixGraph


def loss(network, structures, seed: int = 0) -> dict[str, float]:
    batch = network.collate(structures, np.arange(len(structures)), np.random.default_rng(seed))
    total, parts = network.training_step(batch)
    return {"loss": float(total.detach())} | {name: float(value) for name, value in parts.items()}


@pytest.mark.parametrize("config", [SMALL, MIRRORED])
def test_the_density_does_not_see_rotations_and_translations_nor_reflections_if_mirrored(config):
    network, structures = model(config), shaken(molecules())
    expected = loss(network, structures)
    for matrix in (rotation(), -rotation(1), np.diag([1.0, 1.0, -1.0])):
        found = loss(network, moved(structures, matrix, 4.0))
        if np.linalg.det(matrix) > 0 or config.mirrored:
            assert found == pytest.approx(expected, abs=1e-8)
        else:
            assert abs(found["torsion"] - expected["torsion"]) > 1e-3
    assert network.chiral == (not config.mirrored)


def test_the_density_does_not_see_the_order_of_the_atoms_after_the_first_carbon():
    network, rng, frames = model(), np.random.default_rng(0), []
    structures = shaken(molecules())
    for i in range(12):
        numbers, positions = structures.frame(i)
        first = np.argmax(numbers == 6)
        order = np.concatenate([[first], rng.permutation(np.delete(np.arange(len(numbers)), first))])
        frames.append((numbers[order], positions[order]))
    # The noise is drawn for the atoms in the order of placement, so it stays with them.
    assert loss(network, Structures.from_frames(frames)) == pytest.approx(loss(network, structures), abs=1e-8)


def test_with_whole_molecules_all_their_atoms_are_learnt_as_complete():
    """The mean of the cross-entropy then is over the nodes of the beginnings and those of the molecules."""
    network, structures = model(), shaken(molecules(4))
    wide = model(dataclasses.replace(SMALL, whole_molecules=True))
    n_atoms = torch.from_numpy(structures.n_atoms)
    species = torch.from_numpy(network.species.of(structures.numbers))
    with torch.no_grad():
        features = network.embed(species, torch.from_numpy(structures.positions), n_atoms)
        of_whole = -torch.nn.functional.logsigmoid(network.focus_head(features)).sum()
    n, n_of_beginnings = int(n_atoms.sum()), int((n_atoms * (n_atoms - 1) // 2).sum())
    published, found = loss(network, structures), loss(wide, structures)
    expected = (published["focus"] * n_of_beginnings + float(of_whole)) / (n_of_beginnings + n)
    assert found["focus"] == pytest.approx(expected, rel=1e-10)
    assert found["focus"] != pytest.approx(published["focus"], rel=1e-3)
    for name in ("type", "distance", "angle", "torsion"):
        assert found[name] == pytest.approx(published[name], rel=1e-12)


def test_loss_is_that_of_the_prefixes_one_by_one():
    """Types, coordinates and complete atoms of each prefix, evaluated alone; means over all elements."""
    network, structures = model(), molecules(4)
    (group,) = network.collate(structures, np.arange(4), np.random.default_rng(0)).groups
    loss, parts = network.training_step(Groups((group,)))
    values = {name: [] for name in parts}
    with torch.no_grad():
        row = 0
        for n in sorted(structures.n_atoms.tolist()):
            for size in range(1, n):
                add_prefix(network, group, row, size, values)
                row += 1
    assert row == len(group.placed)
    for name, value in parts.items():
        assert float(value) == pytest.approx(float(torch.cat(values[name]).mean()), abs=1e-9), name
    assert float(loss.detach()) == pytest.approx(float(sum(parts.values())), abs=1e-12)


def add_prefix(network, group, row: int, size: int, values: dict[str, list]) -> None:
    first_node = int(group.slots[row, 0])
    nodes = torch.arange(first_node, first_node + size)
    atoms = group.graph.atom[nodes]
    graph = PrefixGraph.of_molecules(
        group.graph.positions[atoms], torch.tensor([size]), network.config.cutoff, every=False
    )
    h = network.embedder(group.species[atoms], graph)
    logits, labels = network.focus_head(h)[:, 0], group.complete[nodes]
    values["focus"].append(
        -labels * torch.log(torch.sigmoid(logits)) - (1 - labels) * torch.log(torch.sigmoid(-logits))
    )
    f, c1, c2 = (group.against[row] - first_node).tolist()
    everything = torch.arange(size)[None]
    condition = network.type_condition(h[[f]], h, everything)
    likelihood = network.type_flow.negative_log_likelihood(group.noisy_types[[row]], condition)
    values["type"].append(likelihood.flatten())
    h = h * network.embedder.embedding(group.placed[row])
    for axis, name in enumerate(("distance", "angle", "torsion")):
        if axis and row not in (group.with_angle, group.with_torsion)[axis - 1].tolist():
            assert size <= axis
            continue
        local = torch.cat([h[[k]] for k in (f, c1, c2)[: axis + 1]], dim=1)
        condition = network.conditions[axis](local, h, everything)
        likelihood = network.flows[axis].negative_log_likelihood(
            group.coordinates[[row], axis : axis + 1], condition
        )
        values[name].append(likelihood.flatten())


def test_groups_change_nothing(monkeypatch):
    network, structures, results = model(), molecules(), []
    for size in (1, 1 << 30):
        monkeypatch.setattr("tutti.models.generators.gspherenet.batches.GROUP", size)
        batch = network.collate(structures, np.arange(12), np.random.default_rng(0))
        assert len(batch.groups) == (12 if size == 1 else 1)
        network.zero_grad()
        network.training_step(batch)[0].backward()
        results.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
        with torch.no_grad():
            results.append(network.training_step(batch)[0])
    torch.testing.assert_close(results[0], results[2], atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(results[1], results[3], atol=1e-9, rtol=1e-9)


def test_labels_are_the_atoms_without_neighbours_to_come():
    structures = molecules(5)
    network = model()
    own = Molecules.of(structures, np.arange(5), network.species, network.config, np.random.default_rng(0))
    (group,) = network.collate(structures, np.arange(5), np.random.default_rng(0)).groups
    node = start = 0
    for n in own.n_atoms.tolist():
        positions = own.positions[start : start + n].numpy()
        kinds = network.species.atomic_numbers(own.species[start : start + n])
        adjacent = bonded(kinds, np.linalg.norm(positions[:, None] - positions, axis=-1))
        for size in range(1, n):
            expected = ~adjacent[:size, size:].any(1)
            assert group.complete[node : node + size].tolist() == expected.astype(float).tolist()
            node += size
        start += n
    assert node == len(group.complete)


def test_molecules_begin_with_carbon_if_they_have_one():
    structures = Structures.from_frames(
        [
            ([8, 1, 1], [[0.0, 0, 0], [0.96, 0, 0], [-0.2, 0.9, 0]]),
            ([1, 6, 7], [[0.0, 0, 0], [1.1, 0, 0], [2.2, 0, 0]]),
        ]
    )
    network = model()
    (group,) = network.collate(structures, np.arange(2), np.random.default_rng(0)).groups
    firsts = group.species[group.graph.atom[group.slots[:, 0]]]
    assert network.species.atomic_numbers(firsts).tolist() == [8, 8, 6, 6]
    samples = network.sample(20, seeded(0), Sampling(max_atoms=3))
    assert (samples.numbers[samples.offsets[:-1]] == 6).all()


def test_noise_moves_what_atoms_are_placed_against():
    structures = molecules(10)
    quiet, noisy = model(), model(dataclasses.replace(SMALL, noise_variance=0.01))
    groups = [
        net.collate(structures, np.arange(10), np.random.default_rng(0)).groups[0] for net in (quiet, noisy)
    ]
    shifts = (groups[1].graph.positions - groups[0].graph.positions).numpy()
    assert stats.kstest(shifts.ravel() / 0.1, "norm").pvalue > 0.01
    assert torch.equal(groups[0].against, groups[1].against)
    # An atom stays where it is, and the one that it is placed at has moved.
    change = (groups[1].coordinates - groups[0].coordinates)[:, 0]
    assert 0.05 < float(change.std()) < 0.2


def test_types_are_dequantised():
    network, structures = model(), molecules(30)
    for group in network.collate(structures, np.arange(30), np.random.default_rng(0)).groups:
        noise = group.noisy_types - torch.nn.functional.one_hot(group.placed, 5)
        assert stats.kstest(noise.numpy().ravel() / 0.9, "uniform").pvalue > 0.01
        assert (group.noisy_types.argmax(1) == group.placed).all()


def carbon(network) -> tuple[torch.Tensor, torch.Tensor]:
    graph = PrefixGraph.of_molecules(torch.zeros(1, 3).double(), torch.tensor([1]), 5.0, every=False)
    h = network.embedder(torch.tensor([1]), graph)
    return h, torch.zeros(1, 1, dtype=torch.long)


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_second_atoms_follow_the_flows(temperature):
    """Kolmogorov-Smirnov test of the distances, given the types; chi-square test of the types."""
    network, n = model(), 4000
    seeds = Structures.from_frames([([6], [[1.0, 2.0, 3.0]])] * n)
    settings = Sampling(max_atoms=2, focus_threshold=1.0, distance_temperature=temperature)
    samples = network.complete(seeds, seeded(0), settings)
    assert (samples.n_atoms == 2).all() and not samples.columns["finished"].any()
    vectors = samples.positions[1::2] - samples.positions[::2]
    assert np.abs(vectors[:, 1:]).max() < 1e-12
    kinds = network.species.of(samples.numbers[1::2])
    with torch.no_grad():
        h, slots = carbon(network)
        noise = 0.5 * random(100_000, 5, seed=5)
        condition = network.type_condition(h, h, slots).expand(len(noise), -1)
        shares = np.bincount(network.type_flow.inverse(noise, condition).argmax(1), minlength=5) / len(noise)
        likely = shares > 0.01
        counts = np.bincount(kinds, minlength=5)[likely]
        assert stats.chisquare(counts, shares[likely] / shares[likely].sum() * counts.sum()).pvalue > 1e-3
        for kind in np.flatnonzero(likely):
            own = h * network.embedder.embedding.weight[kind]
            condition = network.conditions[0](own, own, slots)
            centre, edge = (
                float(network.flows[0].inverse(torch.full((1, 1), z, dtype=torch.float64), condition))
                for z in (0.0, temperature)
            )
            law = stats.norm(centre, edge - centre)
            assert stats.kstest(vectors[kinds == kind, 0], law.cdf).pvalue > 1e-3


def test_half_of_the_samples_of_a_mirrored_model_are_reflected():
    samples = model(MIRRORED).sample(400, seeded(1), Sampling(max_atoms=4, focus_threshold=1.0))
    x = samples.positions.reshape(400, 4, 3)
    volumes = np.einsum("ni,ni->n", x[:, 1] - x[:, 0], np.cross(x[:, 2] - x[:, 0], x[:, 3] - x[:, 0]))
    positive = np.count_nonzero(volumes > 0)
    assert abs(positive - 200) < 5 * math.sqrt(100)


def test_mirrored_fragments_grow_into_mirrored_molecules():
    network = model(MIRRORED)
    fragments = Structures.from_frames([molecules(3).frame(i) for i in range(3)])
    settings = Sampling(max_atoms=int(fragments.n_atoms.max()) + 3, focus_threshold=1.0)
    one = network.complete(fragments, seeded(2), settings)
    other = network.complete(moved(fragments, -np.eye(3)), seeded(2), settings)
    np.testing.assert_allclose(other.positions, -one.positions, atol=1e-9)


def test_fragments_come_first_and_stay_as_they_are():
    network = model().float()
    fragments = Structures.from_frames([molecules(6).frame(i) for i in range(6)])
    settings = Sampling(max_atoms=int(fragments.n_atoms.max()) + 2, focus_threshold=1.0)
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
    settings = Sampling(max_atoms=7, focus_threshold=1.0)
    good = ([6, 1, 1], [[0, 0, 0], [1.1, 0, 0], [-0.4, 1.0, 0]])
    both = network.complete(Structures.from_frames([good, fragment]), seeded(0), settings)
    assert np.isfinite(both.frame(0)[1]).all() and both.n_atoms[0] == 7
    if np.isnan(fragment[1]).any():
        assert not np.isfinite(both.frame(1)[1]).all() and not both.columns["finished"][1]
    elif np.abs(fragment[1]).max() < 1e9:
        assert np.isfinite(both.frame(1)[1]).all() and both.n_atoms[1] == 7


@pytest.mark.parametrize("focus", ["uniform", "probability"])
def test_the_focus_is_drawn_among_the_open_atoms(focus):
    """Of two carbons and an oxygen that is complete: in equal shares, or by what they lack."""
    network, n = model(), 4000
    molecule = ([6, 6, 8, 1], [[0.0, 0, 0], [1.5, 0, 0], [0, 1.4, 0], [-0.7, -0.8, 0]])
    with torch.no_grad():
        positions = torch.tensor(molecule[1]).double()
        h = network.embed(torch.tensor([1, 1, 3, 0]), positions, torch.tensor([4]))
        complete = torch.sigmoid(network.focus_head(h)[:, 0])
        threshold = float(complete[:3].sort().values[1:].mean())
    settings = Sampling(focus_threshold=threshold, focus=focus)
    growth = Growth(network, Structures.from_frames([molecule] * n), seeded(0), settings)
    with torch.no_grad():
        slots = torch.arange(4 * n).view(n, 4)
        chosen, ends, broken = growth._focus(h.repeat(n, 1), slots, torch.tensor([True, True, True, False]))
    assert not ends.any() and not broken.any()
    weights = torch.where(complete < threshold, 1.0 - complete if focus == "probability" else 1.0, 0.0)
    weights[3] = 0.0
    counts = torch.bincount(chosen, minlength=4)
    kept = weights > 0
    assert int(kept.sum()) == 2 and int(counts[~kept].sum()) == 0
    assert stats.chisquare(counts[kept], n * weights[kept] / weights.sum()).pvalue > 1e-3


def test_molecules_without_an_open_atom_have_finished_however_small():
    network = model()
    with torch.no_grad():
        network.focus_head[-1].bias.fill_(50.0)
    one = network.sample(20, seeded(0), Sampling())
    assert (one.n_atoms == 1).all() and one.columns["finished"].all()


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_single_atoms_and_pairs_train(precision):
    network = model().to(precision).train()
    structures = Structures.from_frames([([1], [[0, 0, 0]]), ([1, 1], [[0, 0, 0], [0.74, 0, 0]])])
    for rows in ([0], [1], [0, 1], [0, 0, 0]):
        batch = network.collate(structures, np.array(rows), np.random.default_rng(0))
        value, parts = network.training_step(batch)
        assert len(batch.groups) == (0 if rows == [0] or rows == [0, 0, 0] else 1)
        assert set(parts) == {"focus", "type", "distance", "angle", "torsion"}
        value.backward()
        assert torch.isfinite(value) and value.dtype == precision


def test_settings_are_checked():
    for wrong in ({"max_atoms": 0}, {"type_temperature": 0.0}, {"focus_threshold": 1.1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Sampling(**wrong)
    for wrong in ({"channels": 30}, {"dequantisation": 1.0}, {"elements": ("H", "O")}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            dataclasses.replace(gspherenet_models.SMALL, **wrong)
    assert Config().channels == 128
