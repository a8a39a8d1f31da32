"""Generators trained on real molecules for a share of the time, and what they then make."""

import dataclasses
import math
import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from safetensors.torch import load_file

from device import inputs
from device.checks import reset_peak
from device.clock import OutOfTime, limit
from tutti.core import registry
from tutti.core.devices import peak_memory
from tutti.core.randomness import numpy_generator, torch_generator
from tutti.core.structures import Structures
from tutti.core.timing import seconds
from tutti.data.splits import Splits
from tutti.io import extxyz
from tutti.models import base
from tutti.models.base import Generator
from tutti.models.training.config import TrainingConfig
from tutti.models.training.loop import CHECKPOINT, train

SAMPLES = 1000
UNUSED = ("decay_factor", "decay_every", "patience", "threshold", "min_learning_rate", "early_stopping")
"""Settings of a training that a cosine schedule has no use for."""
SIZES = ("", "_standard", "_demo")
"""Ends of the names of a model's entries, largest first."""
RULE = "the first entry tried that sees every item {epochs:g} times in its share of the time, else the last"
"""How the entry is chosen that is trained."""

# Shares of a model's time: trying a size, training, and the part of the latter that is planned to be used.
TRYING, TRAINING, USED = 0.15, 0.6, 0.85
# Of the time for samples, that for drawing them.
SAMPLING = 0.9
TRIED, VALIDATIONS, VALIDATION_BATCHES = 5, 5, 4
LARGEST = 16e6  # bytes of a weights file


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        name: of the entry.
        entry: its content.
        step_seconds: of a training step with its batch, measured.
        epochs: how often every item would be seen in the time there is.
        tried: the same two numbers of all entries tried, by name.
        rule: how the entry was chosen.
    """

    name: str
    entry: dict
    step_seconds: float
    epochs: float
    tried: dict[str, dict[str, float]]
    rule: str


def split(structures: Structures) -> Splits:
    """A tenth of the structures, 1,000 at most, to validate on, the rest to train on."""
    order = numpy_generator(0, "splits").permutation(len(structures))
    n = min(max(len(order) // 10, 1), 1000)
    return Splits(
        train=order[n:], valid=order[:n], test=order[:0], seed=0, digest=structures.digest, leakage={}
    )


def choose(
    entries: dict[str, dict], training: Structures, device: torch.device, epochs: float, end: float
) -> Plan:
    """Time some steps of a model's entries, largest first, until one is fast enough.

    Args:
        entries: of the catalogue, by name, at least one.
        training: the structures to train on.
        device: where.
        epochs: how often every item must be seen.
        end: of the time for training and sampling.
    """
    rule, available, tried = RULE.format(epochs=epochs), TRAINING * USED * (end - time.time()), {}
    for i, (name, entry) in enumerate(entries.items()):
        last = i == len(entries) - 1
        stop = time.time() + TRYING * (end - time.time())
        try:
            with limit(end if last else stop):
                step_seconds, n_items = _time_steps(entry, training, device, stop)
        except OutOfTime:
            if last:
                raise
            tried[name] = {"seconds_per_step": math.inf, "epochs": 0.0}
            continue
        seen = available / step_seconds * entry["training"]["batch_size"] / n_items
        tried[name] = {"seconds_per_step": step_seconds, "epochs": seen}
        if seen >= epochs or last:
            return Plan(name, entry, step_seconds, seen, tried, rule)
    raise ValueError("no entry of the catalogue to choose from")


def _time_steps(entry: dict, training: Structures, device: torch.device, end: float) -> tuple[float, int]:
    """Seconds of a step with its batch made as in training, and the number of items."""
    model = inputs.make("generators", entry, training).to(device)
    steps = inputs.Steps(model, training, entry["training"]["batch_size"])
    times: list[float] = []
    # The first step does not count: it loads kernels and fills caches.
    while len(times) < 2 or (len(times) <= TRIED and time.time() < end):
        times.append(seconds(partial(steps, len(times)), device))
    return median(times[1:]), steps.n_items


def schedule(plan: Plan, seconds_left: float) -> TrainingConfig:
    """The entry's settings, with as many steps as fit and a cosine schedule that ends with them.

    Validations, a few batches each, are counted as steps.
    """
    fitting = int(USED * seconds_left / plan.step_seconds) - VALIDATIONS * VALIDATION_BATCHES
    given = dict(plan.entry["training"])
    steps = max(min(fitting, given["steps"]), 2)
    for name in UNUSED:
        given.pop(name, None)
    every = max(steps // VALIDATIONS, 1)
    decay = given.get("ema_decay")
    settings = given | {
        "steps": steps,
        "schedule": "cosine",
        "warmup_steps": steps // 20,
        # The average must forget the beginning.
        "ema_decay": None if decay is None else min(decay, max(1.0 - 20.0 / steps, 0.0)),
        "validation_every": every,
        "validation_items": VALIDATION_BATCHES * given["batch_size"],
        "checkpoint_every": every,
    }
    return registry.from_dict(TrainingConfig, settings, f"models.{plan.name}.training")


def run_training(
    plan: Plan, structures: Structures, splits: Splits, device: torch.device, out: Path, end: float
) -> dict[str, object]:
    """Train until `end` at the latest and write weights, configuration, log and provenance into `out`."""
    config = schedule(plan, end - time.time())
    reset_peak(device)
    model = inputs.make("generators", plan.entry, structures[splits.train])
    ended = "all steps done"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        try:
            with limit(end):
                train(model, structures, splits, config, work, seed=0, accelerator=device.type)
        except OutOfTime:
            ended = "stopped by the clock: the weights of the last checkpoint"
            if not (work / CHECKPOINT).exists():
                raise
        out.mkdir(parents=True, exist_ok=True)
        for name in (base.WEIGHTS, base.CONFIG, "log.csv", "train.json"):
            shutil.copyfile(work / name, out / name)
    rows = [line.split(",") for line in (out / "log.csv").read_text(encoding="utf-8").splitlines()]
    column = rows[0].index("loss")
    validated = [float(row[column]) for row in rows[1:] if row[2] == "valid"]
    return {
        "entry": plan.name,
        "rule": plan.rule,
        "tried": plan.tried,
        "training": dataclasses.asdict(config),
        "steps_done": int(rows[-1][0]),
        "epochs": float(rows[-1][1]),
        "ended": ended,
        "validation_loss": {"first": validated[0], "last": validated[-1], "lowest": min(validated)},
        "weights": shrink(out / base.WEIGHTS),
        "peak_memory_bytes": peak_memory(device),
    }


def shrink(path: Path) -> dict[str, object]:
    """Round float32 weights to float16 where the file is larger than `LARGEST`; says what was done."""
    size = path.stat().st_size
    if size <= LARGEST:
        return {"bytes": size, "rounded": None}
    weights = {k: v.half() if v.dtype == torch.float32 else v for k, v in load_file(path).items()}
    base.write_weights(path, weights)
    return {"bytes": path.stat().st_size, "rounded": f"to float16, from {size} bytes"}


def run_sampling(entry: dict, out: Path, device: torch.device, end: float) -> dict[str, object]:
    """Up to `SAMPLES` molecules of the weights in `out`, in the entry's batches, into samples.extxyz.

    Of the time until `end` a part is left for writing.
    """
    reset_peak(device)
    model: Generator = base.load(out, device)
    settings, size = inputs.sampling_of(entry), min(entry["sampling"]["batch_size"], SAMPLES)
    drawn: list[Structures] = []
    started, done = time.time(), 0.0
    stop = started + SAMPLING * (end - started)
    try:
        for index, first in enumerate(range(0, SAMPLES, size)):
            generator = torch_generator(0, "sample", index, device=device)
            with limit(stop):
                drawn.append(model.sample(min(size, SAMPLES - first), generator, settings))
            done = time.time() - started
    except OutOfTime:
        if not drawn:
            raise
    samples = Structures.concatenate(drawn)
    n = len(samples)
    extxyz.write(out / "samples.extxyz", samples.with_columns(id=np.array([f"s{i:06d}" for i in range(n)])))
    return {
        "n": n,
        "wanted": SAMPLES,
        "batch": size,
        "seconds_per_molecule": done / n,
        "mean_atoms": float(samples.n_atoms.mean()),
        "finished": int(samples.columns["finished"].sum()),
        "not_finite": int(np.sum(~samples.finite)),
        "peak_memory_bytes": peak_memory(device),
    }
