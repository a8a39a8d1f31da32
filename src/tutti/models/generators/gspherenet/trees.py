"""The order in which G-SphereNet places atoms, and what each is placed against (Luo and Ji 2022).

Two options of `Config` change both. With a tolerance, distances that differ by no more count as equal: then
it does not hang on the last digits which of three hydrogens is next or the closest; the one with the lowest
torsion is next, and the one that was placed first is the closest. With `mirrored`, molecules and their mirror
images are the same.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tutti.models.generators.gspherenet.config import Config
from tutti.nn.internal_coordinates import from_cartesian
from tutti.nn.neighbours import segment_index
from tutti.nn.prefixes import rank_in_molecule

CARBON = 6
IN_LINE = 0.05
"""Sine of the angle at the first reference up to which an atom is no second one of a mirrored model."""
CHIRAL = 0.2
"""Sine of a torsion from which on it decides the handedness of a molecule."""


def tree_order(positions: Tensor, n_atoms: Tensor, config: Config) -> tuple[Tensor, Tensor]:
    """Prim's minimum spanning trees of B packed molecules, from their first atoms.

    Again and again the unplaced atom that is closest to any placed one is placed; of equal ones with the same
    parent, that with the lowest torsion, or else the first.

    Args:
        positions: [ΣN, 3], Å.
        n_atoms: [B], at least 1 each.
        config: its `tolerance` and `mirrored`.

    Returns:
        (rows [ΣN] of the atoms as they are placed, ranks [ΣN] of their tree parents, 0 for the first).
    """
    padded, real = _pad(positions, n_atoms)
    batch, (n, width) = torch.arange(len(n_atoms), device=positions.device), real.shape
    order = torch.arange(width, device=positions.device).repeat(n, 1)
    parents, nearest_rank = torch.zeros_like(order), torch.zeros_like(order)
    # Padding comes last, and before it what is no number away from all others.
    distances = torch.linalg.vector_norm(padded[:, :, None] - padded[:, None], dim=-1)
    distances = distances.nan_to_num(nan=1e300, posinf=1e300)
    waiting, nearest = real.clone(), distances[:, 0].clone()
    waiting[:, 0] = False
    for rank in range(1, width):
        candidates = nearest.masked_fill(~waiting, torch.inf)
        chosen = candidates.argmin(1)
        if config.tolerance > 0.0:
            same = nearest_rank == nearest_rank[batch, chosen, None]
            equal = same & (candidates <= candidates[batch, chosen, None] + config.tolerance) & waiting
            placed = padded.gather(1, order[..., None].expand(-1, -1, 3))
            sizes = torch.full_like(chosen, rank)
            torsions = _torsions(placed, sizes, nearest_rank[batch, chosen], padded, config)
            # Without a reference all have none, and the closest is the next one.
            lowest = torsions.masked_fill(~equal, torch.inf).argmin(1)
            chosen = torch.where(equal.any(1) & (torsions.amax(1) > torsions.amin(1)), lowest, chosen)
        left = waiting.any(1)
        order[:, rank] = torch.where(left, chosen, rank)
        parents[:, rank] = torch.where(left, nearest_rank[batch, chosen], 0)
        waiting[batch, chosen] = False
        closer = distances[batch, chosen] < nearest
        nearest = torch.where(closer, distances[batch, chosen], nearest)
        nearest_rank = torch.where(closer, rank, nearest_rank)
    starts = torch.cumsum(n_atoms, 0) - n_atoms
    return (starts[:, None] + order)[real], parents[real]


def _pad(positions: Tensor, n_atoms: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [ΣN, 3] of B molecules → [B, M, 3], and which of them are real, [B, M]."""
    real = torch.arange(int(n_atoms.max()), device=positions.device) < n_atoms[:, None]
    padded = positions.new_zeros(*real.shape, 3)
    padded[real] = positions
    return padded, real


