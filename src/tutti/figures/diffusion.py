"""Mean squared displacements."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.lines import Line2D

from tutti.figures import FAINT, legend, line_styles, new_figure, nothing, shown
from tutti.simulation.analysis.diffusion import Window, mean_squared_displacement
from tutti.simulation.trajectory import Trajectory


def draw(
    trajectories: Mapping[str, Trajectory],
    atoms: np.ndarray,
    window: Window,
    stem: Path,
    *,
    has_reference: bool = True,
) -> None:
    """Draw mean squared displacements up to twice the window that D is taken from, which is shaded.

    Args:
        trajectories: at constant energy, by label.
        atoms: indices of those that diffuse.
        window: of lag times, ps.
        stem: the figure's path without suffix.
        has_reference: whether the first entry is the reference.
    """
    moving = {label: t for label, t in trajectories.items() if len(t) > 1}
    if not moving:
        nothing(stem, "no simulation has a second frame")
        return
    first = next(iter(trajectories))
    controls = {first} if has_reference else set()
    styles = {
        label: style | {"marker": ""} for label, style in line_styles(list(trajectories), controls).items()
    }
    with new_figure(stem, 5.2, 3.2) as figure:
        axes = figure.subplots()
        axes.axvspan(window.start, window.end, color=FAINT, alpha=0.5, linewidth=0)
        highest = 0.0
        for label, trajectory in moving.items():
            lags = (trajectory.times - trajectory.times[0]) / 1000
            shown_lags = lags <= 2 * window.end
            displacement = mean_squared_displacement(trajectory.positions[:, atoms])[shown_lags]
            axes.plot(lags[shown_lags], displacement, **styles[label])
            if label in controls or not trajectory.failure:
                highest = max(highest, displacement.max())
        axes.set(xlabel="lag time (ps)", ylabel="mean squared displacement (Å²)", xlim=(0, 2 * window.end))
        axes.set_ylim(0, 1.3 * highest or None)
        legend(figure, [Line2D([], [], label=shown(label), **style) for label, style in styles.items()])
