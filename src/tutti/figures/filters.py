"""Learned radial filters: curves over the distance, and cuts through a plane."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.lines import Line2D

from tutti.figures import FAINT, PALETTE, REFERENCE, legend, new_figure, panels

RANKS = ("strongest channel", "second", "third", "fourth", "fifth", "sixth", "seventh")
"""As many as the palette has colours."""


def draw_radial(
    distances: np.ndarray, filters: Sequence[np.ndarray], channels: Sequence[Sequence[int]], stem: Path
) -> None:
    """Draw W_k(r), one panel per interaction: chosen channels in colour, all others grey.

    Args:
        distances: [R], Å.
        filters: [R, channels] of each interaction.
        channels: chosen ones of each interaction, at most as many as the palette has colours.
        stem: the figure's path without suffix.

    Raises:
        ValueError: when there are more chosen channels than colours.
    """
    most = max(map(len, channels))
    if most > len(PALETTE):
        raise ValueError(f"one panel can tell {len(PALETTE)} channels apart, not {most}")
    n_rows, n_columns = panels(len(filters), 3)
    with new_figure(stem, 0.6 + 2.3 * n_columns, 0.6 + 2.0 * n_rows) as figure:
        grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True)
        for t, (axes, values, chosen) in enumerate(zip(grid.flat, filters, channels, strict=False), start=1):
            axes.axhline(0, color=FAINT, linewidth=0.7, zorder=0)
            axes.plot(distances, values, color=REFERENCE, linewidth=0.4, alpha=0.6)
            for colour, channel in zip(PALETTE, chosen, strict=False):
                axes.plot(distances, values[:, channel], color=colour)
            axes.set_title(f"interaction {t}")
            axes.set(xlabel="distance (Å)", ylabel="filter (no unit)")
            axes.set_xlim(distances[0], distances[-1])
        for axes in grid.flat[len(filters) :]:
            axes.set_axis_off()
        looks = zip(PALETTE, RANKS[:most], strict=False)
        handles = [Line2D([], [], color=colour, label=rank) for colour, rank in looks]
        legend(figure, [*handles, Line2D([], [], color=REFERENCE, linewidth=0.8, label="all channels")])


def draw_cuts(
    axis: np.ndarray, cuts: Sequence[np.ndarray], channels: Sequence[Sequence[int]], stem: Path
) -> None:
    """Draw filters around an atom in a plane: a row per interaction, a column per chosen channel.

    Colours go from −m to m, where m is the largest value among the shown filters of an interaction.

    Args:
        axis: [n] coordinates along either axis, Å.
        cuts: [n, n, channels] of each interaction.
        channels: chosen ones of each interaction.
        stem: the figure's path without suffix.
    """
    n_columns = max(map(len, channels))
    with new_figure(stem, 0.9 + 1.15 * n_columns, 0.5 + 1.2 * len(cuts)) as figure:
        grid = figure.subplots(len(cuts), n_columns, squeeze=False, sharex=True, sharey=True)
        for t, (row, values, chosen) in enumerate(zip(grid, cuts, channels, strict=True), start=1):
            largest = np.abs(values[..., list(chosen)]).max() or 1.0
            for axes, channel in zip(row, chosen, strict=False):
                image = axes.imshow(
                    values[..., channel],
                    extent=(axis[0], axis[-1], axis[0], axis[-1]),
                    origin="lower",
                    cmap="RdBu_r",
                    vmin=-largest,
                    vmax=largest,
                    interpolation="bilinear",
                )
                axes.set_title(f"channel {channel}", weight="normal", pad=3)
            for axes in row[len(chosen) :]:
                axes.set_axis_off()
            row[0].set_ylabel(f"interaction {t}\ny (Å)")
            figure.colorbar(image, ax=row.tolist(), aspect=12, pad=0.01, label="filter (no unit)")
        for axes in grid[-1]:
            axes.set_xlabel("x (Å)")
