"""The studies of signals on the sphere: what is fitted, its files and its table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tutti.benchmark.signals.fit import FitConfig, fit
from tutti.benchmark.signals.parametrisations import parametrisation
from tutti.benchmark.signals.targets import octahedron, random_points
from tutti.core import npz, tidy
from tutti.core.progress import Progress
from tutti.core.randomness import numpy_generator
from tutti.core.registry import from_dict
from tutti.statistics.errors import interval
from tutti.statistics.estimate import Row, row, table_of

METRIC = "final_kl"
RANDOM, OCTAHEDRON = "random_points", "octahedron"
"""The targets; in the table, the datasets."""

MODEL = r"^(?P<family>.+)_l(?P<lmax>\d+)$"
SUBSET = r"^channels=(?P<channels>\d+)$"
"""What the table's models and subsets are called: `symphony_l3`, `channels=2`."""


@dataclass(frozen=True)
class Fits:
    """Fits of one family and lmax to one set of targets.

    Attributes:
        target: `RANDOM` or `OCTAHEDRON`.
        family: name of the parametrisation.
        lmax: of the fitted signals.
        sharpness: β of the targets' peaks.
        points: [N, P, 3] directions of those peaks.
        coefficients: by number of channels, [N, channels, parts, (lmax + 1)²].
        divergence: by number of channels, [N] KL(target ‖ density), nat.
    """

    target: str
    family: str
    lmax: int
    sharpness: float
    points: np.ndarray
    coefficients: dict[int, np.ndarray]
    divergence: dict[int, np.ndarray]

    def save(self, path: str | Path) -> None:
        """Write one .npz file, atomically."""
        arrays = {"points": self.points}
        arrays |= {name: getattr(self, name) for name in ("target", "family", "lmax", "sharpness")}
        arrays |= {f"coefficients_{n}": each for n, each in self.coefficients.items()}
        arrays |= {f"divergence_{n}": each for n, each in self.divergence.items()}
        npz.write(path, arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Fits":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: when there is no such file.
            DamagedFile: when it is damaged.
        """
        found = npz.read(path)
        names = (found[name].item() for name in ("target", "family", "lmax", "sharpness"))
        channels = [int(name.partition("_")[2]) for name in found if name.startswith("divergence_")]
        arrays = ({n: found[f"{kind}_{n}"] for n in channels} for kind in ("coefficients", "divergence"))
        return cls(*names, found["points"], *arrays)


def run(
    target: str,
    family: str,
    lmax: int,
    *,
    channels: Sequence[int],
    number: int,
    points: int,
    beta: float,
    settings: Mapping[str, Any],
    seed: int,
) -> Fits:
    """Fit all targets of a kind, on the GPU where there is one.

    Args:
        target: `RANDOM` or `OCTAHEDRON`.
        family: name of the parametrisation.
        lmax: highest degree of the signals.
        channels: numbers of channels; each is fitted.
        number: of random targets.
        points: of each random target.
        beta: of the families of Simm et al.
        settings: fields of `FitConfig`.
        seed: of the targets and of what the fits start from.
    """
    config = from_dict(FitConfig, settings, "signals.fit")
    density = parametrisation(family, beta)
    peaks = octahedron() if target == OCTAHEDRON else random_points(number, points, seed)
    peaks = peaks.to("cuda" if torch.cuda.is_available() else "cpu")
    progress = Progress(f"{target}, {family}, lmax {lmax}", config.iterations * len(channels))
    found = {n: fit(density, peaks, lmax, n, config, seed, progress.update) for n in channels}
    progress.close()
    return Fits(
        target,
        family,
        lmax,
        config.sharpness,
        _array(peaks),
        {n: _array(each.coefficients) for n, each in found.items()},
        {n: _array(each.divergence) for n, each in found.items()},
    )


def table(fits: Iterable[Fits], seed: int) -> pd.DataFrame:
    """Mean final divergences, with BCa bootstrap intervals over the targets."""
    return tidy.join(
        table_of(
            [_row(each, channels, seed) for channels in each.divergence],
            model=f"{each.family}_l{each.lmax}",
            dataset=each.target,
            seed=seed,
        )
        for each in fits
    )


def table_of_files(paths: Sequence[str | Path], seed: int) -> pd.DataFrame:
    """`table` of what lies in files."""
    return table(map(Fits.load, paths), seed)


def _row(fits: Fits, channels: int, seed: int) -> Row:
    found = fits.divergence[channels]
    sums = np.stack([found, np.ones_like(found)], axis=-1)[:, None]
    estimate = interval(sums, lambda means: means[..., 0], numpy_generator(seed, "divergences"))
    why = f"{np.sum(~np.isfinite(found))} of {len(found)} fits are not finite"
    remark = "no interval from one target" if len(found) == 1 else ""
    return row(METRIC, f"channels={channels}", estimate, len(found), "nat", remark, undefined=why)


def _array(values: Tensor) -> np.ndarray:
    return values.cpu().numpy()
