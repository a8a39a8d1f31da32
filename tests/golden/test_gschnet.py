"""G-SchNet's predictions against numbers that the authors' code gave for the same weights.

They are of the authors' repository (master, 0cadb05, with SchNetPack 0.3), with ten decimals;
`data/gschnet.json` says how the weights are drawn. There are some with their cutoff, and some with a cosine
cutoff forced on it.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn

from tutti.core.registry import from_dict
from tutti.core.structures import Structures
from tutti.models.generators.gschnet import MODEL, Config, Sampling
from tutti.models.generators.gschnet.batch import TraceBatch
from tutti.models.generators.gschnet.growth import Growth
from tutti.models.generators.gschnet.heads import product_of_votes
from tutti.models.generators.gschnet.model import GSchNet
from tutti.models.generators.gschnet.traces import Traces, centre_of_mass
from tutti.models.training.config import TrainingConfig

GOLDEN = json.loads((Path(__file__).parent / "data" / "gschnet.json").read_text(encoding="utf-8"))
CASES = ["hard", "cosine"]
PUBLISHED = Config(channels=16, layers=3, n_gaussians=7, n_bins=40)
NUMBERS = np.array(GOLDEN["numbers"])
POSITIONS = np.array(
    [
        [1.1879, -0.3829, 0.0],
        [0.0, 0.5526, 0.0],
        [-1.1867, -0.2472, 0.0],
        [-1.9237, 0.3850, 0.0],
        [-0.0227, 1.1812, 0.8852],
    ]
)
FOCUS, CARBON = 1, 1
BINS = [0, 5, 10, 20]
PRINTED = 1e-10
"""What the numbers are rounded to, with a little room."""


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    """Models are made in double precision, the centres of their Gaussians too."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def golden_model(config: Config) -> GSchNet:
    """With the weights of the recipe."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Tensor:
        return torch.from_numpy(rng.normal(size=shape))

    def fill(dense: nn.Linear, bias: bool = True) -> None:
        dense.weight.copy_(draw(*dense.weight.shape) / dense.in_features**0.5)
        drawn = draw(dense.out_features) * 0.1 if bias else None
        if dense.bias is not None:
            dense.bias.copy_(drawn)

    model = MODEL(config).eval()
    with torch.no_grad():
        model.network.embedding.weight.copy_(draw(7, 16))
        for block in model.network.interactions:
            fill(block.hidden.dense)
            fill(block.filter)
            fill(block.before, bias=False)
            fill(block.between)
            fill(block.after)
        for head in (model.distance_head, model.type_head):
            for layer in list(head.network)[::2]:
                fill(layer)
    return model


def in_sampling(model: GSchNet) -> tuple[Tensor, Tensor]:
    """log p of the next type [6] and of the distances to a carbon [7, 40]; nodes are origin, atoms, focus."""
    fragment = Structures.from_frames([(NUMBERS, POSITIONS)])
    growth = Growth(model, fragment, torch.Generator(), Sampling())
    with torch.no_grad():
        x, step, _ = growth._features(torch.tensor([0]), torch.tensor([FOCUS + 1]))
        log_bins = model.log_bins(x, torch.full_like(step, CARBON))
        return model.log_types(x, step, 1)[0], log_bins


def in_training(model: GSchNet) -> tuple[Tensor, Tensor]:
    """The same, of a batch whose only molecule has a carbon more."""
    centred = POSITIONS - centre_of_mass(NUMBERS, POSITIONS)
    steps = np.ones((1, 12), dtype=np.int64)
    traces = Traces(
        n_atoms=np.array([6]),
        species=model.species.of(np.append(NUMBERS, 6))[None],
        positions=np.concatenate([centred, [[1.0, 1.0, 1.0]]])[None],
        placed=5 * steps,
        focus=(FOCUS + 1) * steps,
        target=CARBON * steps,
    )
    batch = TraceBatch.of(traces, 5, torch.float64, "steps")
    with torch.no_grad():
        x = model.features(batch)
        log_bins = model.log_bins(x.index_select(0, batch.placing), batch.following)
        own = batch.step[batch.placing] == 0
        return model.log_types(x, batch.step, len(batch.targets))[0], log_bins[own]


def largest_deviation(found: tuple[Tensor, Tensor], case: str) -> float:
    log_types, log_bins = found
    golden = GOLDEN[case]
    rows = {"log_p_dist row of focus token, bins 0 5 10 20": -1, "row of origin": 0, "row of atom 0": 1}
    differences = [log_types.numpy() - golden["log_p_type [H C N O F stop]"]]
    differences += [log_bins[row, BINS].numpy() - golden[name] for name, row in rows.items()]
    return max(float(np.abs(difference).max()) for difference in differences)


@pytest.mark.parametrize("predict", [in_sampling, in_training])
@pytest.mark.parametrize("case", CASES)
def test_predictions_equal_those_of_the_authors_code(case, predict):
    model = golden_model(replace(PUBLISHED, cutoff_function=case))
    assert largest_deviation(predict(model), case) < PRINTED


def test_a_cosine_cutoff_is_not_the_published_one():
    assert PUBLISHED.cutoff_function == "hard" and PUBLISHED.cutoff == 10.0
    assert largest_deviation(in_sampling(golden_model(PUBLISHED)), "cosine") > 0.01


@pytest.mark.parametrize("stop", ["origin", "none"])
def test_other_embeddings_of_types_are_not_the_published_ones(stop, monkeypatch):
    """STOP with the origin's embedding, and a head that reads the features alone."""
    model = golden_model(PUBLISHED)
    types = model.network.embedding.weight.detach()[:6]
    types = types if stop == "origin" else torch.ones_like(types)
    monkeypatch.setattr(
        model, "log_types", lambda x, step, n: product_of_votes(model.type_head(x, types), step, n)
    )
    assert largest_deviation(in_sampling(model), "hard") > 0.01


def test_the_catalogue_trains_as_the_authors_do():
    """PyTorch's plateau of patience 10 lowers the rate in the 11th epoch without improvement."""
    catalogue = Path(__file__).parents[2] / "config" / "models.yaml"
    entry = yaml.safe_load(catalogue.read_text(encoding="utf-8"))["models"]["gschnet"]
    assert entry["config"] == {} and "differs" not in entry
    training = from_dict(TrainingConfig, entry["training"], "training")
    assert (training.optimizer, training.learning_rate, training.batch_size) == ("adam", 1e-4, 5)
    assert (training.schedule, training.decay_factor, training.min_learning_rate) == ("plateau", 0.5, 1e-6)
    assert (training.patience, training.threshold, training.select) == (11, 1e-4, "loss")
    epoch = 100_000 // training.batch_size
    assert training.validation_every == epoch and training.steps == 500 * epoch
    assert training.ema_decay is None and training.gradient_clip is None and training.warmup_steps == 0
