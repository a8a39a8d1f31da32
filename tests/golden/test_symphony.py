"""A small Symphony on the authors' weights against what their code gave (branch iclr_2024_final, float64).

What was different here once, or could be, is tried too: with each such deviation the numbers do not agree.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

from tutti.core.registry import from_dict
from tutti.models.generators.symphony import MODEL, Config, Sampling
from tutti.models.generators.symphony.config import FocusConfig, PositionConfig
from tutti.models.generators.symphony.model import Symphony
from tutti.models.training.config import TrainingConfig
from tutti.nn import e3schnet, nequip
from tutti.nn.convolution import entries
from tutti.nn.nequip import NequIPInteraction
from tutti.nn.radial import BesselBasis, GaussianBasis, polynomial_envelope
from tutti.nn.spherical import harmonics

pytestmark = pytest.mark.usefixtures("double")

GOLDEN = np.load(Path(__file__).parent / "data/symphony.npz")
CATALOGUE = Path(__file__).resolve().parents[2] / "config/models.yaml"
LMAX, FILTERS, CHANNELS = 3, 4, 4
FOCUS, TARGET = 0, 1
"""The atom and the species of the recorded coefficients."""

CONFIG = Config(
    focus=FocusConfig(lmax=2, channels=6, filters=FILTERS, layers=2, n_gaussians=5, hidden=8),
    position=PositionConfig(
        lmax=LMAX, channels=CHANNELS, layers=2, n_basis=4, radial_hidden=4, n_radii=5, polar=30, azimuths=59
    ),
)


@pytest.fixture
def double() -> Iterator[None]:
    """New tensors are float64; those made in float32 would be rounded."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def array(name: str) -> Tensor:
    return torch.from_numpy(GOLDEN[name])


def by_degree(prefix: str, lmax: int) -> Tensor:
    """Weights of an e3nn `Linear` without further irreps, [degrees, channels_in, channels_out]."""
    found = {}
    for name in GOLDEN.files:
        if name.startswith(prefix + "|w["):
            irrep = name.rpartition("x")[2]
            found[int(irrep[0])] = array(name)
    return torch.stack([found[l] for l in range(lmax + 1)])


def copy_focus(symphony: Symphony) -> None:
    """E3SchNet and the MLP on it."""
    root, embedder = "node_embedder_focus_and_target_species_predictor_e3schnet#", symphony.focus_embedder
    embedder.embedding.copy_(array(root + "embed|embeddings"))
    embedder.first.weight.copy_(by_degree(root + "linear", 0))
    for k, layer in enumerate(embedder.interactions):
        block = root + "e3_sch_net_interaction_block" + (f"_{k}" if k else "") + "#"
        layer.before.weight.copy_(by_degree(block + "linear", 0 if k == 0 else 2))
        for dense, number in ((layer.hidden, 1), (layer.filter, 2)):
            dense.weight.copy_(array(f"{block}linear_{number}|w"))
            dense.bias.copy_(array(f"{block}linear_{number}|b"))
        # Theirs: by irrep, filter, path; ours: the natural ones of degree ≤ 2 by irrep, path, filter.
        paths = [1, 1, 1] if k == 0 else [3, 4, 2, 4, 2, 2, 1, 1]
        natural = [0, 1, 2] if k == 0 else [0, 1, 3]
        starts = np.cumsum([0, *paths]) * FILTERS
        columns = [
            np.arange(starts[i], starts[i + 1]).reshape(FILTERS, paths[i]).T.ravel()
            for i in sorted(range(len(paths)), key=lambda i: (i not in natural, i))
        ]
        order = torch.from_numpy(np.concatenate(columns))
        layer.filter.weight.copy_(layer.filter.weight[:, order])
        layer.filter.bias.copy_(layer.filter.bias[order])
        between = []
        for l, i in enumerate(natural):
            irrep = f"x{l}{'eo'[l % 2]}"
            weight = array(f"{block}linear_3|w[{i},{l}] {paths[i] * FILTERS}{irrep},6{irrep}")
            between.append(weight.unflatten(0, (FILTERS, -1)).transpose(0, 1).flatten(0, 1))
        layer.between.copy_(torch.cat(between))
        layer.after.weight.copy_(by_degree(block + "linear_4", 2))
    for k, weight in enumerate(symphony.focus_head.weights):
        weight.copy_(array(f"focus_and_target_species_predictor#multi_layer_perceptron#linear_{k}|w"))


