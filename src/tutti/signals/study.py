"""The studies of signals on the sphere: what is fitted, its files and its table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tutti import tables
from tutti.dynamics.analysis.blocks import row
from tutti.files import atomic_path
from tutti.metrics.errors import interval
from tutti.progress import Progress
from tutti.randomness import numpy_generator
from tutti.registry import from_dict
from tutti.signals.fit import FitConfig, fit
from tutti.signals.parametrisations import parametrisation
from tutti.signals.targets import octahedron, random_points

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
        points: [N, P, 3] directions of the targets' peaks.
        coefficients: by number of channels, [N, channels, parts, (lmax + 1)²].
        divergence: by number of channels, [N] KL(target ‖ density), nat.
    """

    target: str
    family: str
    lmax: int
    points: np.ndarray
    coefficients: dict[int, np.ndarray]
    divergence: dict[int, np.ndarray]

    def save(self, path: str | Path) -> None:
        """Write one .npz file, atomically."""
        arrays = {f"coefficients_{n}": each for n, each in self.coefficients.items()}
        arrays |= {f"divergence_{n}": each for n, each in self.divergence.items()}
        names = {"target": self.target, "family": self.family, "lmax": self.lmax}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, points=self.points, **names, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Fits":
        """Read what `save` wrote."""
        with np.load(path) as file:
            names = str(file["target"]), str(file["family"]), int(file["lmax"])
            channels = [int(name.partition("_")[2]) for name in file if name.startswith("divergence_")]
            arrays = ({n: file[f"{kind}_{n}"] for n in channels} for kind in ("coefficients", "divergence"))
            return cls(*names, file["points"], *arrays)


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
        _array(peaks),
        {n: _array(each.coefficients) for n, each in found.items()},
        {n: _array(each.divergence) for n, each in found.items()},
    )


def table(fits: Iterable[Fits], seed: int) -> pd.DataFrame:
    """Mean final divergences, with BCa bootstrap intervals over the targets."""
    rows = [
        _row(each, channels, seed) | {"model": f"{each.family}_l{each.lmax}", "dataset": each.target}
        for each in fits
        for channels in each.divergence
    ]
    return tables.check(pd.DataFrame(rows, columns=tables.COLUMNS).assign(seed=seed))


def _row(fits: Fits, channels: int, seed: int) -> dict[str, object]:
    found = fits.divergence[channels]
    sums = np.stack([found, np.ones_like(found)], axis=-1)[:, None]
    estimate = interval(sums, lambda means: means[..., 0], numpy_generator(seed, "divergences"))
    why = f"{np.sum(~np.isfinite(found))} of {len(found)} fits are not finite"
    remark = "no interval from one target" if len(found) == 1 else ""
    return row(METRIC, f"channels={channels}", estimate, len(found), "nat", remark, undefined=why)


def _array(values: Tensor) -> np.ndarray:
    return values.cpu().numpy()
