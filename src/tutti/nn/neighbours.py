"""Neighbour pairs of molecules packed one after another."""

import torch
from torch import Tensor


def segment_index(counts: Tensor) -> Tensor:
    """[Σcounts]: the number of the segment that each row belongs to."""
    return torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)


def molecule_pairs(positions: Tensor, n_atoms: Tensor, cutoff: float) -> tuple[Tensor, Tensor]:
    """All ordered pairs i ≠ j of atoms of the same molecule that are closer than `cutoff`.

    Args:
        positions: [ΣN, 3], Å.
        n_atoms: [B], atoms per molecule.
        cutoff: Å.

    Returns:
        (receivers [E], senders [E]) as rows of `positions`, sorted by receiver.
    """
    offsets = torch.cumsum(n_atoms, 0) - n_atoms
    per_atom = torch.repeat_interleave(n_atoms, n_atoms)
    receivers = segment_index(per_atom)
    first_pair = torch.cumsum(per_atom, 0) - per_atom
    senders = (
        torch.arange(len(receivers), device=positions.device)
        - first_pair[receivers]
        + torch.repeat_interleave(offsets, n_atoms)[receivers]
    )
    near = (positions[receivers] - positions[senders]).square().sum(-1) < cutoff**2
    near &= receivers != senders
    return receivers[near], senders[near]
