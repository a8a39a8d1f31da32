"""Predictions against references, point by point."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba

from tutti.core.properties import KEYS
from tutti.core.structures import Structures
from tutti.figures import INK, line_styles, new_figure, nothing, panels, shown
from tutti.figures.palette import MIDDLE

FEW = 3000
"""Up to so many points are drawn one by one, more as their density."""

HEXAGONS = 55
FAINTEST = 0.5  # opacity of a hexagon with one point
SIZES = (2.0, 5.0)  # of a point, pt: of very many and of very few
PIXELS = 300  # so many points weigh more as paths than as pixels


@dataclass(frozen=True)
class _Quantity:
    """Points of one panel: references [M], predictions [M], both in `unit`."""

    name: str
    unit: str
    reference: np.ndarray
    predicted: np.ndarray


def draw(
    reference: Structures,
    predictions: Mapping[str, Structures],
    stem: Path,
    targets: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Draw a column of panels per model, in its colour: energies per atom and forces, or its property.

    Energies are given relative to the mean reference energy per atom.

    Args:
        reference: the structures with their known values.
        predictions: the same structures with each model's values, by label.
        stem: the figure's path without suffix.
        targets: what a model predicts, by label, where it is not the energy.
    """
    quantities = {
        label: _quantities(reference, predicted, targets.get(label, "energy"))
        for label, predicted in predictions.items()
    }
    quantities = {label: found for label, found in quantities.items() if all(len(q.reference) for q in found)}
    if not quantities:
        nothing(stem, "no prediction to compare")
        return
    n_rows, n_columns = panels(len(quantities), 4)
    height = max(map(len, quantities.values()))
    styles = line_styles(list(predictions), set())
    with new_figure(stem, 0.5 + 2.35 * n_columns, 2.45 * n_rows * height) as figure:
        axes = figure.subplots(n_rows * height, n_columns, squeeze=False)
        for panel in axes.flat:
            panel.set_axis_off()
        for i, (label, found) in enumerate(quantities.items()):
            colour = styles[label]["color"]
            for k, quantity in enumerate(found):
                panel = axes[i // n_columns * height + k, i % n_columns]
                _panel(panel, quantity, shown(label), colour)


def _quantities(reference: Structures, predicted: Structures, target: str) -> list[_Quantity]:
    if target != "energy":
        unit = KEYS[target].unit
        return [_quantity(target, unit, reference.columns[target], predicted.columns[target])]
    per_atom = [1000 * side.energy / side.n_atoms for side in (reference, predicted)]
    zero = per_atom[0].mean() if len(reference) else 0.0
    found = [_quantity("energy", "meV/atom", *(values - zero for values in per_atom))]
    if reference.forces is not None:
        found.append(_quantity("force", "eV/Å", reference.forces.ravel(), predicted.forces.ravel()))
    return found


def _quantity(name: str, unit: str, reference: np.ndarray, predicted: np.ndarray) -> _Quantity:
    finite = np.isfinite(reference) & np.isfinite(predicted)
    return _Quantity(name, unit, reference[finite], predicted[finite])


def _panel(axes: Axes, quantity: _Quantity, label: str, colour: str) -> None:
    axes.set_axis_on()
    x, y = quantity.reference, quantity.predicted
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    margin = 0.04 * (high - low) or 1.0
    ends = (low - margin, high + margin)
    _points(axes, x, y, ends, colour)
    axes.plot(ends, ends, color=INK, linewidth=0.6, zorder=3)
    axes.set(xlim=ends, ylim=ends, aspect="equal", title=label)
    axes.set_xlabel(f"reference {quantity.name} ({quantity.unit})")
    axes.set_ylabel(f"predicted {quantity.name} ({quantity.unit})")
    axes.locator_params(nbins=5)
    error = np.abs(y - x).mean()
    numbers = f"MAE {error:.3g} {quantity.unit}\nn = {len(x):,}"
    axes.text(0.04, 0.97, numbers, transform=axes.transAxes, va="top")


def _points(axes: Axes, x: np.ndarray, y: np.ndarray, ends: tuple[float, float], colour: str) -> None:
    """Points that are smaller the more there are, or their density."""
    rasterized = len(x) > PIXELS
    if rasterized:
        colour = MIDDLE.get(colour, colour)
    if len(x) <= FEW:
        share = np.log(len(x)) / np.log(FEW)
        size = SIZES[1] + share * (SIZES[0] - SIZES[1])
        axes.plot(
            x, y, "o", color=colour, markersize=size, alpha=0.9 - 0.4 * share, markeredgewidth=0,
            rasterized=rasterized,
        )  # fmt: skip
        return
    shades = [to_rgba(colour, FAINTEST), to_rgba(colour, 1.0)]
    axes.hexbin(
        x, y, gridsize=HEXAGONS, extent=(*ends, *ends), bins="log", mincnt=1, linewidths=0, rasterized=True,
        cmap=LinearSegmentedColormap.from_list("density", shades),
    )  # fmt: skip
