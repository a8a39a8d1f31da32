"""Beginnings of molecules: the graphs of the first 1, 2, ... atoms, packed for messages of triplets."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor

from tutti.nn.neighbours import molecule_pairs, segment_index
from tutti.nn.tensors import Tensors


@dataclass(frozen=True)
class PrefixGraph(Tensors):
    """Neighbours of B molecules with N atoms, their pairs and triplets, and these in each of their prefixes.

    A prefix holds a molecule's first atoms. What depends on a pair's or a triplet's geometry alone is the
    same in all prefixes that hold it: it is computed for the E pairs and D triplets and copied to the L edges
    and K paths, the pairs and triplets of all prefixes. Nodes are the atoms of all prefixes, prefix by
    prefix.

    A triplet k → j → i has a reference r, from which its torsion is counted: the atom of the prefix that is
    nearest to j, i excepted. The same three atoms are several triplets if r changes while the molecule grows.

    Attributes:
        positions: [N, 3], Å.
        receivers, senders: [E], rows of the atoms.
        pair, node: [L], pair of each edge and the node that receives it; edges are sorted by node.
        atom: [V], atom of each node.
        corners: [D, 4], rows of the atoms k, j, i and r.
        sent: [D], pair of k → j.
        triplet, incoming, outgoing: [K], triplet of each path, its edge k → j and its edge j → i.
        lone: [L'], edges in no path: those of prefixes in which both atoms have no other neighbour.
        isolated: [V] bool, whether the node has no edge.
    """

    positions: Tensor
    receivers: Tensor
    senders: Tensor
    pair: Tensor
    node: Tensor
    atom: Tensor
    corners: Tensor
    sent: Tensor
    triplet: Tensor
    incoming: Tensor
    outgoing: Tensor
    lone: Tensor
    isolated: Tensor

    @classmethod
    def of_molecules(cls, positions: Tensor, n_atoms: Tensor, cutoff: float, every: bool) -> Self:
        """Prefixes of 1, 2, ... n atoms of each molecule if `every`, else each whole molecule alone.

        Args:
            positions: [N, 3], Å.
            n_atoms: [B], at least 1.
            cutoff: Å.
            every: whether to take all prefixes.
        """
        ranks = rank_in_molecule(n_atoms)
        receivers, senders = molecule_pairs(positions, n_atoms, cutoff)
        edges, atom = _edges(receivers, senders, n_atoms, every)
        references = _references(positions, n_atoms, receivers, senders, edges)
        incoming, outgoing = _paths(edges, len(atom))
        # A triplet is its pair j → i, and the ranks of r and k.
        width, pairs = int(n_atoms.max()), len(receivers)
        key = (edges.pair * width + references)[outgoing] * width + ranks[senders[edges.pair]][incoming]
        used = torch.zeros(pairs * width * width, dtype=torch.bool, device=positions.device)
        used[key] = True
        triplets = torch.nonzero(used).flatten()
        own = triplets // width**2
        centre = senders[own]
        start = centre - ranks[centre]
        k, r = start + triplets % width, start + triplets // width % width
        pair_of = torch.zeros(len(positions), width, dtype=torch.long, device=positions.device)
        pair_of[receivers, ranks[senders]] = torch.arange(pairs, device=positions.device)
        lone = torch.ones(len(edges.pair), dtype=torch.bool, device=positions.device)
        lone[incoming] = lone[outgoing] = False
        return cls(
            positions=positions,
            receivers=receivers,
            senders=senders,
            pair=edges.pair,
            node=edges.node,
            atom=atom,
            corners=torch.stack([k, centre, receivers[own], r], dim=1),
            sent=pair_of[centre, ranks[k]],
            triplet=(torch.cumsum(used, 0) - 1)[key],
            incoming=incoming,
            outgoing=outgoing,
            lone=torch.nonzero(lone).flatten(),
            isolated=torch.bincount(edges.node, minlength=len(atom)) == 0,
        )


class _Edges(NamedTuple):
    """[L] each: pair, receiving and sending node, number of atoms of the prefix."""

    pair: Tensor
    node: Tensor
    sender: Tensor
    size: Tensor


def _edges(receivers: Tensor, senders: Tensor, n_atoms: Tensor, every: bool) -> tuple[_Edges, Tensor]:
    """The edges of all prefixes, sorted by receiving node, and the atoms [V] of the nodes."""
    molecule, ranks = segment_index(n_atoms), rank_in_molecule(n_atoms)
    rows = torch.arange(len(ranks), device=ranks.device)
    if not every:
        pair = torch.arange(len(receivers), device=ranks.device)
        return _Edges(pair, receivers, senders, n_atoms[molecule[receivers]]), rows
    # An atom is in all prefixes from the one that ends with it; so is a pair from its later atom on.
    later = torch.maximum(ranks[receivers], ranks[senders])
    counts = n_atoms[molecule[receivers]] - later
    pair = segment_index(counts)
    size = later[pair] + rank_in_molecule(counts) + 1
    nodes = n_atoms * (n_atoms + 1) // 2
    first_node = (torch.cumsum(nodes, 0) - nodes)[molecule[receivers[pair]]] + size * (size - 1) // 2
    node, order = torch.sort(first_node + ranks[receivers[pair]], stable=True)
    sender = (first_node + ranks[senders[pair]])[order]
    sizes = ranks + 1
    atom = torch.repeat_interleave(rows - ranks, sizes) + rank_in_molecule(sizes)
    return _Edges(pair[order], node, sender, size[order]), atom


def _references(
    positions: Tensor, n_atoms: Tensor, receivers: Tensor, senders: Tensor, edges: _Edges
) -> Tensor:
    """[L]: rank of the atom of the prefix that is nearest to the sender, except for the receiver."""
    ranks = rank_in_molecule(n_atoms)
    others = torch.arange(int(n_atoms.max()), device=positions.device)
    rows = torch.arange(len(positions), device=positions.device)
    neighbours = ((rows - ranks)[:, None] + others).clamp(max=len(rows) - 1)
    squares = (positions[neighbours] - positions[:, None]).square().sum(-1)
    squares = squares.masked_fill(others == ranks[:, None], torch.inf)
    excluded = (others >= edges.size[:, None]) | (others == ranks[receivers[edges.pair], None])
    return squares[senders[edges.pair]].masked_fill(excluded, torch.inf).argmin(1)


def _paths(edges: _Edges, n_nodes: int) -> tuple[Tensor, Tensor]:
    """Edges k → j and j → i, [K] each, of all k → j → i with k ≠ i in one prefix, sorted by the latter."""
    received = torch.bincount(edges.node, minlength=n_nodes)
    first = torch.cumsum(received, 0) - received
    counts = received[edges.sender]
    outgoing = segment_index(counts)
    incoming = first[edges.sender][outgoing] + rank_in_molecule(counts)
    there_and_on = edges.sender[incoming] != edges.node[outgoing]
    return incoming[there_and_on], outgoing[there_and_on]


def rank_in_molecule(counts: Tensor) -> Tensor:
    """[Σcounts]: 0, 1, ... within each segment."""
    starts = torch.cumsum(counts, 0) - counts
    return torch.arange(int(counts.sum()), device=counts.device) - torch.repeat_interleave(starts, counts)
