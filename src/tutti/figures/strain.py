"""How much samples relax: distributions of the energy that they lose and of how far their atoms move."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tutti.core.tidy import CONTROLS
from tutti.figures import legend, line_styles, new_figure, nothing, shown

QUANTITIES = {
    "energy_drop_per_atom": "energy drop per atom (meV)",
    "heavy_atom_rmsd": "heavy-atom RMSD (Å)",
}
POINTS = 400  # of a curve
DECADES = 5  # at most so many of an axis, below the largest value


def draw(frames: Mapping[str, pd.DataFrame], stem: Path) -> None:
    """Draw cumulative distributions of energy drop and RMSD over the relaxed molecules.

    The axes are logarithmic: a curve starts at the share of molecules that lie left of the axis, zero and
    below included.

    Args:
        frames: by label, what `tutti.benchmark.metrics.strain.relax_all` returns; rows without a value are
            left out.
        stem: the figure's path without suffix.
    """
    checked = {label: frame[frame["checked"]] for label, frame in frames.items()}
    values = {name: {label: _known(rows[name]) for label, rows in checked.items()} for name in QUANTITIES}
    if not all(any((array > 0).any() for array in by_label.values()) for by_label in values.values()):
        nothing(stem, "no molecule changed in a relaxation")
        return
    styles = line_styles(list(frames), CONTROLS)
    with new_figure(stem, 6.6, 3.0) as figure:
        axes = figure.subplots(1, len(QUANTITIES), sharey=True)
        for panel, (name, xlabel) in zip(axes, QUANTITIES.items(), strict=True):
            _curves(panel, values[name], styles)
            panel.set_xlabel(xlabel)
        axes[0].set(ylabel="molecules up to there (%)", ylim=(0, 101))
        handles = []
        for label, rows in checked.items():
            n = len(values["energy_drop_per_atom"][label])
            text = f"{shown(label)}, {n:,}" + (f" of {len(rows):,}" if n < len(rows) else "")
            handles.append(Line2D([], [], label=text, **_line(styles[label])))
        legend(figure, handles)


def _known(column: pd.Series) -> np.ndarray:
    return column.dropna().to_numpy(float)


def _line(style: dict) -> dict:
    return {key: value for key, value in style.items() if key != "marker"}


def _curves(axes: Axes, values: Mapping[str, np.ndarray], styles: Mapping[str, dict]) -> None:
    pooled = np.concatenate(list(values.values()))
    positive = pooled[pooled > 0]
    right = 1.3 * np.percentile(positive, 99.9)
    left = max(0.7 * np.percentile(positive, 0.5), right / 10**DECADES)
    places = np.geomspace(left, right, POINTS)
    for label, array in values.items():
        if len(array):
            share = np.searchsorted(np.sort(array), places, side="right") / len(array)
            axes.plot(places, 100 * share, **_line(styles[label]))
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    axes.xaxis.set_major_locator(LogLocator(numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="both")
