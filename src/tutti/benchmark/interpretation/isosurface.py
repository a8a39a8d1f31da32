"""Surfaces around molecules on which Σ_i ‖r − r_i‖⁻² is constant."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize.elementwise import find_root
from scipy.spatial import ConvexHull

STEP = 0.02
"""Å between the points of a ray that are looked at; at 3.7 Å⁻², all points are 0.5 Å or more from atoms."""
RAYS = 100  # looked at together


@dataclass(frozen=True)
class Surface:
    """A closed mesh of V points that can be seen from its centre.

    Attributes:
        points: [V, 3], Å.
        triangles: [T, 3] rows of `points`, anticlockwise as seen from outside.
        folded: share of the directions from the centre in which the level is met more than once. There, the
            outermost point is taken, and what lies behind it is not shown.
    """

    points: np.ndarray
    triangles: np.ndarray
    folded: float


def inverse_squares(positions: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Σ_i ‖r − r_i‖⁻² in Å⁻², [...], of atoms [n, 3] at points [..., 3]; infinite on an atom."""
    squares = np.square(points[..., None, :] - positions).sum(axis=-1)
    with np.errstate(divide="ignore"):
        return (1 / squares).sum(axis=-1)


def isosurface(positions: np.ndarray, level: float = 3.7, n_points: int = 5000) -> Surface:
    """The surface Σ_i ‖r − r_i‖⁻² = `level` around a molecule, as it is seen from the centroid.

    Schütt et al. (Nat. Commun. 8, 13890, 2017) draw local chemical potentials on such surfaces. One of
    Σ_i ‖r − r_i‖ = 3.7 Å, as it is also quoted, has no points: even in methane the least sum of distances
    is 4.4 Å (on the carbon atom). One of a mean distance of 3.7 Å cuts through the ends of longer molecules.

    Once a ray has passed all atoms the sum falls along it, so that the outermost point is found for certain.

    Args:
        positions: [n, 3], Å.
        level: Å⁻². At 3.7, points lie 0.6 to 1.5 Å from the nearest atom of small organic molecules; at 1,
            1.4 to 3.4 Å.
        n_points: V.

    Raises:
        ValueError: when the level is not positive, or is not met in some direction.
    """
    if level <= 0:
        raise ValueError(f"level is {level}, must be positive")
    directions = _directions(n_points)
    centre = positions.mean(axis=0)
    brackets, folded = _brackets(positions - centre, directions, level)

    def excess(t: np.ndarray, *u: np.ndarray) -> np.ndarray:
        return inverse_squares(positions - centre, t[..., None] * np.stack(u, axis=-1)) - level

    t = find_root(excess, brackets, args=tuple(directions.T)).x
    return Surface(centre + t[:, None] * directions, _triangles(directions), folded)


def _brackets(
    offsets: np.ndarray, directions: np.ndarray, level: float
) -> tuple[tuple[np.ndarray, np.ndarray], float]:
    """([V] distances from the centre, just in and out, where each ray leaves the level for good; folded)."""
    # Beyond this, no atom is nearer than √(n / level).
    farthest = np.linalg.norm(offsets, axis=1).max() + np.sqrt(len(offsets) / level) + STEP
    t = np.arange(0, farthest + STEP, STEP)
    parts = np.array_split(directions, -(-len(directions) // RAYS))
    inside = np.concatenate([inverse_squares(offsets, t[:, None] * part[:, None]) >= level for part in parts])
    if not (met := inside.any(axis=1)).all():
        raise ValueError(
            f"in {np.mean(~met):.0%} of all directions from the centroid, no point has Σ ‖r − r_i‖⁻² = "
            f"{level} Å⁻²; take a lower level"
        )
    last = len(t) - 1 - inside[:, ::-1].argmax(axis=1)
    crossings = (inside[:, 1:] != inside[:, :-1]).sum(axis=1)
    return (t[last], t[last + 1]), float(np.mean(crossings > 1))


def _directions(n: int) -> np.ndarray:
    """[n, 3] unit vectors, evenly spread: a Fibonacci lattice."""
    k = np.arange(n) + 0.5
    z, azimuth = 1 - 2 * k / n, np.pi * (1 + np.sqrt(5)) * k
    rho = np.sqrt(1 - z**2)
    return np.stack([rho * np.cos(azimuth), rho * np.sin(azimuth), z], axis=1)


def _triangles(directions: np.ndarray) -> np.ndarray:
    """[T, 3] Delaunay triangles on the sphere, anticlockwise from outside."""
    triangles = ConvexHull(directions).simplices
    corners = directions[triangles]
    inwards = np.linalg.det(corners) < 0
    return np.where(inwards[:, None], triangles[:, ::-1], triangles)
