"""G-SphereNet against numbers recorded from the authors' code: labels, network, flows and losses."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from golden.gspherenet_golden import (
    CONFIG,
    DATA,
    FLOWS,
    GOLDEN,
    LAYERS,
    MOLECULES,
    WEIGHTS,
    batch,
    flow_parts,
    names,
    network,
    theirs_as_ours,
)
from tutti.core.structures import Structures
from tutti.models.generators.gspherenet import MODEL, Config
from tutti.models.generators.gspherenet.batches import Molecules
from tutti.models.generators.gspherenet.trees import Placements, canonical, carbon_first
from tutti.models.species import Species
from tutti.nn.prefixes import PrefixGraph
from tutti.nn.spherical_bessel import zeros
from tutti.nn.triplets import triplet_angles

LABELS = dict(np.load(DATA / "gspherenet_labels.npz"))
BATCH_ORDER = 1, 0, 2
"""Ours, by size."""


def same(found: torch.Tensor, expected: np.ndarray, tolerance: float = 1e-8) -> None:
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=tolerance)


def reordered(name: str, rows: dict[int, int]) -> np.ndarray:
    """A recorded array of the batch, whose molecules have so many rows, in our order of them."""
    parts = np.split(GOLDEN[name], np.cumsum([rows[k] for k in MOLECULES])[:-1])
    return np.concatenate([parts[k] for k in BATCH_ORDER])


SIZES = [len(GOLDEN[f"molecules/{k}/numbers"]) for k in MOLECULES]
NODES = {k: n * (n - 1) // 2 for k, n in enumerate(SIZES)}
STEPS = {
    flow: {k: n - lacking for k, n in enumerate(SIZES)}
    for flow, lacking in {"type": 1, "distance": 1, "angle": 2, "torsion": 3}.items()
}


def labels(numbers: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, Placements, list[int], Molecules]:
    """Order of placement, placements, species of the placed atoms, and the molecule as of a batch."""
    structures = Structures.from_frames([(numbers, positions)])
    first = carbon_first(structures.numbers, structures.n_atoms)
    counts, points = torch.from_numpy(structures.n_atoms), torch.from_numpy(structures.positions[first])
    order, parents, *_ = canonical(points, counts, CONFIG)
    placed = points[order]
    own = Molecules.of(structures, np.array([0]), Species(CONFIG.elements), CONFIG, np.random.default_rng(0))
    found = Placements(placed, placed, counts, parents, CONFIG)
    return first[order.numpy()], found, own.species[1:].tolist(), own


def check_labels(golden: dict[str, np.ndarray], c1: str, c2: str) -> None:
    order, found, species, own = labels(golden["numbers"], golden["positions"])
    # The labels without a network have no order of their own; distances and types hold it.
    assert order.tolist() == golden.get("order", order).tolist()
    assert found.focus.tolist() == golden["focus"].tolist()
    assert found.first[found.has_angle].tolist() == golden[c1].tolist()
    assert found.second[found.has_torsion].tolist() == golden[c2].tolist()
    assert species == golden["new_type"].tolist()
    same(found.coordinates[:, 0], golden["distance"])
    same(found.coordinates[found.has_angle, 1], golden["angle"])
    torsion = found.coordinates[found.has_torsion, 2]
    assert ((torsion > 0.0) & (torsion <= 2.0 * math.pi)).all()
    # Those of planar molecules lie at an end of the interval, up to rounding.
    turns = torch.from_numpy(golden["torsion"])
    same(torch.sin(torsion), torch.sin(turns).numpy())
    same(torch.cos(torsion), torch.cos(turns).numpy())
    complete = own.prefixes(CONFIG, torch.float64).complete
    assert complete.tolist() == golden["cannot_focus"].astype(float).tolist()


@pytest.mark.parametrize("k", MOLECULES)
def test_labels_of_the_network(k):
    prefix = f"molecules/{k}/"
    check_labels({n[len(prefix) :]: x for n, x in GOLDEN.items() if n.startswith(prefix)}, "c1", "c2")


@pytest.mark.parametrize("k", range(6))
def test_labels(k):
    golden = {name[2:]: x for name, x in LABELS.items() if name.startswith(f"{k}/")}
    check_labels(golden, "first", "second")


def graph(k: int) -> PrefixGraph:
    positions = torch.from_numpy(GOLDEN[f"graph/{k}/positions"])
    return PrefixGraph.of_molecules(positions, torch.tensor([len(positions)]), CONFIG.cutoff, every=False)


def test_roots():
    same(torch.from_numpy(zeros(2, 3)), GOLDEN["bessel/roots"], 1e-13)


def test_triplets_and_bases():
    own, embedder = graph(0), network().embedder
    assert [own.senders.tolist(), own.receivers.tolist()] == [
        GOLDEN[f"graph/0/{end}"].tolist() for end in ("from", "to")
    ]
    corners, triplets = own.corners.tolist(), GOLDEN["graph/0/triplet/k"]
    expected = [
        tuple(int(GOLDEN[f"graph/0/triplet/{name}"][row]) for name in ("k", "j", "i", "reference"))
        for row in range(len(triplets))
    ]
    rows = [corners.index(list(each)) for each in expected]
    assert sorted(rows) == list(range(len(corners)))
    distances = torch.linalg.vector_norm(own.positions[own.senders] - own.positions[own.receivers], dim=1)
    same(distances, GOLDEN["graph/0/distance"])
    same(embedder.distances(distances), GOLDEN["graph/0/basis/distance"])
    angle, torsion = triplet_angles(own)
    same(angle[rows], GOLDEN["graph/0/triplet/angle"])
    for function in (torch.sin, torch.cos):
        same(function(torsion[rows]), function(torch.from_numpy(GOLDEN["graph/0/triplet/torsion"])).numpy())
    assert ((torsion >= 0.0) & (torsion <= 2.0 * math.pi)).all()
    bases = (torch.cat(parts) for parts in zip(*embedder.bases(own, distances).blocks(), strict=True))
    for values, name in zip(bases, ("angle", "torsion"), strict=True):
        same(values[rows], GOLDEN[f"graph/0/basis/{name}"])
        assert np.abs(values[rows].numpy() - GOLDEN[f"graph/0/basis/{name}_single_precision"]).max() < 1e-6


@pytest.mark.parametrize("k", MOLECULES)
def test_stages_of_the_embedder(k):
    own, embedder = graph(k), network().embedder
    species = torch.from_numpy(GOLDEN[f"graph/{k}/type"])
    r = torch.from_numpy(GOLDEN[f"graph/{k}/distance"])
    embedded, radial, bases = embedder.embedding(species), embedder.distances(r), embedder.bases(own, r)
    same(embedded, GOLDEN[f"graph/{k}/type_embedding"])
    first = messages = embedder.first(embedded, radial, own)
    same(first, GOLDEN[f"graph/{k}/init/e1"])
    same(embedder.filter_alone(radial) * first, GOLDEN[f"graph/{k}/init/e2"])
    reduced = embedder.reduced(bases)
    for layer, (interaction, of_layer) in enumerate(zip(embedder.interactions, reduced, strict=True)):
        messages = interaction(messages, radial, of_layer, own, pairs=layer == 0)
        same(messages, GOLDEN[f"graph/{k}/update{layer}/e1"])
        filters = WEIGHTS[f"feat_net.update_es.{layer}.lin_rbf.weight"]
        same(messages * (radial @ torch.from_numpy(filters).T), GOLDEN[f"graph/{k}/update{layer}/e2"])
    received = embedder.received(first, messages, radial, own)
    same(received, GOLDEN[f"graph/{k}/update{LAYERS - 1}/e2"])
    summed = torch.zeros(len(species), received.shape[1]).double().index_add(0, own.node, received)
    same(embedder.readout(summed), GOLDEN[f"graph/{k}/node_update"])
    same(embedder(species, own), GOLDEN[f"graph/{k}/features"])


def features(model: MODEL) -> torch.Tensor:
    own = batch(model)
    return model.embedder(own.species, own.graph)


def test_features_of_all_prefixes():
    same(features(network()), reordered("features", NODES))
    assert np.abs(GOLDEN["single_precision/features"] - GOLDEN["features"]).max() < 3e-7


def test_the_batch():
    own = batch(network())
    assert own.species[own.graph.atom].tolist() == reordered("batch/atom_type", NODES).tolist()
    assert own.placed.tolist() == reordered("batch/new_atom_type", STEPS["type"]).tolist()
    assert own.complete.tolist() == reordered("batch/cannot_focus", NODES).tolist()
    same(own.noisy_types, reordered("type/x", STEPS["type"]))
    rows = {"distance": slice(None), "angle": own.with_angle, "torsion": own.with_torsion}
    for axis, flow in enumerate(FLOWS[1:]):
        same(own.coordinates[rows[flow], axis : axis + 1], reordered(f"{flow}/x", STEPS[flow]))


def test_focus():
    model = network()
    logits = model.focus_head(features(model))[:, 0]
    same(logits, reordered("focus/logit", NODES))
    same(torch.sigmoid(logits), reordered("focus/probability", NODES))


def conditions(model: MODEL) -> dict[str, torch.Tensor]:
    """Of each flow."""
    own, h = batch(model), features(model)
    found = {"type": model.type_condition(h[own.against[:, 0]], h, own.slots)}
    h = h * model.embedder.embedding(own.placed)[own.prefix]
    same(h, reordered("placed_features", NODES))
    for axis, at in enumerate((torch.arange(len(own.placed)), own.with_angle, own.with_torsion)):
        local = h[own.against[at, : axis + 1]].flatten(1)
        found[FLOWS[axis + 1]] = model.conditions[axis](local, h, own.slots[at])
    return found


def flow_of(model: MODEL, name: str) -> torch.nn.Module:
    return model.type_flow if name == "type" else model.flows[FLOWS.index(name) - 1]


@pytest.mark.parametrize("name", FLOWS)
def test_conditions_and_flows_both_ways(name):
    model = network()
    condition, rows = conditions(model)[name], STEPS[name]
    same(condition, reordered(f"{name}/condition", rows))
    query = reordered(f"{name}/query", rows)
    same(condition[:, : query.shape[1]], query)
    same(condition[:, query.shape[1] :], reordered(f"{name}/attention", rows))
    flow = flow_of(model, name)
    s, t = flow.parameters_of(condition)
    for layer in range(CONFIG.flow_layers):
        same(s[:, layer], reordered(f"{name}/flow{layer}/s", rows))
        same(t[:, layer], reordered(f"{name}/flow{layer}/t", rows))
    x = torch.from_numpy(reordered(f"{name}/x", rows))
    same(torch.exp(s[:, 0]) * (x + t[:, 0]), reordered(f"{name}/z_after_first", rows))
    z, log_determinant = flow(x, condition)
    same(z, reordered(f"{name}/z", rows))
    same(log_determinant, reordered(f"{name}/log_determinant", rows))
    decoded = flow.inverse(torch.from_numpy(reordered(f"{name}/inverse/z", rows)), condition)
    same(decoded, reordered(f"{name}/inverse/x", rows))
    if name == "type":
        assert decoded.argmax(1).tolist() == reordered("type/inverse/type", rows).tolist()


def losses(model: MODEL) -> dict[str, float]:
    from tutti.models.generators.gspherenet.batches import Groups

    total, parts = model.training_step(Groups((batch(model),)))
    total.backward()
    return {name: float(value) for name, value in parts.items()} | {"total": float(total.detach())}


def test_losses():
    found = losses(network())
    for name in (*FLOWS, "focus", "total"):
        assert found[name] == pytest.approx(float(GOLDEN[f"loss/{name}"]), abs=1e-8), name
        single = float(GOLDEN[f"single_precision/loss/{name}"])
        assert found[name] == pytest.approx(single, abs=1e-7), name


def test_gradients():
    """2-norms: those of the flows' layers, which are in one parameter here, each by itself."""
    model = network()
    losses(model)
    ours = dict(model.named_parameters())
    for own, theirs in names().items():
        expected = float(GOLDEN[f"gradient_norm/{theirs}"])
        assert float(ours[own].grad.norm()) == pytest.approx(expected, abs=1e-8), own
    for own, parts in flow_parts().items():
        for part, (theirs, _) in zip(ours[own].grad.chunk(CONFIG.flow_layers), parts, strict=True):
            assert float(part.norm()) == pytest.approx(float(GOLDEN[f"gradient_norm/{theirs}"]), abs=1e-8)


