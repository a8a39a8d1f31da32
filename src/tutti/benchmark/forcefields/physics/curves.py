"""What a calculator says along a path, and the file of all its answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tutti.core import parquet

ORDER = 3
"""Of the differences in which steps are looked for."""
COLUMNS = ("x", "energy", "force", "reference")


@dataclass(frozen=True)
class Curve:
    """Answers at X points.

    Attributes:
        kind: what was asked: the name of the module that asks.
        name: which pair of elements, scan, or change.
        x: [X], what changes from point to point.
        energy: [X], eV; NaN where the calculator fails.
        force: [X], eV/Å, as the kind says.
        reference: [X], eV, of the data; NaN without.
        note: why points failed, or there are none.
    """

    kind: str
    name: str
    x: np.ndarray
    energy: np.ndarray
    force: np.ndarray
    reference: np.ndarray
    note: str = ""

    @classmethod
    def of(
        cls,
        kind: str,
        name: str,
        x: np.ndarray,
        energy: np.ndarray,
        force: np.ndarray | None = None,
        reference: np.ndarray | None = None,
        note: str = "",
    ) -> "Curve":
        """A curve that may lack forces and reference."""
        values = [np.asarray(x, float), np.asarray(energy, float)]
        values += [
            np.full(len(x), np.nan) if each is None else np.asarray(each) for each in (force, reference)
        ]
        return cls(kind, name, *values, note)

    @classmethod
    def without(cls, kind: str, name: str, why: str) -> "Curve":
        """A curve without points."""
        return cls.of(kind, name, np.empty(0), np.empty(0), note=why)

    @property
    def failures(self) -> str:
        """Remark on the points that the calculator failed at; empty when there are none."""
        failed = int(np.count_nonzero(~np.isfinite(self.energy)))
        return f"{failed} of {len(self.x)} points failed: {self.note}" if failed else ""


def write(curves: Iterable[Curve], path: str | Path) -> None:
    """Write one Parquet file with a row per point, atomically; a curve without points has one of NaN."""
    frames = []
    for number, curve in enumerate(curves):
        points = {name: getattr(curve, name) if len(curve.x) else [np.nan] for name in COLUMNS}
        labels = {"curve": number, "kind": curve.kind, "name": curve.name, "note": curve.note}
        frames.append(pd.DataFrame(labels | points))
    parquet.write(pd.concat(frames, ignore_index=True), path)


def read(path: str | Path) -> list[Curve]:
    """What `write` wrote."""
    curves = []
    for _, points in parquet.read([path]).groupby("curve", sort=True):
        kind, name, note = points[["kind", "name", "note"]].iloc[0]
        points = points[points["x"].notna()]
        curves.append(Curve(kind, name, *(points[column].to_numpy(float) for column in COLUMNS), note))
    return curves


def of_kind(curves: Iterable[Curve], kind: str) -> list[Curve]:
    """Those of one kind."""
    return [curve for curve in curves if curve.kind == kind]


def largest_jump(values: np.ndarray) -> float:
    """Largest step in values [X, ...] on an even grid: half their largest third difference.

    A step of height h makes third differences of h, -2 h and h; what is smooth makes some of the third power
    of the grid's step.
    """
    return float(np.abs(np.diff(values, ORDER, axis=0)).max() / 2)
