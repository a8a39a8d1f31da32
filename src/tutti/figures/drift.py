"""Total energy in simulations at constant energy."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tutti.figures import INK, legend, line_styles, new_figure, nothing, shown
from tutti.simulation.trajectory import Trajectory

POINTS = 150  # of a line, each the mean of consecutive frames, in a band from their least to their largest
TALLEST = 5.0  # times what half of the models reach, beyond which an energy leaves the figure


def draw(trajectories: Mapping[str, Trajectory], stem: Path, *, has_reference: bool = True) -> None:
    """Draw total energy per atom, from the first frame's on, against time; a cross where a simulation failed.

    The reference is a dark line above the others. The axis holds it, and at least half of the others: how far
    the rest get is written in the legend.

    Args:
        trajectories: at constant energy, by label.
        stem: the figure's path without suffix.
        has_reference: whether the first entry is the reference.
    """
    if all(len(trajectory) < 2 for trajectory in trajectories.values()):
        nothing(stem, "no simulation has a second frame")
        return
    first = next(iter(trajectories))
    styles = line_styles(list(trajectories), {first} if has_reference else set())
    if has_reference:
        styles[first] |= {"color": INK, "linestyle": "-", "linewidth": 1.2, "zorder": 4}
    with new_figure(stem, 6.6, 3.4) as figure:
        axes = figure.subplots()
        ranges = {label: _line(axes, t, styles[label]) for label, t in trajectories.items()}
        axes.set(xlabel="time (ps)", ylabel="total energy − first (meV/atom)")
        axes.set_xlim(0, max(t.duration for t in trajectories.values()) / 1000)
        axes.set_ylim(*_ends(ranges, first if has_reference else None))
        axes.grid(axis="y")
        handles = []
        for label, trajectory in trajectories.items():
            if trajectory.failure:
                _cross(axes, trajectory, styles[label]["color"])
            style = styles[label] | {"marker": "x" if trajectory.failure else ""}
            text = _text(label, trajectory) + _beyond(ranges[label], axes.get_ylim())
            handles.append(Line2D([], [], label=text, **style))
        legend(figure, handles)


def _ends(ranges: Mapping[str, tuple[float, float]], reference: str | None) -> tuple[float, float]:
    """Of the axis."""
    reach = {label: max(-low, high) for label, (low, high) in ranges.items()}
    others = [value for label, value in reach.items() if label != reference and value > 0] or [0.0]
    # Of two models the lower: one that explodes must not set the axis.
    tallest = TALLEST * np.quantile(others, 0.5, method="lower")
    known = [end for end in (tallest, 1.1 * reach.get(reference, 0.0)) if np.isfinite(end)]
    tallest = max(known, default=0.0) or 1e-3
    low, high = (np.clip([pair[k] for pair in ranges.values()], -tallest, tallest) for k in (0, 1))
    margin = 0.05 * (high.max() - low.min()) or 1e-3
    return low.min() - margin, high.max() + margin


def _text(label: str, trajectory: Trajectory) -> str:
    failed = f", failed after {trajectory.failure_time / 1000:.3g} ps" if trajectory.failure else ""
    return shown(label) + failed


def _beyond(ends: tuple[float, float], axis: tuple[float, float]) -> str:
    """How far energies get that leave the axis."""
    if ends[0] >= axis[0] and ends[1] <= axis[1]:
        return ""
    return f", to {max(ends, key=abs):.3g} meV/atom"


def _line(axes: Axes, trajectory: Trajectory, style: dict) -> tuple[float, float]:
    """Draw one line with its band, and give the range of its energies."""
    energy = _energy(trajectory)
    if len(energy) < 2:
        return 0.0, 0.0
    starts = np.unique(np.linspace(0, len(energy), POINTS, endpoint=False).astype(int))
    counts = np.diff(np.append(starts, len(energy)))
    times = np.add.reduceat(trajectory.times, starts) / counts / 1000
    low, high = np.fmin.reduceat(energy, starts), np.fmax.reduceat(energy, starts)
    axes.fill_between(times, low, high, color=style["color"], alpha=0.2, linewidth=0)
    axes.plot(times, np.add.reduceat(energy, starts) / counts, **style | {"marker": ""})
    return float(np.fmin.reduce(low)), float(np.fmax.reduce(high))


def _energy(trajectory: Trajectory) -> np.ndarray:
    """[F] total energy from the first frame's on, meV/atom."""
    return 1000 * (trajectory.total_energy - trajectory.total_energy[0]) / len(trajectory.numbers)


def _cross(axes: Axes, trajectory: Trajectory, colour: str) -> None:
    """Mark the last frame, on the figure's edge if it lies beyond."""
    last = np.clip(np.nan_to_num(_energy(trajectory)[-1]), *axes.get_ylim())
    axes.plot(trajectory.times[-1] / 1000, last, "x", color=colour, clip_on=False)
