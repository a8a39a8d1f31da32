"""Local chemical potentials on surfaces around molecules."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from tutti.benchmark.interpretation.chemical_potential import LocalPotential
from tutti.figures import new_figure
from tutti.figures.rendering import ball_and_stick, bonds_by_distance, principal_view

MAP = "viridis"
PIXELS = 400
# How much of the molecule shines through the surface.
GHOST = 0.55
# Percentiles of a row's energies between which its colours are spread.
SHOWN = (1, 99)


def draw(potentials: Sequence[LocalPotential], stem: Path) -> None:
    """Draw a row per probe and a column per molecule; one colour scale per row.

    The surface is seen from the side of the molecule's largest face, and the molecule through it.

    Args:
        potentials: any order; those of one probe in one unit. Rows and columns come in order of appearance.
        stem: the figure's path without suffix.

    Raises:
        ValueError: when there is none.
    """
    if not potentials:
        raise ValueError("no local chemical potential to draw")
    probes = list(dict.fromkeys(p.element for p in potentials))
    molecules = list(dict.fromkeys(p.molecule for p in potentials))
    with new_figure(stem, 0.9 + 1.6 * len(molecules), 0.3 + 1.6 * len(probes)) as figure:
        grid = figure.subplots(len(probes), len(molecules), squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, molecule in zip(grid[0], molecules, strict=True):
            axes.set_title(molecule, loc="center")
        for row, probe in zip(grid, probes, strict=True):
            chosen = [p for p in potentials if p.element == probe]
            norm = Normalize(*np.percentile(np.concatenate([p.energies for p in chosen]), SHOWN))
            for potential in chosen:
                _surface(row[molecules.index(potential.molecule)], potential, norm)
            figure.colorbar(
                ScalarMappable(norm, MAP),
                ax=row.tolist(),
                label=f"probe {probe} ({chosen[0].unit})",
                extend="both",
                aspect=14,
                pad=0.02,
            )


def _surface(axes: Axes, potential: LocalPotential, norm: Normalize) -> None:
    """The surface's front, then the molecule as a ghost."""
    view = principal_view(potential.positions)
    points = _turned(potential.positions, view, potential.surface.points)
    triangles = potential.surface.triangles
    corners = points[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    front = normals[:, 2] > 0
    # What is nearer to the viewer is painted later.
    order = np.argsort(corners[front, :, 2].mean(axis=1))
    axes.tripcolor(
        points[:, 0],
        points[:, 1],
        triangles[front][order],
        potential.energies,
        shading="gouraud",
        cmap=MAP,
        norm=norm,
        rasterized=True,
    )
    half_width = float(np.abs(points[:, :2]).max()) * 1.03
    bonds = bonds_by_distance(potential.numbers, potential.positions)
    picture = ball_and_stick(potential.numbers, view, bonds, half_width, PIXELS)
    extent = (-half_width, half_width, -half_width, half_width)
    axes.imshow(picture, extent=extent, alpha=GHOST * picture[..., 3], zorder=3)
    axes.set(xlim=extent[:2], ylim=extent[2:], aspect="equal")


def _turned(positions: np.ndarray, view: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [V, 3] moved as the rotation and shift that take `positions` to `view` move them."""
    centre, target = positions.mean(axis=0), view.mean(axis=0)
    # Kabsch's rotation: of a flat molecule it is unique; about the axis of a linear one, any will do.
    left, _, right = np.linalg.svd((view - target).T @ (positions - centre))
    rotation = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    return (points - centre) @ rotation.T + target
