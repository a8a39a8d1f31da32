"""Samples of a trained generator, as a file with a sidecar that says how they were made."""

import dataclasses
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from tutti.core import records, registry
from tutti.core.cache import Parts, npz
from tutti.core.devices import choose_accelerator, describe, peak_memory
from tutti.core.files import sha256
from tutti.core.progress import Progress
from tutti.core.randomness import torch_generator
from tutti.core.structures import Structures
from tutti.io import extxyz
from tutti.models import base
from tutti.models.base import Generator

SAMPLE = "sample"
"""Names the random streams of samples."""


def sample_to_file(
    weights: Path, out: Path, n: int, seed: int, batch_size: int, settings: dict, accelerator: str = "auto"
) -> None:
    """Write `n` molecules of a generator to `out` (.extxyz), and how they were made to `out` with .json.

    The molecules have the columns `id` ("s000000", ...) and `finished`. Each batch has its own random stream;
    batches that a killed process has finished lie in a folder beside `out` and are not sampled again.

    Args:
        weights: folder that `Model.save` wrote.
        out: result, written atomically.
        n: number of molecules.
        seed: of the random streams.
        batch_size: molecules sampled at a time; another one gives other molecules.
        settings: fields of the `Sampling` of the model's module.
        accelerator: "auto", "cpu" or "cuda".

    Raises:
        ValueError: when the model is no generator, or n or batch_size is not positive.
    """
    check_numbers(n, batch_size)
    weights, out = Path(weights), Path(out)
    model, sampling = load_generator(weights, settings, accelerator)
    request = describe_request(model, sampling, weights, seed=seed, batch_size=batch_size, n=n)

    def draw(rows: slice, generator: torch.Generator) -> Structures:
        return model.sample(rows.stop - rows.start, generator, sampling)

    structures, seconds = in_batches(draw, request, SAMPLE, out.with_suffix(".parts"), model.device)
    structures = structures.with_columns(id=np.array([f"s{i:06d}" for i in range(n)]))
    non_finite = int(np.sum(~structures.finite))
    if non_finite:
        warnings.warn(
            f"{out}: {non_finite} of {n} molecules have coordinates that are not finite", stacklevel=2
        )
    extxyz.write(out, structures)
    outcome = {
        "samples_sha256": sha256(out),
        "unfinished": int(np.sum(~structures.columns["finished"])),
        "non_finite": non_finite,
        "seconds_per_molecule": seconds,
        "peak_memory_bytes": peak_memory(model.device),
    }
    records.write(out.with_suffix(".json"), request | outcome)
    shutil.rmtree(out.with_suffix(".parts"))


def load_generator(weights: Path, settings: dict, accelerator: str = "auto") -> tuple[Generator, object]:
    """The trained generator in the folder `weights`, and its module's `Sampling` made from `settings`.

    Raises:
        ValueError: when the model is no generator, or a setting does not fit.
    """
    model = base.load(weights, torch.device(choose_accelerator(accelerator)))
    if not isinstance(model, Generator):
        raise ValueError(f"{weights}: '{model.module}' is no generator, it cannot sample")
    exports = registry.module(model.kind, model.module)
    return model, registry.from_dict(exports.Sampling, settings, f"sampling of {model.module}")


def describe_request(model: Generator, sampling: object, weights: Path, **facts: object) -> dict[str, object]:
    """Everything that determines what is sampled: the head of a sidecar, and the key of finished batches."""
    return {
        "model": model.description(),
        "weights_sha256": sha256(weights / base.WEIGHTS),
        "sampling": dataclasses.asdict(sampling),
        **facts,
        **describe(model.device),
    }


def check_numbers(n: int, batch_size: int) -> None:
    """Refuse numbers of molecules, in all and at a time, that are not positive.

    Raises:
        ValueError: naming them.
    """
    if n <= 0 or batch_size <= 0:
        raise ValueError(f"n ({n}) and batch_size ({batch_size}) must be positive")


def batches(
    n: int, batch_size: int, seed: int, purpose: str, device: torch.device
) -> Iterator[tuple[slice, torch.Generator]]:
    """The rows of each batch of `n` molecules, and its own random stream on `device`."""
    for index, start in enumerate(range(0, n, batch_size)):
        rows = slice(start, min(start + batch_size, n))
        yield rows, torch_generator(seed, purpose, index, device=device)


def in_batches(
    draw: Callable[[slice, torch.Generator], Structures],
    request: dict,
    purpose: str,
    parts: Path,
    device: torch.device,
) -> tuple[Structures, float | None]:
    """All molecules, and the mean seconds per molecule of those made now (None: all were there).

    Args:
        draw: makes the molecules of some rows, 0 ... request["n"] - 1, from a random stream.
        request: what determines them, with `n`, `batch_size` and `seed`.
        purpose: names the random streams, one for each batch.
        parts: folder of the batches already made.
        device: of the random streams.
    """
    n, batch_size, seed = (request[key] for key in ("n", "batch_size", "seed"))
    store, progress = Parts(parts, npz(Structures)), Progress(purpose, n)
    made, seconds, found = 0, 0.0, []

    def batch(rows: slice, stream: torch.Generator) -> Structures:
        nonlocal made, seconds
        started = time.perf_counter()
        drawn = draw(rows, stream)
        made, seconds = made + rows.stop - rows.start, seconds + time.perf_counter() - started
        return drawn

    for index, (rows, stream) in enumerate(batches(n, batch_size, seed, purpose, device)):
        found.append(store.get([request, purpose, index], partial(batch, rows, stream)))
        progress.update(rows.stop - rows.start)
    progress.close()
    return Structures.concatenate(found), seconds / made if made else None
