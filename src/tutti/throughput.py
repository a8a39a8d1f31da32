"""How fast a trained generator samples, once it is warm (section 4.4 of Daigavane et al., ICLR 2024)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from tutti import tables
from tutti.models import Generator
from tutti.planning import ROUNDS
from tutti.progress import Progress
from tutti.randomness import torch_generator
from tutti.sampling import load_generator, peak_memory
from tutti.timing import geometric_mean, seconds, where


def throughput_table(
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
    rows = [row for size in times for row in _rows(f"batch {size}", times[size], size, place)]
    rows += _rows("best batch", times[best], best, place)
    note = f"on {place}" if generator.device.type == "cuda" else f"on {place}; of the whole process"
    memory = {"metric": "peak_memory", "subset": "all batches", "unit": "MB", "note": note}
    rows.append({**memory, "value": peak_memory(generator.device) / 1e6, "ci_low": np.nan, "ci_high": np.nan})
    frame = pd.DataFrame(rows).assign(model=model, dataset=dataset, seed=seed, published=np.nan)
    return tables.check(frame.assign(n=frame["n"].astype("Int64")))


def _times(generator: Generator, sampling: object, size: int, seed: int, progress: Progress) -> np.ndarray:
    """[ROUNDS] s for a batch of `size` molecules."""
    times = []
    for index in range(ROUNDS + 1):
        stream = torch_generator(seed, "throughput", size, index, device=generator.device)
        times.append(seconds(lambda s=stream: generator.sample(size, s, sampling), generator.device))
        progress.update()
    return np.array(times[1:])


def _rows(subset: str, times: np.ndarray, size: int, place: str) -> list[dict[str, object]]:
    """Rows of one batch size; `times` [ROUNDS] are s per molecule."""
    mean, low, high = geometric_mean(times)
    note = f"on {place}; batches of {size}, geometric mean of {len(times)}"
    shared = {"subset": subset, "n": size * len(times), "note": note}
    return [
        {
            "metric": "sampling_time",
            "unit": "s/molecule",
            "value": mean,
            "ci_low": low,
            "ci_high": high,
            **shared,
        },
        {
            "metric": "molecules_per_second",
            "unit": "molecules/s",
            "value": 1 / mean,
            "ci_low": 1 / high,
            "ci_high": 1 / low,
            **shared,
        },
    ]
