"""The shipped catalogue of models against the mathematics that its settings rest on."""

import pytest
import torch
from tiny_models import MODELS

from tutti.core import registry
from tutti.models.generators.symphony import Config
from tutti.nn.spherical import harmonics, log_partition


@pytest.mark.parametrize("name", [n for n, m in MODELS.items() if m.get("module") == "symphony"])
def test_training_grid_integrates_the_sharpest_target_within_1e_4(name):
    config = registry.from_dict(Config, MODELS[name]["config"], name)
    lmax = config.position.lmax
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(50, 3, dtype=torch.float64, generator=generator)
    target = config.angular_sharpness * harmonics(lmax, directions)[:, None]
    values = [
        log_partition(target, *size)
        for size in [(config.position.polar, config.position.azimuths), (180, 359)]
    ]
    assert float((values[0] - values[1]).abs().max()) < 1e-4


@pytest.mark.parametrize(
    "name", [n for n, m in MODELS.items() if m["kind"] == "generator" and m.get("module") in MODELS]
)
def test_an_entry_is_the_published_model_or_says_how_it_differs(name):
    """The entry with a module's own name has its defaults, which are the published settings."""
    entry = MODELS[name]
    if name == entry["module"]:
        assert entry["config"] == {} and set(entry["sampling"]) == {"batch_size"} and "differs" not in entry
    else:
        assert entry["differs"].strip() and "\n" not in entry["differs"].strip()
