"""How fast a trained generator samples, once it is warm (section 4.4 of Daigavane et al., ICLR 2024)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from tutti.benchmark.tables import ROUNDS
from tutti.core.devices import peak_memory
from tutti.core.progress import Progress
from tutti.core.randomness import torch_generator
from tutti.core.timing import geometric_mean, seconds, where
from tutti.models.base import Generator
from tutti.models.generators.sampling import load_generator
from tutti.statistics.estimate import Estimate, Row, row, table_of


def table(
    weights: Path,
    batch_sizes: Sequence[int],
    seed: int,
    settings: dict,
    *,
    model: str,
    dataset: str,
    accelerator: str = "auto",
) -> pd.DataFrame:
    """Seconds per molecule and molecules per second of a warm model, by batch size, and peak memory.

    Per batch size: `sampling_time` (s/molecule, geometric mean over `ROUNDS` batches with its t-interval) and
    `molecules_per_second` (its inverse); for the size with the smallest `sampling_time` also subset
    `best batch`. The note names the device.

    Args:
        weights: folder that `Model.save` wrote.
        batch_sizes: molecules at a time.
        seed: training seed for the table, and of the random streams.
        settings: fields of the `Sampling` of the model's module.
        model: name for the table.
        dataset: name for the table.
        accelerator: "auto", "cpu" or "cuda".

    Raises:
        ValueError: when the model is no generator.
    """
    generator, sampling = load_generator(Path(weights), settings, accelerator)
    place = where(generator.device)
    progress = Progress("throughput", len(batch_sizes) * (ROUNDS + 1))
    times = {size: _times(generator, sampling, size, seed, progress) / size for size in batch_sizes}
    progress.close()
    best = min(times, key=lambda size: stats.gmean(times[size]))
    rows = [each for size in times for each in _rows(f"batch {size}", times[size], size, place)]
    rows += _rows("best batch", times[best], best, place)
    memory = Estimate(peak_memory(generator.device) / 1e6)
    whose = "" if generator.device.type == "cuda" else "of the whole process"
    rows.append(row("peak_memory", "all batches", memory, None, "MB", f"on {place}", whose))
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def _times(generator: Generator, sampling: object, size: int, seed: int, progress: Progress) -> np.ndarray:
    """[ROUNDS] s for a batch of `size` molecules."""
    times = []
    for index in range(ROUNDS + 1):
        stream = torch_generator(seed, "throughput", size, index, device=generator.device)
        times.append(seconds(lambda s=stream: generator.sample(size, s, sampling), generator.device))
        progress.update()
    return np.array(times[1:])


def _rows(subset: str, times: np.ndarray, size: int, place: str) -> list[Row]:
    """Rows of one batch size; `times` [ROUNDS] are s per molecule."""
    mean, low, high = geometric_mean(times)
    n, remarks = size * len(times), (f"on {place}", f"batches of {size}, geometric mean of {len(times)}")
    rate = Estimate(1 / mean, 1 / high, 1 / low)
    return [
        row("sampling_time", subset, Estimate(mean, low, high), n, "s/molecule", *remarks),
        row("molecules_per_second", subset, rate, n, "molecules/s", *remarks),
    ]
