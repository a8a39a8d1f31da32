"""Molecules of a trained generator in Python, those that `tutti sample` writes."""

from pathlib import Path
from typing import Any

import ase

from tutti.core.structures import Structures
from tutti.models import shipped
from tutti.models.generators import BATCH_SIZE
from tutti.models.generators.sampling import SAMPLE, batches, check_numbers, load_generator


def sample(
    model: str | Path,
    n: int = 100,
    seed: int = 0,
    batch_size: int | None = None,
    accelerator: str = "auto",
    **settings: Any,
) -> list[ase.Atoms]:
    """Molecules of a trained generator; the same as `tutti sample` makes of the same arguments.

    Example: `tutti.judge(tutti.sample("symphony", 100))`

    Args:
        model: folder of its weights, or the name of one that ships (`tutti models`).
        n: number of molecules.
        seed: of all that is random.
        batch_size: molecules at a time; another number gives other molecules. None: the model's own.
        accelerator: "auto", "cpu" or "cuda".
        settings: fields of the model's `Sampling`, instead of those that it was judged with.

    Raises:
        FileNotFoundError: when there is no such model.
        ValueError: when it is no generator, a setting does not fit, or a number is not positive.
    """
    folder = shipped.resolve(model)
    judged_with, _ = shipped.sampling_of(folder)
    size = judged_with.get("batch_size", BATCH_SIZE) if batch_size is None else batch_size
    check_numbers(n, size)
    generator, sampling = load_generator(folder, judged_with.get("sampling", {}) | settings, accelerator)
    made = [
        generator.sample(rows.stop - rows.start, stream, sampling)
        for rows, stream in batches(n, size, seed, SAMPLE, generator.device)
    ]
    return list(Structures.concatenate(made).to_ase())
