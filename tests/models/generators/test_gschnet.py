"""G-SchNet's network, labels and loss against the formulas, step by step."""

import numpy as np
import pytest
import torch
from gschnet_models import FOCUS, ORIGIN, STOP, model, molecules, predictions, schnet

from tutti.core.structures import Structures
from tutti.models.generators.gschnet import MODEL
from tutti.models.generators.gschnet.config import Config, Sampling
from tutti.models.generators.gschnet.growth import Growth
from tutti.models.generators.gschnet.heads import TaperedMLP, smeared_labels
from tutti.models.generators.gschnet.model import GSchNet
from tutti.models.generators.gschnet.traces import Traces, make_traces


def test_labels_equal_the_formula_and_sum_to_one():
    distances = torch.tensor([0.0, 0.731, 1.09, 14.99], dtype=torch.float64)
    config = Config()
    labels = smeared_labels(distances, config.n_bins, config.bin_width, config.label_width)
    for d, found in zip(distances.tolist(), labels, strict=True):
        width = 15.0 / 299
        expected = np.array([np.exp(-((d - width * l) ** 2) / (0.1 * width)) for l in range(300)])
        np.testing.assert_allclose(found.numpy(), expected / expected.sum(), rtol=1e-12, atol=1e-300)
    torch.testing.assert_close(labels.sum(1), torch.ones(4, dtype=torch.float64), atol=1e-14, rtol=0)


def test_shared_distances_give_the_same_features_as_each_step_alone():
    made, structures = model(), molecules()
    rows = np.array([0, 4, 2, 3])
    traces = make_traces(structures, rows, made.species, np.random.default_rng(3))
    with torch.no_grad():
        batch = made.collate(structures, rows, np.random.default_rng(3))
        found, step = made.features(batch), 0
        distances = np.linalg.norm(traces.positions[0, :9, None] - traces.positions[0, :9], axis=-1)
        assert distances.max() > made.config.cutoff > np.median(distances)
        for b in range(len(rows)):
            for t in np.flatnonzero(traces.steps[b]):
                n = traces.placed[b, t]
                places = np.concatenate([np.zeros((1, 3)), traces.positions[b, :n]])
                kinds = [ORIGIN, *traces.species[b, :n], FOCUS]
                nodes = np.concatenate([places, places[[traces.focus[b, t]]]])
                own = batch.step == step
                assert batch.kinds[own].tolist() == kinds
                torch.testing.assert_close(found[own], schnet(made, kinds, nodes), atol=1e-10, rtol=0)
                step += 1
    assert step == len(batch.targets) == 2 * (9 + 4 + 2 + 1)


def divergences(
    made: GSchNet, traces: Traces, moved: np.ndarray, row: int
) -> tuple[list[float], list[list[float]]]:
    """Of a molecule: −log p of the type of each step, and KL(labels, p) of each node of each placing step.

    What is placed stands at `moved` [B, M, 3], the next atom belongs where it is in `traces`.
    """
    centres = made.config.bin_width * np.arange(made.config.n_bins)
    types, distances = [], []
    for t in np.flatnonzero(traces.steps[row]):
        n, focus, kind = (a[row, t] for a in (traces.placed, traces.focus, traces.target))
        atoms = moved[row, :n]
        log_types, log_bins = predictions(
            made, traces.species[row, :n].tolist(), atoms, focus - 1 if focus else None
        )
        types.append(-float(log_types[kind]))
        if kind == STOP:
            continue
        places = np.concatenate([np.zeros((1, 3)), atoms])
        nodes = np.concatenate([places, places[[focus]]])
        distances.append([])
        for node, log_p in zip(nodes, log_bins[kind].numpy(), strict=True):
            d = np.linalg.norm(traces.positions[row, n] - node)
            label = np.exp(-((d - centres) ** 2) / (0.1 * made.config.bin_width))
            label /= label.sum()
            log_label = np.log(np.where(label > 0, label, 1.0))
            distances[-1].append(float(label @ (log_label - log_p)))
    return types, distances


@pytest.mark.parametrize("type_head", ["embeddings", "features"])
@pytest.mark.parametrize("mean", ["steps", "molecules"])
@pytest.mark.parametrize("noise_variance", [0.0, 0.01])
def test_loss_is_the_divergences_written_out(mean, type_head, noise_variance):
    """The default weighs all steps, and all their nodes, alike; the paper's formula all molecules."""
    assert (Config().loss_mean, Config().noise_variance) == ("steps", 0.0)
    made, structures = model(loss_mean=mean, type_head=type_head, noise_variance=noise_variance), molecules()
    rows, rng = np.array([1, 4, 3]), np.random.default_rng(3)
    traces = make_traces(structures, rows, made.species, rng)
    moved = traces.positions + rng.normal(scale=noise_variance**0.5, size=traces.positions.shape)
    with torch.no_grad():
        loss, parts = made.training_step(made.collate(structures, rows, np.random.default_rng(3)))
        types, distances = zip(*[divergences(made, traces, moved, b) for b in range(3)], strict=True)
    if mean == "steps":
        of_types = np.mean(np.concatenate(types))
        of_distances = np.mean([node for molecule in distances for step in molecule for node in step])
    else:
        of_types = np.mean([np.mean(molecule) for molecule in types])
        of_distances = np.mean([np.mean([np.mean(step) for step in molecule]) for molecule in distances])
    assert float(parts["type"]) == pytest.approx(of_types, abs=1e-10)
    assert float(parts["distance"]) == pytest.approx(of_distances, abs=1e-10)
    assert float(loss) == pytest.approx(of_types + of_distances, abs=1e-10)


def loss_of(made: GSchNet, structures: Structures, copies: list[int]) -> float:
    batch = made.collate(structures, np.array(copies), np.random.default_rng(0))
    return float(made.training_step(batch)[0].detach())


