"""Loss curves."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from tutti.core.properties import KEYS
from tutti.core.tidy import metric_name
from tutti.figures import INK, PAGE, PALETTE, legend, new_figure, panels
from tutti.figures.log_axis import plain_labels

NOT_A_LOSS = ["step", "epoch", "split", "learning_rate", "seconds"]
LINES = {"train": {"linestyle": (0, (2, 1)), "linewidth": 0.9}, "valid": {"linestyle": "-", "linewidth": 1.6}}
SPLITS = {"train": "training split", "valid": "validation split"}
PARTS = {
    "loss": "total loss",
    "energy_mae": "energy MAE (eV)",
    "forces_mae": "forces MAE (eV/Å)",
    "focus": "loss of the focus (nat)",
    "position": "loss of the position (nat)",
    "type": "loss of the type (nat)",
    "distance": "loss of the distance (nat)",
    "angle": "loss of the angle (nat)",
    "torsion": "loss of the torsion (nat)",
    "positions": "loss of positions (no unit)",
    "features": "loss of features (no unit)",
    "zero": "loss at step 0 (no unit)",
    "nll": "bound on −log likelihood (nat)",
}
"""What the parts are; errors of another property are in its unit, and parts not named here in none."""

COLUMNS = 3  # of panels at most
WIDE = 10.0  # largest over smallest value from which an axis is logarithmic


def draw(logs: Mapping[str, pd.DataFrame], stem: Path) -> None:
    """Draw training losses (dashed) and validation losses, one panel per part of the loss.

    Axes of what is positive and spans a power of ten are logarithmic. A circle marks the step of the lowest
    validation loss, whose weights are kept.

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
    n_rows, n_columns = panels(len(parts), COLUMNS)
    with new_figure(stem, 1.0 + 2.6 * n_columns, 0.6 + 2.1 * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel in axes.flat[len(parts) :]:
            panel.set_axis_off()
        for panel, part in zip(axes.flat, parts, strict=False):
            for log, colour in zip(logs.values(), colours, strict=True):
                if part in log.columns:
                    _curves(panel, log, part, colour)
            panel.set(xlabel="training step", ylabel=_name(part))
            _scale(panel)
        handles = [
            Line2D([], [], color=colour, label=label) for label, colour in zip(logs, colours, strict=True)
        ]
        handles += [Line2D([], [], color=INK, label=SPLITS[split], **style) for split, style in LINES.items()]
        kept = {"marker": "o", "markersize": 5, "markerfacecolor": PAGE, "linestyle": ""}
        handles.append(Line2D([], [], color=INK, label="lowest total loss: weights kept", **kept))
        legend(figure, handles)


def _name(part: str) -> str:
    """The part in words, with its unit."""
    target = part.removesuffix("_mae")
    if part not in PARTS and target in KEYS:
        return f"{target} MAE ({KEYS[target].unit})"
    return PARTS.get(part, metric_name(part))


def _scale(axes: Axes) -> None:
    """A logarithmic axis with plain numbers where it shows more."""
    values = np.concatenate([line.get_ydata() for line in axes.lines])
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > WIDE * values.min():
        axes.set_yscale("log")
        plain_labels(axes.yaxis)
    axes.grid(axis="y")


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
    axes.plot(lowest["step"], lowest[part], "o", color=colour, markersize=5, markerfacecolor=PAGE)
