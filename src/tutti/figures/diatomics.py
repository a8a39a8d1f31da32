"""Energies of two atoms against their distance."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tutti.benchmark.forcefields.physics.curves import Curve, of_kind
from tutti.benchmark.forcefields.physics.diatomics import APART, KIND, repulsive
from tutti.benchmark.forcefields.simulations import REFERENCE
from tutti.figures import BAND, CONTROL, FAINT, legend, line_styles, new_figure, nothing, panels, shown

HIGHEST, LOWEST = 10.0, -20.0  # eV: the axis ends here at the latest
BELOW = 1.3  # times the depth of the reference's well, or of the deepest among the models


def draw(probes: Mapping[str, Sequence[Curve]], stem: Path) -> None:
    """Draw a panel for each pair of elements: models in colour, the reference grey and behind them.

    Args:
        probes: answers by label, the reference's under `REFERENCE`.
        stem: the figure's path without suffix.
    """
    curves = {label: {c.name: c for c in of_kind(found, KIND)} for label, found in probes.items()}
    pairs = list(dict.fromkeys(name for found in curves.values() for name in found))
    if not pairs:
        nothing(stem, "no pair of elements was looked at")
        return
    styles = _styles(list(curves))
    n_rows, n_columns = panels(len(pairs), 3)
    with new_figure(stem, 0.5 + 2.4 * n_columns, 0.7 + 2.1 * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel, pair in zip(axes.flat, pairs, strict=False):
            _panel(
                panel, pair, {label: found[pair] for label, found in curves.items() if pair in found}, styles
            )
        for panel in axes.flat[len(pairs) :]:
            panel.set_axis_off()
        legend(figure, [Line2D([], [], label=shown(label), **style) for label, style in styles.items()])


def _styles(labels: list[str]) -> dict[str, dict]:
    styles = line_styles([label for label in labels if label != REFERENCE], set())
    grey = {"color": CONTROL, "linewidth": 3.0, "alpha": 0.6, "marker": "", "zorder": 1}
    plain = {label: style | {"marker": "", "linewidth": 1.1} for label, style in styles.items()}
    return ({REFERENCE: grey} if REFERENCE in labels else {}) | plain


def _panel(axes: Axes, pair: str, curves: Mapping[str, Curve], styles: Mapping[str, dict]) -> None:
    lowest = [0.0]
    axes.axvspan(0, repulsive(pair), color=BAND, zorder=0)
    axes.axhline(0, color=FAINT, linewidth=0.7, zorder=0)
    for label, curve in curves.items():
        near = curve.x < APART
        known = np.flatnonzero(np.isfinite(curve.energy))
        if not len(known):
            continue
        energy = curve.energy[near] - curve.energy[known[-1]]
        axes.plot(curve.x[near], energy, **styles[label])
        bonded = energy[curve.x[near] >= repulsive(pair)]
        lowest.append(np.nanmin(bonded, initial=0.0))
    axes.set(
        title=pair,
        xlabel="distance (Å)",
        ylabel="energy (eV)",
        xlim=(0, max(c.x[c.x < APART].max() for c in curves.values())),
    )
    axes.set_ylim(max(BELOW * min(lowest), LOWEST) - 0.5, HIGHEST)
