"""What each model promises of the precisions that it can be trained in."""

import csv
import math

import pytest
from tiny_models import MODELS, entry

from tutti.core import registry
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.data.splits import SplitConfig, make_splits
from tutti.models import base
from tutti.models.training.config import TrainingConfig
from tutti.models.training.loop import train

DATA = {"generators": "qm9_6.npz", "forcefields": "water16_gfn1.npz"}
NAMES = {name: kind for kind in DATA for name in registry.names(kind)}
IN_BF16 = [n for n, kind in NAMES.items() if "bf16-mixed" in registry.module(kind, n).MODEL.precisions]


def losses(name: str, precision: str, out, steps: int = 40) -> list[float]:
    """Of the validations of a short training of `<name>_tiny`."""
    kind, structures = NAMES[name], Structures.load(EMBEDDED / DATA[NAMES[name]])[:20]
    model = base.create(kind, MODELS[f"{name}_tiny"]["module"], entry(name)["config"], 0, structures)
    splits = make_splits(structures, SplitConfig(train=0.8, valid="rest", test=0))
    config = TrainingConfig(
        steps=steps, batch_size=8, learning_rate=2e-3, validation_every=steps // 4, precision=precision
    )
    train(model, structures, splits, config, out, seed=0, accelerator="cpu")
    with (out / "log.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file) if row["split"] == "valid"]


@pytest.mark.parametrize("name", IN_BF16)
def test_a_training_in_bfloat16_learns_as_in_float32(name, tmp_path):
    found, single = (losses(name, p, tmp_path / p) for p in ("bf16-mixed", "32-true"))
    assert all(map(math.isfinite, found)) and found[-1] < found[0]
    assert found != single
    assert found == pytest.approx(single, rel=0.02)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in IN_BF16])
def test_a_model_that_does_not_stand_bfloat16_says_why(name, tmp_path):
    with pytest.raises(ValueError, match=rf"precision bf16-mixed: {name} takes 32-true, 64-true: \w+"):
        losses(name, "bf16-mixed", tmp_path)
    assert not list(tmp_path.iterdir())