def _torsions(placed: Tensor, sizes: Tensor, focus: Tensor, points: Tensor, config: Config) -> Tensor:
    """[B, M]: torsions of `points` [B, M, 3] at `focus` [B] (rank); 0 where there is no second reference."""
    first, second, found = references(placed, sizes, focus, config)
    rows = torch.arange(len(focus), device=focus.device)
    corners = [placed[rows, at][:, None].expand_as(points) for at in (focus, first, second)]
    torsions = wrap(from_cartesian(points, *corners)[..., 2], config) * found[:, None]
    return torsions.nan_to_num(nan=0.0)


def references(
    positions: Tensor, sizes: Tensor, focus: Tensor, config: Config
) -> tuple[Tensor, Tensor, Tensor]:
    """Ranks of c1 and c2 for a new atom at `focus`: the placed atom closest to f, and that closest to c1.

    c2 is not f and, if `mirrored`, not in line with f and c1. Where there is no such atom, c1 or c2 is f
    itself.

    Args:
        positions: [P, M, 3], Å, of the placed atoms.
        sizes: [P], how many are placed.
        focus: [P], rank of f.
        config: its `mirrored` and `tolerance`; of atoms that are equally close, the first is taken.

    Returns:
        (c1 [P], c2 [P], has c2 [P] bool).
    """
    rows = torch.arange(len(focus), device=focus.device)
    ranks = torch.arange(positions.shape[1], device=focus.device)
    other = (ranks < sizes[:, None]) & (ranks != focus[:, None])

    def closest(point: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        distances = torch.linalg.vector_norm(positions - positions[rows, point][:, None], dim=-1)
        distances = distances.masked_fill(~allowed, torch.inf)
        equal = allowed & (distances <= distances.amin(1, keepdim=True) + config.tolerance)
        place = torch.where(equal, ranks, len(ranks)).amin(1)
        found = place < len(ranks)
        return torch.where(found, place, focus), found

    first, _ = closest(focus, other)
    allowed = other & (ranks != first[:, None])
    if config.mirrored:
        axis = (positions[rows, first] - positions[rows, focus])[:, None]
        from_first = positions - positions[rows, first][:, None]
        across = torch.linalg.vector_norm(torch.linalg.cross(from_first, axis.expand_as(from_first)), dim=-1)
        lengths = torch.linalg.vector_norm(from_first, dim=-1) * torch.linalg.vector_norm(axis, dim=-1)
        allowed &= across > IN_LINE * lengths
    second, found = closest(first, allowed)
    return first, second, found


def carbon_first(numbers: np.ndarray, n_atoms: np.ndarray) -> np.ndarray:
    """Rows [ΣN] of packed molecules in which the first carbon has changed places with the first atom.

    A molecule without carbon stays as it is.

    Args:
        numbers: [ΣN], atomic numbers.
        n_atoms: [B], at least 1 each.
    """
    rows = np.arange(len(numbers))
    starts = np.cumsum(n_atoms) - n_atoms
    carbons = np.where(numbers == CARBON, rows, len(rows))
    firsts = np.minimum.reduceat(carbons, starts) if len(starts) else starts
    firsts = np.where(firsts < len(rows), firsts, starts)
    rows[firsts], rows[starts] = starts, firsts
    return rows


class Placements:
    """Every atom after the first of B packed molecules, with what it is placed against.

    Attributes:
        molecule, rank: [G], of the placed atom; as many atoms as its rank are there before.
        focus, first, second: [G], ranks of f, c1 and c2.
        coordinates: [G, 3]: distance (Å), angle, torsion as of `wrap`.
        has_angle, has_torsion: [G] bool; where not, angle or torsion are 0 and mean nothing.
    """

    def __init__(
        self, positions: Tensor, moved: Tensor, n_atoms: Tensor, parents: Tensor, config: Config
    ) -> None:
        """Of molecules in the order of placement.

        Args:
            positions: [ΣN, 3], Å, that references are chosen by, and of the placed atoms.
            moved: [ΣN, 3], Å, of the atoms that they are placed against.
            n_atoms: [B].
            parents: [ΣN], ranks.
            config: see `references`.
        """
        ranks = rank_in_molecule(n_atoms)
        rows = torch.nonzero(ranks).flatten()
        self.molecule, self.rank, self.focus = segment_index(n_atoms)[rows], ranks[rows], parents[rows]
        placed = _pad(positions, n_atoms)[0][self.molecule]
        self.first, self.second, self.has_torsion = references(placed, self.rank, self.focus, config)
        starts = (torch.cumsum(n_atoms, 0) - n_atoms)[self.molecule]
        corners = [moved[starts + at] for at in (self.focus, self.first, self.second)]
        distance, angle, torsion = from_cartesian(positions[rows], *corners).unbind(-1)
        self.has_angle = self.rank > 1
        self.coordinates = torch.stack(
            [distance, angle * self.has_angle, wrap(torsion, config) * self.has_torsion], dim=-1
        )

    def sines(self, n_atoms: Tensor) -> Tensor:
        """[B, M]: sines of the torsions, 0 where there is none."""
        result = self.coordinates.new_zeros(len(n_atoms), int(n_atoms.max()))
        sines = torch.sin(self.coordinates[:, 2]) * self.has_torsion
        result[self.molecule, self.rank] = sines.nan_to_num(nan=0.0)
        return result


def wrap(torsion: Tensor, config: Config) -> Tensor:
    """The same torsion, given in [−π, π], in (0, 2π], or in [−π/2, 3π/2) if `mirrored`.

    In the latter interval planar torsions lie far from the ends, so that small changes do not let them jump.
    """
    if config.mirrored:
        return torch.remainder(torsion + 0.5 * math.pi, 2.0 * math.pi) - 0.5 * math.pi
    return torch.where(torsion > 0.0, torsion, torsion + 2.0 * math.pi)


class Canonical(NamedTuple):
    """How packed molecules are ordered and reflected before the network sees them.

    Attributes:
        order: [ΣN], rows of the atoms as they are placed.
        parents: [ΣN], ranks of their tree parents.
        sign: [B], what the positions are multiplied by: −1 turns a molecule into its mirror image.
        decided: [B] bool, whether the molecule is told from its mirror image.
    """

    order: Tensor
    parents: Tensor
    sign: Tensor
    decided: Tensor


def canonical(positions: Tensor, n_atoms: Tensor, config: Config) -> Canonical:
    """The order of placement; if `mirrored`, molecules and their mirror images then have the same positions.

    Of the two, that is taken whose torsion has the larger sine where they first differ by much; if they never
    do, where they differ the most. So a molecule that is not planar has one handedness.

    Args:
        positions: [ΣN, 3], Å.
        n_atoms: [B], at least 1 each.
        config: see `tree_order`.
    """
    order, parents = tree_order(positions, n_atoms, config)
    if not config.mirrored:
        same = positions.new_ones(len(n_atoms))
        return Canonical(order, parents, same, same.bool())
    placed = positions[order]
    sines = Placements(placed, placed, n_atoms, parents, config).sines(n_atoms)
    mirrored, mirrored_parents, mirrored_sines = order, parents, -sines
    if config.tolerance > 0.0:
        mirrored, mirrored_parents = tree_order(-positions, n_atoms, config)
        images = -positions[mirrored]
        mirrored_sines = Placements(images, images, n_atoms, mirrored_parents, config).sines(n_atoms)
    difference = sines - mirrored_sines
    ranks = torch.arange(sines.shape[1], device=sines.device)
    clear = difference.abs() > 2.0 * CHIRAL
    weights = torch.where(clear, 3.0 + 1.0 / (1.0 + ranks), difference.abs())
    deciding = difference.gather(1, weights.argmax(1, keepdim=True))[:, 0]
    turned = deciding < 0.0
    of_atom = torch.repeat_interleave(turned, n_atoms)
    return Canonical(
        order=torch.where(of_atom, mirrored, order),
        parents=torch.where(of_atom, mirrored_parents, parents),
        sign=torch.where(turned, -1.0, 1.0).to(positions.dtype),
        decided=clear.any(1),
    )
