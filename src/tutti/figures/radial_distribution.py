"""Distances between atoms in simulations: g(r) of periodic systems, h(r) of molecules."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tutti.figures import AREA, REFERENCE, legend, line_styles, new_figure, panels, shown
from tutti.simulation.analysis.radial_distribution import ALL, Grid, distributions
from tutti.simulation.trajectory import Trajectory

HIGHEST = 5.0  # g(r): bonds' peaks, which are higher, leave the figure


def draw(trajectories: Mapping[str, Trajectory], grid: Grid, stem: Path) -> None:
    """Draw a panel for each pair of elements: the reference as a grey area, models as lines.

    Args:
        trajectories: by label, of the same atoms. Those without frames are left out. The first entry is the
            reference.
        grid: of the distances.
        stem: the figure's path without suffix.
    """
    curves = {
        label: {pair: found.mean(axis=0) for pair, found in distributions(t, grid).items()}
        for label, t in trajectories.items()
        if len(t)
    }
    reference, *models = curves
    styles = {label: style | {"marker": ""} for label, style in line_styles(models, set()).items()}
    n_rows, n_columns = panels(len(curves[reference]), 3)
    width = 6.6 if n_columns == 1 else 0.4 + 2.6 * n_columns
    with new_figure(stem, width, 0.7 + 2.3 * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel, pair in zip(axes.flat, curves[reference], strict=False):
            panel.fill_between(grid.centres, curves[reference][pair], **AREA)
            for label in models:
                panel.plot(grid.centres, curves[label][pair], linewidth=1.2, **styles[label])
            _label(panel, pair, grid)
        for panel in axes.flat[len(curves[reference]) :]:
            panel.set_axis_off()
        handles = [Patch(label=shown(reference), **AREA)]
        handles += [Line2D([], [], label=shown(label), **styles[label]) for label in models]
        legend(figure, handles)


def _label(axes: Axes, pair: str, grid: Grid) -> None:
    axes.set(xlabel="distance r (Å)", xlim=(0, grid.end))
    axes.set_ylim(0, None)
    if pair == ALL:
        axes.set_ylabel("density of distances h(r) (1/Å)")
        return
    axes.set(title=pair, ylabel="g(r) (no unit)")
    axes.set_ylim(0, min(axes.get_ylim()[1], HIGHEST))
    axes.plot([0, grid.end], np.ones(2), color=REFERENCE, linewidth=0.6, zorder=0)
