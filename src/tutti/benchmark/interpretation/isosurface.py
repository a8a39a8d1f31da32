"""Surfaces around molecules on which Σ_i ‖r − r_i‖⁻² is constant."""

from dataclasses import dataclass

import numpy as np
from skimage.measure import marching_cubes

RESOLUTION = 0.3
"""Edge of a cell of the grid, in radii of the surface around a lone atom, the most curved there is."""
POLISHING = 4  # steps of Newton


@dataclass(frozen=True)
class Surface:
    """A closed mesh of V points, of one piece or several.

    Attributes:
        points: [V, 3], Å.
        triangles: [T, 3] rows of `points`, anticlockwise as seen from outside.
    """

    points: np.ndarray
    triangles: np.ndarray


def isosurface(positions: np.ndarray, level: float = 3.7, resolution: float = RESOLUTION) -> Surface:
    """The surface Σ_i ‖r − r_i‖⁻² = `level` around a molecule.

    Schütt et al. (Nat. Commun. 8, 13890, 2017) draw local chemical potentials on such surfaces. One of
    Σ_i ‖r − r_i‖ = 3.7 Å, as it is also quoted, has no points: even in methane the least sum of distances
    is 4.4 Å (on the carbon atom). One of a mean distance of 3.7 Å cuts through the ends of longer molecules.

    Args:
        positions: [n, 3], Å.
        level: Å⁻². At 3.7, points lie 0.6 to 1.5 Å from the nearest atom of small organic molecules; at 1,
            1.4 to 3.4 Å.
        resolution: see `RESOLUTION`.

    Raises:
        ValueError: when the level is not positive.
    """
    if level <= 0:
        raise ValueError(f"level is {level}, must be positive")
    radius = 1 / np.sqrt(level)  # of a lone atom; of n atoms no point is farther from all than √n of them
    spacing = resolution * radius
    margin = np.sqrt(len(positions)) * radius + 2 * spacing
    low, high = positions.min(axis=0) - margin, positions.max(axis=0) + margin
    axes = [
        start + spacing * np.arange(np.ceil((end - start) / spacing) + 1)
        for start, end in zip(low, high, strict=True)
    ]
    corners, triangles, _, _ = marching_cubes(
        _radii(positions, axes), radius, spacing=(spacing,) * 3, gradient_direction="descent"
    )
    return Surface(_polished(positions, low + corners, radius, spacing), triangles)


def _radii(positions: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """(Σ_i ‖r − r_i‖⁻²)^−½ on a grid of those `axes`: nearly linear across the surface, and finite, Å."""
    sums = np.zeros([len(axis) for axis in axes])
    with np.errstate(divide="ignore"):
        for atom in positions:
            x, y, z = (np.square(axis - centre) for axis, centre in zip(axes, atom, strict=True))
            sums += 1 / (x[:, None, None] + y[:, None] + z)
        return 1 / np.sqrt(sums)


def _polished(positions: np.ndarray, points: np.ndarray, radius: float, spacing: float) -> np.ndarray:
    """The points moved along the gradient onto the surface, by at most half a cell in each step."""
    for _ in range(POLISHING):
        away = points[:, None] - positions
        squares = np.square(away).sum(axis=-1)
        sums = (1 / squares).sum(axis=-1)
        gradients = (sums**-1.5)[:, None] * (away / squares[..., None] ** 2).sum(axis=1)
        slopes = np.linalg.norm(gradients, axis=-1)
        steps = np.clip((radius - sums**-0.5) / slopes, -spacing / 2, spacing / 2)
        points = points + (steps / slopes)[:, None] * gradients
    return points