def copy_position(symphony: Symphony) -> None:
    """NequIP and the head on it."""
    root, embedder = "node_embedder_target_position_predictor_nequip#", symphony.position_embedder
    embedder.embedding.copy_(array(root + "embed|embeddings"))
    for k, layer in enumerate(embedder.interactions):
        block = root + "nequipescn_layer_haiku" + (f"_{k}" if k else "") + "#"
        lmax_in = 0 if k == 0 else LMAX
        layer.before.weight.copy_(by_degree(block + "linear_up", lmax_in))
        for number, weight in enumerate(layer.radial.weights):
            weight.copy_(array(f"{block}multi_layer_perceptron#linear_{number}|w"))
        # Theirs: by l1, then l3, then m.
        theirs = [
            (m, l3, l1) for l1 in range(lmax_in + 1) for l3 in range(LMAX + 1) for m in range(min(l1, l3) + 1)
        ]
        ours = [
            (entry.m, entry.l3, l1) for entry in entries(lmax_in, LMAX) for l1 in range(entry.m, lmax_in + 1)
        ]
        last = array(f"{block}multi_layer_perceptron#linear_2|w").unflatten(1, (-1, CHANNELS))
        layer.convolution.weight.copy_(last[:, [theirs.index(key) for key in ours]])
        n = (lmax_in + 1) * CHANNELS
        for name, into in (("linear_down", layer.mix), ("skip_tp", layer.own.weights)):
            width = n if name == "linear_down" else CHANNELS
            for l, weight in enumerate(into):
                irrep = f"x{l}{'eo'[l % 2]}"
                own = array(f"{block}{name}|w[{l},{l}] {width}{irrep},{CHANNELS}{irrep}")
                if l == 0:
                    gates = array(f"{block}{name}|w[0,4] {width}x0e,{LMAX * CHANNELS}x0e")
                    own = torch.cat([own, gates], dim=-1)
                weight.copy_(own)
        layer.after.weight.copy_(by_degree(root + ("linear" if k == 0 else f"linear_{k}"), LMAX))
    product = symphony.position_head.product
    product.species.copy_(array("target_position_predictor#embed|embeddings").view(-1, LMAX + 1, CHANNELS))
    product.linear.weight.copy_(by_degree("target_position_predictor#linear", LMAX))


@torch.no_grad()
def model() -> Symphony:
    symphony = MODEL(CONFIG).eval()
    copy_focus(symphony)
    copy_position(symphony)
    return symphony


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    return array("species"), array("positions"), torch.tensor([len(GOLDEN["species"])])


@torch.no_grad()
def focus_logits(symphony: Symphony) -> float:
    """Largest difference from the recorded logits of (focus, species)."""
    return float((symphony.choice_logits(*inputs()) - array("focus_logits")).abs().max())


@torch.no_grad()
def features(symphony: Symphony) -> float:
    """Largest difference from the recorded features of all atoms; theirs are channel by channel."""
    ours = symphony.focus_features(*inputs(), torch.arange(5))
    flat = torch.cat([ours[:, l * l : (l + 1) ** 2].mT.flatten(1) for l in range(LMAX + 1)], dim=1)
    return float((flat - array("nequip")).abs().max())


@torch.no_grad()
def coefficients(symphony: Symphony) -> float:
    """Largest difference from the recorded coefficients [signals, radii, (lmax + 1)²]."""
    own = symphony.focus_features(*inputs(), torch.tensor([FOCUS]))
    ours = symphony.position_head.coefficients(own, torch.tensor([TARGET]))
    expected = array("coeffs").transpose(1, 2) * math.sqrt(4 * math.pi)
    return float((ours - expected).abs().max())


@pytest.mark.parametrize("difference", [focus_logits, features, coefficients])
def test_the_network_gives_the_authors_numbers(difference):
    assert difference(model()) < 1e-8


def test_the_catalogue_trains_and_samples_as_published():
    entry = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))["models"]["symphony"]
    assert entry["config"] == {} and set(entry["sampling"]) == {"batch_size"}
    training = from_dict(TrainingConfig, entry["training"], "training")
    assert (training.batch_size, training.steps) == (30, 9_930_000)
    assert (training.optimizer, training.learning_rate, training.schedule) == ("adam", 5e-4, "constant")
    assert training.ema_decay is None and training.gradient_clip is None and training.select == "loss"
    order = Config()
    assert (order.heavy_first, order.tolerance, order.candidate_radius) == (False, 0.125, 2.03)
    assert Sampling() == Sampling(
        first_atom="H",
        max_atoms=35,
        focus_temperature=1.0,
        position_temperature=1.0,
        polar=180,
        azimuths=359,
    )


def test_every_weight_of_the_authors_has_its_place():
    recorded = sum(GOLDEN[name].size for name in GOLDEN.files if "|" in name)
    assert sum(p.numel() for p in model().parameters()) == recorded


