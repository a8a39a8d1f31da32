"""Completion: an autoregressive model goes on from real molecules that lack one hydrogen.

Daigavane et al., ICLR 2024, section 4.3 and table 4.
"""

import shutil
from pathlib import Path

import numpy as np
import torch

from tutti.core import records
from tutti.core.elements import HYDROGEN
from tutti.core.files import sha256
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.io import extxyz
from tutti.models.base import Generator
from tutti.models.generators.sampling import describe_request, in_batches, load_generator


def without_one_hydrogen(molecules: Structures, n: int, rng: np.random.Generator) -> Structures:
    """At most `n` random, distinct molecules, from each of which one random hydrogen is removed.

    Molecules without a hydrogen, and hydrogen alone, are passed over.
    """
    with_hydrogen = np.flatnonzero(
        [
            np.any(numbers == HYDROGEN) and len(numbers) > 1
            for numbers, _ in map(molecules.frame, range(len(molecules)))
        ]
    )
    frames = []
    for row in rng.permutation(with_hydrogen)[:n]:
        numbers, positions = molecules.frame(row)
        removed = rng.choice(np.flatnonzero(numbers == HYDROGEN))
        frames.append((np.delete(numbers, removed), np.delete(positions, removed, axis=0)))
    return Structures.from_frames(frames)


def complete_to_file(
    weights: Path,
    molecules: Structures,
    out: Path,
    n: int,
    seed: int,
    batch_size: int,
    settings: dict,
    accelerator: str = "auto",
) -> None:
    """Write the completed molecules to `out` (.npz), and how they were made to `out` with .json.

    A killed process goes on from its last batch.

    Args:
        weights: folder that `Model.save` wrote.
        molecules: whole molecules; see `without_one_hydrogen`.
        out: result, written atomically.
        n: number of molecules.
        seed: of the choice of molecules and hydrogens, and of the model's random streams.
        batch_size: molecules completed at a time.
        settings: fields of the `Sampling` of the model's module.
        accelerator: "auto", "cpu" or "cuda".

    Raises:
        ValueError: when the model is no generator, cannot complete, or none of the molecules has a hydrogen
            to lose.
    """
    fragments = without_one_hydrogen(molecules, n, numpy_generator(seed, "completion"))
    if not len(fragments):
        raise ValueError(f"none of the {len(molecules)} molecules has a hydrogen that could be removed")
    completed, record = _completed(weights, fragments, out, seed, batch_size, settings, accelerator)
    completed.save(out)
    _finish(out, record)


def complete_fragments(
    weights: Path,
    fragments: Structures,
    out: Path,
    seed: int,
    batch_size: int,
    settings: dict,
    accelerator: str = "auto",
) -> None:
    """Write completed fragments to `out` (.extxyz), and how they were made to `out` with .json.

    The molecules have the columns `id` of their fragments (else "s000000", ...) and `finished`. A killed
    process goes on from its last batch.

    Args:
        weights: folder that `Model.save` wrote.
        fragments: parts of molecules, of which only elements and positions count.
        out: result, written atomically.
        seed: of the model's random streams.
        batch_size: molecules completed at a time.
        settings: fields of the `Sampling` of the model's module.
        accelerator: "auto", "cpu" or "cuda".

    Raises:
        ValueError: when the model is no generator or cannot complete, or a fragment has no atoms or elements
            that the model does not know.
    """
    if not fragments.n_atoms.all():
        raise ValueError(f"fragment {int(fragments.n_atoms.argmin())} has no atoms")
    bare = Structures(fragments.n_atoms, fragments.numbers, fragments.positions)
    completed, record = _completed(weights, bare, out, seed, batch_size, settings, accelerator)
    numbered = np.array([f"s{i:06d}" for i in range(len(fragments))])
    ids = fragments.columns.get("id", numbered)
    extxyz.write(out, completed.with_columns(id=ids))
    _finish(out, record)


def _completed(
    weights: Path,
    fragments: Structures,
    out: Path,
    seed: int,
    batch_size: int,
    settings: dict,
    accelerator: str,
) -> tuple[Structures, dict[str, object]]:
    """The completed fragments, and how they were made."""
    model, sampling = load_generator(Path(weights), settings, accelerator)
    if type(model).complete is Generator.complete:
        raise ValueError(f"'{model.module}' makes whole molecules: it cannot complete a part of one")
    request = describe_request(
        model,
        sampling,
        Path(weights),
        seed=seed,
        batch_size=batch_size,
        n=len(fragments),
        fragments=fragments.digest,
    )

    def draw(rows: slice, generator: torch.Generator) -> Structures:
        return model.complete(fragments[rows], generator, sampling)

    completed, seconds = in_batches(draw, request, "complete", out.with_suffix(".parts"), model.device)
    return completed, request | {"seconds_per_molecule": seconds}


def _finish(out: Path, record: dict[str, object]) -> None:
    """Write the record beside `out`, and drop the batches that it was made of."""
    records.write(out.with_suffix(".json"), record | {"samples_sha256": sha256(out)})
    shutil.rmtree(out.with_suffix(".parts"))
