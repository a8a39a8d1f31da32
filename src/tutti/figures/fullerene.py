"""Sizes of C20 in simulations with classical and with quantum nuclei."""

from collections.abc import Mapping
from math import isqrt
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tutti.benchmark.forcefields.fullerene import sizes
from tutti.figures import CONTROL, DASHES, colours, legend, new_figure, shown
from tutti.simulation.trajectory import Trajectory

XLABELS = {
    "nearest_neighbour_distance": "nearest-neighbour distance (Å)",
    "diameter": "diameter (Å)",
    "pair_distance": "pair distance (Å)",
}
MOST_BINS = 80


def draw(trajectories: Mapping[str, Mapping[str, Trajectory]], stem: Path) -> None:
    """Draw distributions of nearest-neighbour distances, diameters and pair distances.

    Args:
        trajectories: by label, then by the name of the kind of nuclei (`classical`, `8 beads`);
            those without frames are left out. A colour is a
            label, grey the first, which is the reference; dashes are the kind.
        stem: the figure's path without suffix.

    Raises:
        ValueError: when there are more labels than colours.
    """
    reference = next(iter(trajectories))
    colour_of = colours(list(trajectories)) | {reference: CONTROL}
    kinds = list(dict.fromkeys(kind for of_label in trajectories.values() for kind in of_label))
    dashes = dict(zip(kinds, DASHES, strict=False))
    found = {
        (label, kind): sizes(trajectory)
        for label, of_label in trajectories.items()
        for kind, trajectory in of_label.items()
        if len(trajectory)
    }
    with new_figure(stem, 7.6, 2.9) as figure:
        for axes, (name, xlabel) in zip(figure.subplots(1, len(XLABELS)), XLABELS.items(), strict=True):
            _curves(axes, {key: values[name].ravel() for key, values in found.items()}, colour_of, dashes)
            axes.set(xlabel=xlabel, yticks=[])
            axes.set_ylim(0, None)
        figure.axes[0].set_ylabel("density (a.u.)")
        handles = [
            Line2D([], [], color=colour_of[label], linestyle=dashes[kind], label=f"{shown(label)}, {kind}")
            for label, kind in found
        ]
        legend(figure, handles)


def _curves(
    axes: Axes,
    values: Mapping[tuple[str, str], np.ndarray],
    colour_of: Mapping[str, str],
    dashes: Mapping[str, object],
) -> None:
    pooled = np.concatenate(list(values.values()))
    n_bins = min(MOST_BINS, max(10, isqrt(min(map(len, values.values())))))
    edges = np.linspace(*np.percentile(pooled, [0.05, 99.95]), n_bins + 1)
    for (label, kind), array in values.items():
        # Of all lengths, those outside the axis too.
        density = np.histogram(array, edges)[0] / (len(array) * np.diff(edges))
        axes.stairs(
            density, edges, color=colour_of[label], linestyle=dashes[kind], baseline=None, linewidth=1.2
        )
