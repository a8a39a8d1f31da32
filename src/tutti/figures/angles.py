"""Angles in simulations: of bonds, or between neighbours."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tutti.figures import AREA, legend, line_styles, new_figure, nothing, panels, shown
from tutti.simulation.analysis.angles import CENTRES

BEYOND = 10.0  # degrees around the reference's angles


def draw(densities: Mapping[str, Mapping[str, np.ndarray]], stem: Path) -> None:
    """Draw a panel for each kind of angle: the reference as a grey area, models as lines.

    Args:
        densities: by label and kind of angle, [F, BINS] of each frame. The first entry is the reference; what
            has no frames is left out.
        stem: the figure's path without suffix.
    """
    curves = {
        label: {kind: each.mean(axis=0) for kind, each in found.items() if len(each)}
        for label, found in densities.items()
    }
    curves = {label: found for label, found in curves.items() if found}
    if next(iter(densities)) not in curves:
        nothing(stem, "no angles")
        return
    reference, *models = curves
    styles = {label: style | {"marker": ""} for label, style in line_styles(models, set()).items()}
    n_rows, n_columns = panels(len(curves[reference]), 3)
    with new_figure(stem, 0.5 + 2.4 * n_columns, 0.7 + 2.0 * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel, (kind, values) in zip(axes.flat, curves[reference].items(), strict=False):
            panel.fill_between(CENTRES, values, **AREA)
            for label in models:
                panel.plot(CENTRES, curves[label][kind], linewidth=1.2, **styles[label])
            seen = CENTRES[values > 0]
            panel.set(title=kind, xlabel="angle (degrees)", ylabel="density (1/degree)")
            panel.set_xlim(max(seen.min() - BEYOND, 0), min(seen.max() + BEYOND, 180))
            panel.set_ylim(0, None)
        for panel in axes.flat[len(curves[reference]) :]:
            panel.set_axis_off()
        handles = [Patch(label=shown(reference), **AREA)]
        handles += [Line2D([], [], label=shown(label), **styles[label]) for label in models]
        legend(figure, handles)