def test_validation_has_no_noise():
    rows, structures = np.array([1, 4, 3]), molecules()
    losses = []
    for variance in (0.0, 0.01):
        made = model(noise_variance=variance)
        batch = made.collate_validation(structures, rows, np.random.default_rng(3))
        losses.append(float(made.training_step(batch)[0].detach()))
    assert losses[0] == losses[1]
    with pytest.raises(ValueError, match=r"noise_variance is -0\.1"):
        Config(noise_variance=-0.1)


def test_means_of_parts_average_to_that_of_the_batch():
    """Exactly by the paper's formula, and by the default where the parts' molecules are of one size.

    Of molecules of one or two atoms, whose traces are all the same.
    """
    for mean, parts, same in [
        ("molecules", [[2, 2], [3]], True),
        ("steps", [[2, 2], [2]], True),
        ("steps", [[3, 2], [3, 2]], True),
        ("steps", [[2, 2], [3]], False),
    ]:
        made = model(loss_mean=mean)
        whole = loss_of(made, molecules(), [row for part in parts for row in part])
        average = np.average([loss_of(made, molecules(), p) for p in parts], weights=[len(p) for p in parts])
        assert bool(average == pytest.approx(whole, abs=1e-12)) is same


def ask(made, fragment: Structures, focus: int) -> tuple[torch.Tensor, torch.Tensor]:
    """log p(type) [4] and the votes of each place [P, n_bins] on the distance to a next carbon."""
    growth = Growth(made, fragment, torch.Generator(), Sampling())
    active, focus = torch.tensor([0]), torch.tensor([focus])
    with torch.no_grad():
        x, step, place = growth._features(active, focus)
        log_bins = made.log_bins(x, torch.ones_like(step))
        return made.log_types(x, step, 1)[0], growth._tables(step, place, log_bins)[0]


def test_predictions_in_sampling_equal_the_formulas():
    made = model()
    fragment = molecules()[:1]
    log_types, tables = ask(made, fragment, focus=3)
    growth = Growth(made, fragment, torch.Generator(), Sampling())
    positions = growth.positions[0, 1:10].numpy()
    with torch.no_grad():
        expected, log_bins = predictions(made, growth.kinds[0, 1:10].tolist(), positions, focus=2)
    torch.testing.assert_close(log_types, expected, atol=1e-10, rtol=0)
    votes = log_bins[1][:-1].clone()
    votes[3] += log_bins[1][-1]
    torch.testing.assert_close(tables, votes, atol=1e-10, rtol=0)


def test_predictions_do_not_depend_on_place_orientation_and_order():
    made, structure = model(), molecules()[:1]
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    order = np.concatenate([[2], np.delete(np.arange(9), 2)[rng.permutation(8)]])
    numbers, positions = structure.frame(0)
    expected = ask(made, structure, focus=3)
    places = np.concatenate([[0], 1 + order])
    for matrix in (turn, -turn):
        moved = Structures.from_frames([(numbers[order], (positions @ matrix.T + 7.0)[order])])
        log_types, tables = ask(made, moved, focus=1)
        torch.testing.assert_close(log_types, expected[0], atol=1e-10, rtol=0)
        torch.testing.assert_close(tables, expected[1][places], atol=1e-10, rtol=0)


def test_heads_taper_linearly():
    made = MODEL(Config(layers=1))
    for head, expected in [
        (made.type_head.network, [102, 77, 51, 26, 1]),
        (made.distance_head.network, [162, 196, 231, 265, 300]),
        (TaperedMLP(128, 6, 5), [103, 79, 54, 30, 6]),
    ]:
        assert [layer.out_features for layer in head if isinstance(layer, torch.nn.Linear)] == expected


def test_published_settings():
    """Of the paper's section 5 and the arguments' defaults in the authors' script."""
    config, sampling = Config(), Sampling()
    assert config.elements == ("H", "C", "N", "O", "F")
    assert (config.channels, config.layers, config.n_gaussians, config.head_layers) == (128, 9, 25, 5)
    assert (config.cutoff, config.n_bins, config.max_distance, config.label_width) == (10.0, 300, 15.0, 0.1)
    assert (sampling.max_atoms, sampling.position_temperature, sampling.grid_spacing) == (35, 0.1, 0.05)
    assert (sampling.min_radius, sampling.max_radius) == (0.9, 1.7)


def test_networks_begin_as_the_authors_do():
    """Xavier weights and no biases in all dense layers, standard normal embeddings."""
    torch.manual_seed(0)
    made = MODEL(Config(layers=2))
    dense = [module for module in made.modules() if isinstance(module, torch.nn.Linear)]
    assert len(dense) == 2 * 5 + 2 * 5
    for layer in dense:
        limit = (6.0 / (layer.in_features + layer.out_features)) ** 0.5
        weight = layer.weight.detach()
        assert float(weight.abs().max()) == pytest.approx(limit, rel=0.25 if weight.numel() < 100 else 0.02)
        assert float(weight.std()) == pytest.approx(limit / 3**0.5, rel=0.25)
        assert layer.bias is None or not layer.bias.any()
    embedding = made.network.embedding.weight.detach()
    assert float(embedding.std()) == pytest.approx(1.0, rel=0.1) and float(embedding.abs().max()) > 2.0


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Config(n_bins=1), "n_bins"),
        (lambda: Config(layers=0), "layers is 0"),
        (lambda: Sampling(max_atoms=0), "max_atoms is 0"),
        (lambda: Sampling(min_radius=2.0), "min_radius"),
        (lambda: Sampling(grid_spacing=1.0), "grid_spacing is 1.0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(made, message):
    with pytest.raises(ValueError, match=message):
        made()
