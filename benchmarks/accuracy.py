"""Train force fields on 1,000 DFT frames of ethanol and print their errors on frames of a simulation.

The data (PBE; train.xyz and test_MD.xyz with energies in eV, forces in eV/Å) are not part of the project:

    python benchmarks/accuracy.py FOLDER --name nequip --steps 15000 --out weights/nequip

950 frames train, 50 validate. An interrupted training goes on when it is started again. Without arguments
nothing is trained.
"""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from tutti import io
from tutti.core import registry
from tutti.core.structures import Structures
from tutti.data.splits import SplitConfig, make_splits
from tutti.models import base, forcefields
from tutti.models.forcefields.predictions import predict
from tutti.models.training.loop import TrainingConfig, train

MODELS = {
    "schnet": {"channels": 128},
    "painn": {"channels": 64},
    "nequip": {"lmax": 2},
}
TRAINING = {
    "schnet": {"batch_size": 10, "learning_rate": 1e-3},
    "painn": {"batch_size": 10, "learning_rate": 1e-3},
    "nequip": {"batch_size": 5, "learning_rate": 5e-3, "amsgrad": True},
}


def main(
    folder: Annotated[Path | None, typer.Argument()] = None,
    name: str = "nequip",
    out: Annotated[Path, typer.Option(help="Folder for weights and checkpoints.")] = Path("accuracy"),
    steps: int = 15000,
    threads: int = 1,
    seed: int = 0,
) -> None:
    """Train one model and print its test errors as JSON."""
    if folder is None:
        print("accuracy: no data given, nothing trained; see --help")
        return
    torch.set_num_threads(threads)
    units = {"energy": "eV", "length": "Å"}
    structures = _energies_only(io.read(folder / "train.xyz", units=units))
    test = _energies_only(io.read(folder / "test_MD.xyz", units=units))
    splits = make_splits(structures, SplitConfig(train=950, valid=50, test=0, seed=seed))
    shared = {"schedule": "cosine", "warmup_steps": 100, "ema_decay": 0.999, "gradient_clip": 100.0}
    every = {"steps": steps, "validation_every": 500, "checkpoint_every": 500}
    config = registry.from_dict(TrainingConfig, TRAINING[name] | shared | every, "training")
    model = base.create("forcefields", name, MODELS[name], seed, structures[splits.train])
    train(model, structures, splits, config, out, seed, accelerator="cpu")
    started = time.perf_counter()
    found = predict(forcefields.load(out, "cpu"), test, batch_size=50)
    errors = {
        "energy_mae_meV": 1e3 * float(np.abs(found.energy - test.energy).mean()),
        "force_mae_meV_per_A": 1e3 * float(np.abs(found.forces - test.forces).mean()),
        "force_rmse_meV_per_A": 1e3 * float(np.square(found.forces - test.forces).mean() ** 0.5),
        "test_frames": len(test),
        "training_seconds": json.loads((out / "train.json").read_text())["seconds"],
        "test_seconds": time.perf_counter() - started,
    }
    print(json.dumps({"model": name, "steps": steps, **errors}, indent=2))


def _energies_only(structures: Structures) -> Structures:
    return replace(structures, columns={}, units={})


if __name__ == "__main__":
    typer.run(main)
