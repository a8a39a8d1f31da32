"""Harmonic frequencies of models against the reference's."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.lines import Line2D

from tutti.dynamics.analysis.normal_modes import Matched
from tutti.plots import CONTROL, legend, line_styles, new_figure, nothing, shown


def draw(matched: Mapping[str, Matched], stem: Path) -> None:
    """Draw the difference of each model's frequencies from the reference's, against the latter.

    Args:
        matched: by label, a model's modes beside the reference's.
        stem: the figure's path without suffix.
    """
    if not matched:
        nothing(stem, "no model has a minimum")
        return
    styles = {label: style | {"linestyle": ""} for label, style in line_styles(list(matched), set()).items()}
    with new_figure(stem, 5.2, 3.0) as figure:
        axes = figure.subplots()
        axes.axhline(0, color=CONTROL, linewidth=0.8, zorder=0)
        handles = []
        for label, modes in matched.items():
            difference = modes.frequencies - modes.reference
            axes.plot(modes.reference, difference, markersize=4, **styles[label])
            text = f"{shown(label)}, mean {abs(difference).mean():.3g}"
            handles.append(Line2D([], [], markersize=4, label=text, **styles[label]))
        axes.set(xlabel="reference frequency (cm⁻¹)", ylabel="model – reference (cm⁻¹)")
        axes.grid(axis="y")
        legend(figure, handles)
