"""The order in which G-SphereNet places atoms, and what each is placed against (Luo and Ji 2022).

Distances that differ by no more than a tolerance can count as equal (the paper has none). Then it does not
hang on the last digits which of three hydrogens is next or the closest: the one with the lowest torsion is
next, and the one that was placed first is the closest.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from tutti.nn.internal_coordinates import from_cartesian
from tutti.nn.neighbours import segment_index
from tutti.nn.prefixes import rank_in_molecule

IN_LINE = 0.05
"""Sine of the angle at the first reference up to which an atom is no second reference."""
CHIRAL = 0.2
"""Sine of a torsion from which on it decides the handedness of a molecule."""


def tree_order(positions: Tensor, n_atoms: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """Prim's minimum spanning trees of B packed molecules, from their first atoms.

    Again and again the unplaced atom that is closest to any placed one is placed; of equal ones with the same
    parent, that with the lowest torsion, or else the first.

    Args:
        positions: [ΣN, 3], Å.
        n_atoms: [B], at least 1 each.
        tolerance: Å.

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
        if tolerance > 0.0:
            same = nearest_rank == nearest_rank[batch, chosen, None]
            equal = same & (candidates <= candidates[batch, chosen, None] + tolerance) & waiting
            placed = padded.gather(1, order[..., None].expand(-1, -1, 3))
            sizes = torch.full_like(chosen, rank)
            torsions = _torsions(placed, sizes, nearest_rank[batch, chosen], padded, tolerance)
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


def _torsions(placed: Tensor, sizes: Tensor, focus: Tensor, points: Tensor, tolerance: float) -> Tensor:
    """[B, M]: torsions of `points` [B, M, 3] at `focus` [B] (rank); 0 where there is no second reference."""
    first, second, found = references(placed, sizes, focus, tolerance)
    rows = torch.arange(len(focus), device=focus.device)
    corners = [placed[rows, at][:, None].expand_as(points) for at in (focus, first, second)]
    torsions = wrap(from_cartesian(points, *corners)[..., 2]) * found[:, None]
    return torsions.nan_to_num(nan=0.0)


