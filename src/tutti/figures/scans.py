"""Energies along the data's own scans."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.lines import Line2D

from tutti.benchmark.forcefields.physics.curves import Curve, of_kind
from tutti.benchmark.forcefields.physics.scans import KIND, relative
from tutti.benchmark.forcefields.simulations import REFERENCE
from tutti.figures import INK, legend, line_styles, new_figure, nothing, panels, shown

MEV = 1000.0
POINTS = {"color": INK, "marker": "o", "markersize": 3.0, "linestyle": "", "markerfacecolor": "none"}


def draw(probes: Mapping[str, Sequence[Curve]], stem: Path) -> None:
    """Draw a panel for each scan: the data's energies as circles, models as lines.

    Args:
        probes: answers by label; those under `REFERENCE` are left out, for the data are the reference.
        stem: the figure's path without suffix.
    """
    curves = {
        label: {c.name: c for c in of_kind(found, KIND)}
        for label, found in probes.items()
        if label != REFERENCE
    }
    names = list(dict.fromkeys(name for found in curves.values() for name in found))
    if not names:
        nothing(stem, "no scan was followed")
        return
    styles = {label: style | {"marker": ""} for label, style in line_styles(list(curves), set()).items()}
    n_rows, n_columns = panels(len(names), 3)
    with new_figure(stem, 0.5 + 2.6 * n_columns, 0.7 + 2.2 * n_rows) as figure:
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel, name in zip(axes.flat, names, strict=False):
            for label, found in curves.items():
                x, energy, reference = relative(found[name])
                panel.plot(x, MEV * energy, **styles[label], zorder=3)
                panel.plot(x, MEV * reference, **POINTS, markeredgewidth=0.7)
            panel.set(title=name, xlabel="coordinate of the scan", ylabel="energy (meV)")
        for panel in axes.flat[len(names) :]:
            panel.set_axis_off()
        handles = [Line2D([], [], label="data", **POINTS)]
        handles += [Line2D([], [], label=shown(label), **style) for label, style in styles.items()]
        legend(figure, handles)
