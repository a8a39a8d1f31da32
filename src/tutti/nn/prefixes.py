"""Beginnings of molecules: the graphs of the first 1, 2, ... atoms, packed for message passing."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from tutti.nn.neighbours import molecule_pairs, segment_index
from tutti.nn.tensors import Tensors


@dataclass(frozen=True)
class PrefixGraph(Tensors):
    """Neighbour pairs of B molecules with N atoms, and the pairs again in each of the molecules' prefixes.

    A prefix holds a molecule's first atoms. What depends on a pair's geometry alone is the same in all
    prefixes that hold it: it is computed for the E pairs and copied to the L edges, the pairs of all
    prefixes. Nodes are the atoms of all prefixes, prefix by prefix.

    Sums over triplets k → j → i run over tables with a place for every atom j, prefix t of its molecule and
    rank of the other atom, the last fastest: N·T·M places, M the largest molecule, T the most prefixes.

    Attributes:
        positions: [N, 3], Å.
        neighbours: [N, M] rows of the atoms of the same molecule by rank (its own row where there is none).
        linked: [N, M] bool, which of them are within the cutoff.
        receivers, senders: [E], rows of the atoms.
        pair: [L], pair of each edge.
        node: [L], node that receives it.
        atom: [V], atom of each node.
        to_receiver, to_sender: [L], the edge's place in the receiver's and in the sender's table.
        at_receiver, at_sender: [N·T·M], the edge at each place; L where there is none.
    """

    positions: Tensor
    neighbours: Tensor
    linked: Tensor
    receivers: Tensor
    senders: Tensor
    pair: Tensor
    node: Tensor
    atom: Tensor
    to_receiver: Tensor
    to_sender: Tensor
    at_receiver: Tensor
    at_sender: Tensor

    @classmethod
    def of_molecules(cls, positions: Tensor, n_atoms: Tensor, cutoff: float, every: bool) -> Self:
        """Prefixes of 1, 2, ... n atoms of each molecule if `every`, else each whole molecule alone.

        Args:
            positions: [N, 3], Å.
            n_atoms: [B], at least 1.
            cutoff: Å.
            every: whether to take all prefixes.
        """
        molecule, ranks = segment_index(n_atoms), rank_in_molecule(n_atoms)
        width = int(n_atoms.max())
        rows = torch.arange(len(positions), device=positions.device)
        others = torch.arange(width, device=positions.device).expand(len(rows), -1)
        neighbours = torch.where(
            others < n_atoms[molecule, None], (rows - ranks)[:, None] + others, rows[:, None]
        )
        receivers, senders = molecule_pairs(positions, n_atoms, cutoff)
        linked = torch.zeros(len(rows), width, dtype=torch.bool, device=positions.device)
        linked[receivers, ranks[senders]] = True

        if every:
            # An atom is in all prefixes from the one that ends with it; so is a pair from its later atom on.
            sizes = n_atoms[molecule]
            later = torch.maximum(ranks[receivers], ranks[senders])
            counts = sizes[receivers] - later
            pair = segment_index(counts)
            prefix = later[pair] + rank_in_molecule(counts)
            nodes_before = torch.cumsum(n_atoms * (n_atoms + 1) // 2, 0) - n_atoms * (n_atoms + 1) // 2
            first_node = nodes_before[molecule[receivers[pair]]] + prefix * (prefix + 1) // 2
            node = first_node + ranks[receivers[pair]]
            prefix_sizes = rank_in_molecule(n_atoms) + 1
            atom = torch.repeat_interleave(rows - ranks, prefix_sizes) + rank_in_molecule(prefix_sizes)
        else:
            pair = torch.arange(len(receivers), device=positions.device)
            prefix, node, atom = torch.zeros_like(pair), receivers, rows
        depth = width if every else 1
        to_receiver = (receivers[pair] * depth + prefix) * width + ranks[senders[pair]]
        to_sender = (senders[pair] * depth + prefix) * width + ranks[receivers[pair]]
        places = len(rows) * depth * width
        return cls(
            positions=positions,
            neighbours=neighbours,
            linked=linked,
            receivers=receivers,
            senders=senders,
            pair=pair,
            node=node,
            atom=atom,
            to_receiver=to_receiver,
            to_sender=to_sender,
            at_receiver=_inverse(to_receiver, places),
            at_sender=_inverse(to_sender, places),
        )


def rank_in_molecule(counts: Tensor) -> Tensor:
    """[Σcounts]: 0, 1, ... within each segment."""
    starts = torch.cumsum(counts, 0) - counts
    return torch.arange(int(counts.sum()), device=counts.device) - torch.repeat_interleave(starts, counts)


def _inverse(places: Tensor, n: int) -> Tensor:
    """[n]: which element of `places` [L] is each of 0 ... n − 1; L for none."""
    table = torch.full((n,), len(places), device=places.device)
    table[places] = torch.arange(len(places), device=places.device)
    return table
