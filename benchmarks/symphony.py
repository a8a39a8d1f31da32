"""Symphony's training step and sampling per molecule, for a model of the catalogue with untrained weights.

python benchmarks/symphony.py [MODEL] [DEVICE] prints ms per training step, and s per molecule of 12 atoms
(the mean of the demo's data; the end is switched off) at batch 1, 10 and 100.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import yaml

from tutti import models, registry
from tutti.datasets import xtb9
from tutti.structures import Structures

ROOT = Path(__file__).resolve().parents[1]


def median_seconds(run: Callable[[], object], repeats: int, device: str) -> float:
    """Median wall time of `run` over `repeats` calls, after one that does not count."""
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[1:]))


def main(name: str = "symphony", device: str = "cpu") -> None:
    """Print the figures of the catalogue's model `name` on `device`."""
    entry = yaml.safe_load((ROOT / "config/models.yaml").read_text())["models"][name]
    data = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())["datasets"]["xtb9_demo"]
    path = ROOT / ".cache/benchmark.npz"
    xtb9.make(registry.from_dict(xtb9.Config, data["config"], "xtb9_demo"), path, path.parent, jobs=2)
    structures = Structures.load(path)

    model = models.create("generators", entry["module"], entry["config"], seed=0)
    model.fit_statistics(structures)
    model.to(device)
    optimizer = torch.optim.Adam(model.parameters())
    rng = np.random.default_rng(0)
    size = entry["training"]["batch_size"]

    def step() -> None:
        items = rng.integers(0, model.n_items(structures), size)
        loss, _ = model.training_step(model.collate(structures, items, rng).to(torch.device(device)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    print(f"{name}: {1e3 * median_seconds(step, 10, device):.0f} ms per training step of {size} fragments")
    settings = {key: value for key, value in entry["sampling"].items() if key != "batch_size"}
    exports = registry.module("generators", entry["module"])
    sampling = registry.from_dict(exports.Sampling, settings | {"max_atoms": 12}, name)
    with torch.no_grad():  # never stop: molecules of 12 atoms, the data's mean
        model.focus_head[-1].bias += 50.0
    model.eval()
    for batch in (1, 10, 100):
        generator = torch.Generator(device).manual_seed(0)
        seconds = median_seconds(lambda: model.sample(batch, generator, sampling), 3, device)  # noqa: B023
        print(f"{name}: {seconds / batch:.4f} s per molecule of 12 atoms at batch {batch}")


if __name__ == "__main__":
    main(*sys.argv[1:])
