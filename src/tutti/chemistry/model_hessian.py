"""The second derivatives of a molecule's energy, guessed from its geometry: a start for BFGS.

Lindh, Bernhardsson, Karlström, Malmqvist, Chem. Phys. Lett. 241, 423 (1995): force constants of stretches,
bends and torsions that fall off with the distances along them.
"""

import numpy as np
from ase.units import Bohr, Hartree
from scipy.sparse import csr_array, vstack

from tutti.chemistry.internal_coordinates import spans

# The paper's parameters, by rows of the periodic table (H and He; Li to Ne; from Na on), in bohr and hartree.
_DECAY = np.array([[1.0, 0.3949, 0.3949], [0.3949, 0.28, 0.28], [0.3949, 0.28, 0.28]])
_LENGTH = np.array([[1.35, 2.10, 2.53], [2.10, 2.87, 3.40], [2.53, 3.40, 3.40]])
_STRETCH, _BEND, _TORSION = 0.45, 0.15, 0.005
_LARGEST = (
    1.5  # factor, so that short bonds allow long steps: takes a tenth of the force calls of a relaxation away
)
_NEAR = 0.3  # factors along bends and torsions; for H...H 1.74 bohr, for C...C 3.5
_FAINT = 1e-3  # factors of stretches
_STRAIGHT = 0.15  # sine of an angle below which it bends in two directions, and has no torsion


def model_hessian(numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """[3 n, 3 n] in eV/Å², without negative eigenvalues.

    0 along translations and rotations, and for twists about atoms in line.

    Args:
        numbers: [n] atomic numbers.
        positions: [n, 3], Å, no two the same.
    """
    x = positions / Bohr
    period = np.searchsorted([2, 10], numbers)
    first, second = np.triu_indices(len(x), 1)
    kinds = period[first], period[second]
    squared = ((x[first] - x[second]) ** 2).sum(axis=1)
    factors = np.minimum(np.exp(_DECAY[kinds] * (_LENGTH[kinds] ** 2 - squared)), _LARGEST)
    table = np.zeros((len(x), len(x)))
    table[first, second] = table[second, first] = factors
    pairs = np.stack([first, second], axis=1)
    angles, torsions = spans(pairs[factors > _NEAR])
    parts = [_stretches(x, pairs[factors > _FAINT]), *_bends(x, angles), _torsions(x, torsions)]
    constants = (_STRETCH, _BEND, _BEND, _TORSION)
    weights, rows = [], []
    for constant, (atoms, derivatives) in zip(constants, parts, strict=True):
        along = [table[atoms[:, k], atoms[:, k + 1]] for k in range(atoms.shape[1] - 1)]
        weights.append(constant * np.prod(along, axis=0))
        rows.append(_rows(atoms, derivatives, x.size))
    derivatives = vstack(rows, format="csr")
    scaled = derivatives.multiply(np.sqrt(np.concatenate(weights))[:, None]).tocsr()
    return (scaled.T @ scaled).toarray() * (Hartree / Bohr**2)


def _rows(atoms: np.ndarray, derivatives: np.ndarray, size: int) -> csr_array:
    """[m, size]: derivatives [m, c, 3] of coordinates with respect to the positions of their atoms [m, c]."""
    columns = 3 * atoms[:, :, None] + np.arange(3)
    per_row = 3 * atoms.shape[1]
    start = np.arange(0, columns.size + 1, per_row)
    return csr_array((derivatives.ravel(), columns.ravel(), start), shape=(len(atoms), size))


def _stretches(x: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(pairs, derivatives [m, 2, 3] of their distances)."""
    along = _unit(x[pairs[:, 0]] - x[pairs[:, 1]])
    return pairs, np.stack([along, -along], axis=1)


def _bends(x: np.ndarray, angles: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(angles, derivatives [m, 3, 3]) in the plane of the atoms, and once more across it for straight ones.

    At 180° the derivative of an angle does not exist: the two bends of the line take its place.
    """
    one, other = (x[angles[:, end]] - x[angles[:, 1]] for end in (0, 2))
    r, s = (np.linalg.norm(each, axis=1, keepdims=True) for each in (one, other))
    one, other = one / r, other / s
    normal = np.cross(one, other)
    straight = np.linalg.norm(normal, axis=1) < _STRAIGHT
    least = np.eye(3)[np.abs(one).argmin(axis=1)]
    normal = _unit(np.where(straight[:, None], np.cross(one, least), normal))
    # Both ends turn about the normal; without being moved along their bonds.
    ends = np.cross(one, normal) / r, np.cross(normal, other) / s
    across = normal / r, np.where((one * other).sum(axis=1, keepdims=True) < 0, normal, -normal) / s

    def derivatives(pair: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return np.stack([pair[0], -pair[0] - pair[1], pair[1]], axis=1)

    return [(angles, derivatives(ends)), (angles[straight], derivatives(across)[straight])]


def _torsions(x: np.ndarray, torsions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(torsions without straight angles, derivatives [m, 4, 3]).

    Blondel, Karplus, J. Comput. Chem. 17, 1132 (1996).
    """
    first, middle, last = (x[torsions[:, k + 1]] - x[torsions[:, k]] for k in range(3))
    left, right = np.cross(first, middle), np.cross(middle, last)
    length = np.linalg.norm(middle, axis=1, keepdims=True)
    areas = [np.linalg.norm(each, axis=1, keepdims=True) for each in (left, right)]
    bent = np.ones(len(torsions), bool)
    for area, bond in zip(areas, (first, last), strict=True):
        bent &= area[:, 0] > _STRAIGHT * length[:, 0] * np.linalg.norm(bond, axis=1)
    # Divided by squares that may be 0 where the torsion is left out.
    left, right = (
        each / np.maximum(area, 1e-9) ** 2 for each, area in zip((left, right), areas, strict=True)
    )
    start, end = -length * left, length * right
    shares = [(bond * middle).sum(axis=1, keepdims=True) / length**2 for bond in (first, last)]
    lever = -shares[0] * start + shares[1] * end
    derivatives = np.stack([start, -start + lever, -end - lever, end], axis=1)
    return torsions[bent], derivatives[bent]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