def references(
    positions: Tensor, sizes: Tensor, focus: Tensor, tolerance: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Ranks of c1 and c2 for a new atom at `focus`: the placed atom closest to f, and that closest to c1.

    c2 is not in line with f and c1. Where there is no such atom, c1 or c2 is f itself.

    Args:
        positions: [P, M, 3], Å, of the placed atoms.
        sizes: [P], how many are placed.
        focus: [P], rank of f.
        tolerance: Å; of atoms that are equally close, the first is taken.

    Returns:
        (c1 [P], c2 [P], has c2 [P] bool).
    """
    rows = torch.arange(len(focus), device=focus.device)
    ranks = torch.arange(positions.shape[1], device=focus.device)
    other = (ranks < sizes[:, None]) & (ranks != focus[:, None])

    def closest(point: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        distances = torch.linalg.vector_norm(positions - positions[rows, point][:, None], dim=-1)
        distances = distances.masked_fill(~allowed, torch.inf)
        equal = allowed & (distances <= distances.amin(1, keepdim=True) + tolerance)
        place = torch.where(equal, ranks, len(ranks)).amin(1)
        found = place < len(ranks)
        return torch.where(found, place, focus), found

    first, _ = closest(focus, other)
    axis = (positions[rows, first] - positions[rows, focus])[:, None]
    from_first = positions - positions[rows, first][:, None]
    across = torch.linalg.vector_norm(torch.linalg.cross(from_first, axis.expand_as(from_first)), dim=-1)
    lengths = torch.linalg.vector_norm(from_first, dim=-1) * torch.linalg.vector_norm(axis, dim=-1)
    second, found = closest(first, other & (ranks != first[:, None]) & (across > IN_LINE * lengths))
    return first, second, found


class Placements:
    """Every atom after the first of B packed molecules, with what it is placed against.

    Attributes:
        molecule, rank: [G], of the placed atom; as many atoms as its rank are there before.
        focus, first, second: [G], ranks of f, c1 and c2.
        coordinates: [G, 3]: distance (Å), angle, torsion in [−π/2, 3π/2). Planar torsions lie far from the
            ends of that interval, so that their noise does not jump.
        has_angle, has_torsion: [G] bool; where not, angle or torsion are 0 and mean nothing.
    """

    def __init__(
        self,
        positions: Tensor,
        n_atoms: Tensor,
        parents: Tensor,
        tolerance: float,
        noise: Tensor | None = None,
    ) -> None:
        """Of molecules in the order of placement.

        Args:
            positions: [ΣN, 3], Å.
            n_atoms: [B].
            parents: [ΣN], ranks.
            tolerance: Å, see `references`.
            noise: [ΣN, 3], Å, on the atoms that others are placed against, once these are chosen.
        """
        ranks = rank_in_molecule(n_atoms)
        rows = torch.nonzero(ranks).flatten()
        self.molecule, self.rank, self.focus = segment_index(n_atoms)[rows], ranks[rows], parents[rows]
        placed = _pad(positions, n_atoms)[0][self.molecule]
        self.first, self.second, self.has_torsion = references(placed, self.rank, self.focus, tolerance)
        moved = positions if noise is None else positions + noise
        starts = (torch.cumsum(n_atoms, 0) - n_atoms)[self.molecule]
        corners = [moved[starts + at] for at in (self.focus, self.first, self.second)]
        distance, angle, torsion = from_cartesian(positions[rows], *corners).unbind(-1)
        self.has_angle = self.rank > 1
        self.coordinates = torch.stack(
            [distance, angle * self.has_angle, wrap(torsion) * self.has_torsion], dim=-1
        )

    def sines(self, n_atoms: Tensor) -> Tensor:
        """[B, M]: sines of the torsions, 0 where there is none."""
        result = self.coordinates.new_zeros(len(n_atoms), int(n_atoms.max()))
        sines = torch.sin(self.coordinates[:, 2]) * self.has_torsion
        result[self.molecule, self.rank] = sines.nan_to_num(nan=0.0)
        return result


def wrap(torsion: Tensor) -> Tensor:
    """The same torsion in [−π/2, 3π/2)."""
    return torch.remainder(torsion + 0.5 * math.pi, 2.0 * math.pi) - 0.5 * math.pi


class Canonical(NamedTuple):
    """How packed molecules are ordered and reflected before the network sees them.

    Attributes:
        order: [ΣN], rows of the atoms as they are placed.
        parents: [ΣN], ranks of their tree parents.
        sign: [B], what the positions are multiplied by: −1 turns a molecule into its mirror image.
        decided: [B] bool, whether the molecule differs from its mirror image.
    """

    order: Tensor
    parents: Tensor
    sign: Tensor
    decided: Tensor


def canonical(positions: Tensor, n_atoms: Tensor, tolerance: float) -> Canonical:
    """The same order and the same positions, up to rotations, for molecules and their mirror images.

    Of the two, that is taken whose torsion has the larger sine where they first differ by much; if they never
    do, where they differ the most. So a molecule that is not planar has one handedness.

    Args:
        positions: [ΣN, 3], Å.
        n_atoms: [B], at least 1 each.
        tolerance: Å, see `tree_order`.
    """
    order, parents = tree_order(positions, n_atoms, tolerance)
    sines = Placements(positions[order], n_atoms, parents, tolerance).sines(n_atoms)
    mirrored, mirrored_parents, mirrored_sines = order, parents, -sines
    if tolerance > 0.0:
        mirrored, mirrored_parents = tree_order(-positions, n_atoms, tolerance)
        mirrored_sines = Placements(-positions[mirrored], n_atoms, mirrored_parents, tolerance).sines(n_atoms)
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
