"""Maps of densities on the sphere that are fitted to the six directions of an octahedron."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from torch import Tensor

from tutti.benchmark.signals.parametrisations import Symphony
from tutti.benchmark.signals.study import Fits
from tutti.benchmark.signals.targets import LMAX, octahedron, quadrature
from tutti.figures import new_figure
from tutti.figures.signals import channels_text
from tutti.nn.spherical import harmonics

# Cells of a map from pole to pole; there are twice as many around.
CELLS = 180
MAP = "magma"
CIRCLE = "#D8D8D8"  # on the map, which a dark page leaves as it is
# Densities in units of the uniform one, between which colours are spread.
SHOWN = (1e-2, 1e2)
# The map's poles are on a threefold axis, and no direction is on its rim: all six are seen whole.
_THIRD, _FIRST = np.ones(3) / math.sqrt(3), np.array([1.0, -1.0, 0.0]) / math.sqrt(2)
FRAME = np.array([_FIRST, np.cross(_THIRD, _FIRST), _THIRD])


def draw(fits: Sequence[Fits], stem: Path) -> None:
    """Draw the target at the left, and a row of maps per number of channels with a column per lmax.

    Args:
        fits: of Symphony's densities to the octahedron, with the same numbers of channels.
        stem: the figure's path without suffix.

    Raises:
        ValueError: when there is none, or their targets are not equally sharp.
    """
    if not fits:
        raise ValueError("no fit of the octahedron to draw")
    if len(sharpness := {each.sharpness for each in fits}) > 1:
        raise ValueError(f"fits of one target, not of sharpness {', '.join(map(str, sorted(sharpness)))}")
    fits = sorted(fits, key=lambda each: each.lmax)
    channels = sorted(fits[0].divergence)
    directions = _directions()
    with new_figure(stem, 1.1 + 1.75 * (1 + len(fits)), 0.3 + 1.15 * len(channels)) as figure:
        grid = figure.add_gridspec(len(channels), 1 + len(fits))
        maps = [figure.add_subplot(grid[:, 0], projection="mollweide")]
        _map(maps[0], _target(directions, fits[0].sharpness), "target")
        for line, n in enumerate(channels):
            for column, each in enumerate(fits, start=1):
                maps.append(figure.add_subplot(grid[line, column], projection="mollweide"))
                density = _density(directions, torch.from_numpy(each.coefficients[n]), each.lmax)
                _map(maps[-1], density, f"lmax {each.lmax}, KL {_short(each.divergence[n].item())}")
            maps[-len(fits)].set_ylabel(channels_text(n))
        figure.colorbar(
            ScalarMappable(LogNorm(*SHOWN), MAP),
            ax=maps,
            label="density / uniform density",
            extend="both",
            aspect=18,
            pad=0.02,
        )


def _edges() -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes between the cells."""
    return np.linspace(-np.pi, np.pi, 2 * CELLS + 1), np.linspace(-np.pi / 2, np.pi / 2, CELLS + 1)


def _directions() -> Tensor:
    """Unit vectors [CELLS, 2 CELLS, 3] of the cells' middles."""
    longitudes, latitudes = ((edges[:-1] + edges[1:]) / 2 for edges in _edges())
    flat = np.cos(latitudes)[:, None]
    places = [
        flat * np.cos(longitudes),
        flat * np.sin(longitudes),
        np.sin(latitudes)[:, None] + 0 * longitudes,
    ]
    return torch.from_numpy(np.stack(places, axis=-1) @ FRAME)


def _target(directions: Tensor, sharpness: float) -> Tensor:
    """Density [CELLS, 2 CELLS] of the target in units of the uniform one."""
    points, polar = octahedron(), 100
    basis, log_weights = quadrature(LMAX, polar, points)
    peaks = harmonics(LMAX, points[0])
    log_z = torch.logsumexp(sharpness * peaks @ basis.T + log_weights, dim=-1)
    logits = sharpness * harmonics(LMAX, directions) @ peaks.T
    return 4 * math.pi * (logits - log_z).exp().mean(dim=-1)


def _density(directions: Tensor, coefficients: Tensor, lmax: int) -> Tensor:
    """Density [CELLS, 2 CELLS] of coefficients [1, channels, 1, (lmax + 1)²] in units of the uniform one."""
    basis, log_weights = quadrature(lmax, 100, coefficients)
    log_z = torch.logsumexp(Symphony().logits(coefficients, basis) + log_weights, dim=-1)
    values = Symphony().logits(coefficients, harmonics(lmax, directions).flatten(0, 1))
    return 4 * math.pi * (values - log_z).exp().view(directions.shape[:2])


def _short(value: float) -> str:
    """Two digits, also of what is close to 0."""
    if value >= 1e-3:
        return f"{value:.2g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}·10$^{{{int(exponent)}}}$"


def _map(axes: Axes, density: Tensor, title: str) -> None:
    axes.pcolormesh(*_edges(), density.numpy().clip(*SHOWN), norm=LogNorm(*SHOWN), cmap=MAP, rasterized=True)
    place = octahedron()[0].numpy() @ FRAME.T
    longitudes, latitudes = np.arctan2(place[:, 1], place[:, 0]), np.arcsin(place[:, 2])
    axes.plot(longitudes, latitudes, "o", color=CIRCLE, fillstyle="none", markersize=7, markeredgewidth=0.5)
    axes.set_title(title, loc="center", fontweight="normal")
    axes.set(xticks=[], yticks=[])