def test_weights_without_influence_are_left_out():
    """All others have one of ours; what the recorded ones lack has no gradient there."""
    used = {*names().values(), *(name for parts in flow_parts().values() for name, _ in parts)}
    left_out = set(WEIGHTS) - used
    without = {name for name in left_out if f"gradient_norm/{name}" in GOLDEN}
    assert left_out - without == set(GOLDEN["dead"].tolist())
    assert without == {f"{name}_att.k_proj.bias" for name in ("node", "dist", "angle", "torsion")} | {
        f"feat_net.update_es.{layer}.lin_rbf.weight" for layer in range(LAYERS - 1)
    }
    assert all(GOLDEN[f"gradient_norm/{name}"] < 1e-14 for name in without)
    # No influence: another value of theirs is not even read.
    assert theirs_as_ours({name: WEIGHTS[name] for name in used}).keys() == network().state_dict().keys()


def test_published_size():
    """3,148,095 weights, less those without influence: 790,016, four biases of keys and three filters."""
    model = MODEL(Config())
    assert sum(p.numel() for p in model.parameters()) == 3_148_095 - 790_016 - 4 * 128 - 3 * 6 * 128


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"mirrored": True}, "torsion"),
        ({"tolerance": 0.1}, "torsion"),
        ({"noise_variance": 1e-4}, "distance"),
        ({"dequantisation": 0.5}, "type"),
        ({"cutoff": 4.0}, "focus"),
        ({"heads": 4}, "angle"),
    ],
)
def test_what_is_not_published_does_not_agree(changes, part):
    found = losses(network(**changes))
    assert abs(found[part] - float(GOLDEN[f"loss/{part}"])) > 1e-6
    assert dataclasses.replace(CONFIG, **changes) != CONFIG