def sigmoid_gates(self: NequIPInteraction, mixed: list[Tensor]) -> Tensor:
    scalars, *gates = mixed[0].split(self.channels, dim=2)
    gated = (x * torch.sigmoid(gate) for x, gate in zip(mixed[1:], gates, strict=True))
    return torch.cat([self.activation(scalars), *gated], dim=1)


# What is replaced, and by what.
OF_FEATURES = {
    "sigmoid_gates": (NequIPInteraction, "_gate", sigmoid_gates),
    "silu_as_it_is": (nequip, "normalised", lambda function: function),
    "no_envelope": (nequip, "polynomial_envelope", lambda r, cutoff: torch.ones_like(r)),
    "other_envelope": (nequip, "polynomial_envelope", lambda r, cutoff: polynomial_envelope(r, cutoff, 5)),
    "other_basis": (nequip, "BesselBasis", lambda n, cutoff: BesselBasis(n, 5.0)),
}
OF_LOGITS = {
    "gaussians_from_0_to_the_cutoff": (e3schnet, "SpacedGaussians", GaussianBasis),
    "softplus_as_it_is": (e3schnet, "normalised", lambda function: function),
    "no_cutoff": (e3schnet, "cosine_cutoff", lambda r, cutoff: torch.ones_like(r)),
    "harmonics_of_norm_one": (e3schnet, "component_harmonics", lambda lmax, d: harmonics(lmax, d)),
}


@pytest.mark.parametrize("deviation", OF_FEATURES)
def test_features_would_show_a_deviation(deviation, monkeypatch):
    monkeypatch.setattr(*OF_FEATURES[deviation])
    assert features(model()) > 1e-4


@pytest.mark.parametrize("deviation", OF_LOGITS)
def test_logits_would_show_a_deviation(deviation, monkeypatch):
    monkeypatch.setattr(*OF_LOGITS[deviation])
    assert focus_logits(model()) > 1e-4


def without_residual(symphony: Symphony) -> None:
    symphony.position_embedder.interactions[1].residual = False


def residual_in_the_first(symphony: Symphony) -> None:
    first = symphony.position_embedder.interactions[0]
    forward = first.forward
    first.forward = lambda h, *rest: forward(h, *rest) + torch.nn.functional.pad(h, (0, 0, 0, 15))


def all_degrees_alike(symphony: Symphony) -> None:
    symphony.position_embedder.scales.fill_(1.0)


def divided_by_20(symphony: Symphony) -> None:
    for layer in symphony.position_embedder.interactions:
        layer.neighbours = 400.0


def lowest_harmonics_alone(symphony: Symphony) -> None:
    """Only |m| ≤ 1 couple."""
    for layer in symphony.position_embedder.interactions[1:]:
        for entry in entries(LMAX, LMAX):
            if entry.m > 1:
                layer.convolution.weight.data[:, entry.start : entry.stop] = 0.0


def one_species(symphony: Symphony) -> None:
    for layer in symphony.position_embedder.interactions:
        for weight in layer.own.weights:
            weight.data[:] = weight.data[0].clone()


def without_linear_after_the_gate(symphony: Symphony) -> None:
    for layer in symphony.position_embedder.interactions:
        layer.after = torch.nn.Identity()


DEVIATIONS = [
    without_residual,
    without_linear_after_the_gate,
    residual_in_the_first,
    all_degrees_alike,
    divided_by_20,
    lowest_harmonics_alone,
    one_species,
]


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda f: f.__name__)
def test_features_would_show_a_deviation_of_the_network(deviation):
    symphony = model()
    deviation(symphony)
    assert features(symphony) > 1e-4


def test_logits_would_show_one_filter_for_all_paths():
    symphony = model()
    layer = symphony.focus_embedder.interactions[1]
    with torch.no_grad():
        for parameter in (layer.filter.weight, layer.filter.bias):
            by_path = parameter.unflatten(-1, (-1, FILTERS))
            by_path.copy_(by_path[..., :1, :].clone().expand_as(by_path))
    assert focus_logits(symphony) > 1e-4


def test_logits_would_show_gates_on_higher_degrees():
    symphony = model()

    def gate(_: torch.nn.Module, args: tuple[Tensor]) -> Tensor:
        (x,) = args
        return torch.cat([x[:, :1], x[:, 1:] * torch.sigmoid(x[:, :1])], dim=1)

    symphony.focus_embedder.interactions[0].after.register_forward_pre_hook(gate)
    assert focus_logits(symphony) > 1e-4


def test_coefficients_would_show_one_number_per_channel_for_all_degrees():
    symphony = model()
    species = symphony.position_head.product.species
    species.data[:] = species.data[:, :1].clone()
    assert coefficients(symphony) > 1e-4
