"""Loss curves."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from tutti.core.tidy import metric_name
from tutti.figures import INK, PALETTE, legend, new_figure

NOT_A_LOSS = ["step", "epoch", "split", "learning_rate", "seconds"]
LINES = {"train": {"alpha": 0.45, "linewidth": 1.0}, "valid": {"alpha": 1.0, "linewidth": 1.6}}


def draw(logs: Mapping[str, pd.DataFrame], stem: Path) -> None:
    """Draw training losses (faint) and validation losses, one panel per part of the loss.

    A circle marks the step of the lowest validation loss, whose weights are kept.

    Args:
        logs: log.csv of each training, by label: columns step, epoch, split (`train` or `valid`),
            learning_rate, seconds, and one per part of the loss.
        stem: the figure's path without suffix.

    Raises:
        ValueError: when no log has a row.
    """
    if not logs or all(log.empty for log in logs.values()):
        raise ValueError("no training log has a row to draw")
    colours = _colours(len(logs))
    parts = list(
        dict.fromkeys(name for log in logs.values() for name in log.columns if name not in NOT_A_LOSS)
    )
    with new_figure(stem, 1.2 + 2.2 * len(parts), 2.7) as figure:
        axes = figure.subplots(1, len(parts), squeeze=False)[0]
        for panel, part in zip(axes, parts, strict=True):
            for log, colour in zip(logs.values(), colours, strict=True):
                if part in log.columns:
                    _curves(panel, log, part, colour)
            panel.set(title=metric_name(part), xlabel="step")
            panel.grid(axis="y")
        handles = [
            Line2D([], [], color=colour, label=label) for label, colour in zip(logs, colours, strict=True)
        ]
        handles += [Line2D([], [], color=INK, label=split, **style) for split, style in LINES.items()]
        legend(figure, handles)


def _colours(n: int) -> list[str]:
    """`n` colours: the palette's, or where that ends, shades in order."""
    if n <= len(PALETTE):
        return PALETTE[:n]
    return [to_hex(shade) for shade in mpl.colormaps["viridis"](np.linspace(0, 0.92, n))]


def _curves(axes: Axes, log: pd.DataFrame, part: str, colour: str) -> None:
    for split, style in LINES.items():
        rows = log[log["split"] == split]
        axes.plot(rows["step"], rows[part], color=colour, **style)
    lowest = rows.loc[rows["loss"].idxmin()]
    axes.plot(lowest["step"], lowest[part], "o", color=colour, markersize=5, markerfacecolor="white")
