"""Vibrational spectra of simulations."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tutti.figures import AREA, legend, line_styles, new_figure, nothing, shown
from tutti.simulation.analysis.spectrum import RESOLUTION, spectra
from tutti.simulation.trajectory import Trajectory


def draw(trajectories: Mapping[str, Trajectory], stem: Path, resolution: float = RESOLUTION) -> None:
    """Draw a panel for each model: its spectrum as a line, the reference's behind it as a grey area.

    Args:
        trajectories: at constant energy, by label; those too short for a spectrum are left out. The first
            entry is the reference.
        stem: the figure's path without suffix.
        resolution: cm⁻¹ between the points of a spectrum.
    """
    found = {label: spectra(t, resolution) for label, t in trajectories.items() if len(t) > 1}
    found = {label: (x, curves.mean(axis=0)) for label, (x, curves) in found.items() if len(curves)}
    reference = next(iter(trajectories))
    if reference not in found:
        nothing(stem, f"{shown(reference)}: too short for a spectrum")
        return
    models = [label for label in found if label != reference]
    styles = {
        label: {"color": style["color"], "linewidth": 1.0}
        for label, style in line_styles(models, set()).items()
    }
    with new_figure(stem, 6.6, 0.9 + 1.4 * max(len(models), 1)) as figure:
        axes = figure.subplots(max(len(models), 1), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
        for panel in axes:
            panel.fill_between(*found[reference], **AREA)
            panel.set_yticks([])
            panel.spines["left"].set_visible(False)
        for panel, label in zip(axes, models, strict=False):
            panel.plot(*found[label], **styles[label])
            panel.set_title(shown(label), color=styles[label]["color"])
        axes[0].set(xlim=(0, _highest(found.values())))
        axes[0].set_ylim(0, None)
        axes[-1].set_xlabel("wavenumber (cm⁻¹)")
        figure.supylabel("power (a.u.)", fontsize=8.5)
        lines = [Line2D([], [], label=shown(label), **styles[label]) for label in models]
        legend(figure, [Patch(label=shown(reference), **AREA), *lines])


def _highest(curves: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """cm⁻¹ up to which there is something to see: a hundredth of a curve's peak, and a margin."""
    return max(x[-1] if y.max() == 0 else 1.1 * x[y > 0.01 * y.max()][-1] for x, y in curves)
