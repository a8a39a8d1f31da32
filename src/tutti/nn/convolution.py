"""NequIP's convolution as published for Symphony, evaluated in the frame of each edge."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from tutti.nn.equivariant import of_degree
from tutti.nn.graph import EdgeGraph

# Floats of messages evaluated together: what a block needs stays in the processor's cache, or fills a GPU.
_BLOCK = {"cpu": 1 << 20}
_BLOCK_OF_GPU = 1 << 26


class Entry(NamedTuple):
    """Radial weights of one order m ≥ 0 into the degree l3: those from the degrees l1 = m ... lmax_in."""

    m: int
    l3: int
    start: int
    stop: int


def entries(lmax_in: int, lmax_out: int) -> list[Entry]:
    """All entries in the order of the weights: by m, then l3, then l1."""
    found, start = [], 0
    for m in range(min(lmax_in, lmax_out) + 1):
        for l3 in range(m, lmax_out + 1):
            stop = start + lmax_in + 1 - m
            found.append(Entry(m, l3, start, stop))
            start = stop
    return found


class EdgeConvolution(nn.Module):
    """Σ_j Dᵀ w(r_ij) D h_j, D the turn that carries the edge onto the polar axis, channel by channel.

    There a linear map that commutes with the turns about the edge and with reflections multiplies the
    component m of a degree l1 by w_|m| into the component m of a degree l3, for all |m| ≤ min(l1, l3). It
    spans the tensor products with harmonics of all degrees up to l1 + l3 (Passaro and Zitnick 2023, eSCN).
    What comes from different l1 is kept apart. The weights are a linear map of radial features.

    Args:
        lmax_in, lmax_out: highest degrees of h_j and the result.
        channels: of both.
        hidden: radial features per edge.
    """

    def __init__(self, lmax_in: int, lmax_out: int, channels: int, hidden: int) -> None:
        super().__init__()
        self.lmax_in, self.lmax_out = lmax_in, lmax_out
        n_entries = entries(lmax_in, lmax_out)[-1].stop
        self.weight = nn.Parameter(torch.randn(hidden, n_entries, channels))

    def forward(self, h: Tensor, radial: Tensor, graph: EdgeGraph, n_receivers: int) -> list[Tensor]:
        """Sum the messages at their receivers.

        Args:
            h: [nodes, (lmax_in + 1)², channels].
            radial: [P, hidden], of the graph's lengths.
            graph: its `lmax` is at least max(lmax_in, lmax_out).
            n_receivers: rows of the result.

        Returns:
            For each degree l3 [n_receivers, 2 l3 + 1, (lmax_in + 1) · channels].
        """
        weight = self.weight / math.sqrt(len(self.weight))
        summed = _Convolution.apply(h, radial, weight, graph, self.lmax_in, self.lmax_out, n_receivers)
        return [summed[:, of_degree(l)] for l in range(self.lmax_out + 1)]


class _Work:
    """How the convolution goes over its edges: forwards and backwards share it."""

    def __init__(
        self, graph: EdgeGraph, lmax_in: int, lmax_out: int, channels: int, n_receivers: int
    ) -> None:
        self.lmax_in, self.lmax_out, self.channels = lmax_in, lmax_out, channels
        self.mmax, self.entries = min(lmax_in, lmax_out), entries(lmax_in, lmax_out)
        self.incoming = graph.incoming(n_receivers)
        # One edge more, which turns everything to 0, fills the places of those that an atom lacks.
        lmax = max(lmax_in, lmax_out)
        self.frames = [
            pad(frame[:, self.orders(l)[1]], (0, 0, 0, 0, 0, 1))
            for l, frame in enumerate(graph.frames[: lmax + 1])
        ]
        self.senders = pad(graph.senders, (0, 1))
        lengths = torch.arange(len(self.senders), device=self.senders.device) // graph.ways
        self.lengths = lengths.clamp_max_(len(graph.distances) - 1)

    def blocks(self, h: Tensor) -> Iterator["_Block"]:
        """All receivers of edges in blocks whose messages have about `_BLOCK` floats."""
        size = _BLOCK.get(h.device.type, _BLOCK_OF_GPU)
        floats = (self.lmax_out + 1) ** 2 * (self.lmax_in + 1) * self.channels
        counts = [count for count in self.incoming.counts if count]
        start = 0
        while start < len(counts):
            stop = min(start + max(1, size // (floats * counts[start])), len(counts))
            yield _Block(self, slice(start, stop), counts[start], h)
            start = stop

    def orders(self, l: int) -> tuple[slice, slice]:
        """Orders up to `mmax` of degree `l`: among −mmax ... mmax, and among its own −l ... l."""
        m = min(l, self.mmax)
        return slice(self.mmax - m, self.mmax + m + 1), slice(l - m, l + m + 1)

    def into(self, l: int) -> list[Entry]:
        """Entries of the messages into degree `l`."""
        return [entry for entry in self.entries if entry.l3 == l]


class _Block:
    """Some receivers, the same number of edges of each, and the turned features of the edges' senders.

    `turned` is [edges, orders −mmax ... mmax, l1, channels]; rows with |m| > l1 hold nothing.
    """

    def __init__(self, work: _Work, rows: slice, n: int, h: Tensor) -> None:
        self.work, self.receivers = work, work.incoming.order[rows]
        edges = work.incoming.edges[rows, :n].flatten()
        self.senders, self.lengths = work.senders[edges], work.lengths[edges]
        # Rows of the orders that take part.
        self.turns = [frame.index_select(0, edges) for frame in work.frames]
        self.turned = h.new_empty(len(edges), 2 * work.mmax + 1, work.lmax_in + 1, h.shape[2])
        sent = h.index_select(0, self.senders)
        for l in range(work.lmax_in + 1):
            self.turned[:, work.orders(l)[0], l] = torch.bmm(self.turns[l], sent[:, of_degree(l)])

    def of_receivers(self, values: Tensor) -> Tensor:
        """View [receivers, edges of each · orders, ...] of values [edges, orders, ...]."""
        return values.view(len(self.receivers), -1, *values.shape[2:])

    def signs(self, values: Tensor, entry: Entry) -> list[Tensor]:
        """Views [edges, l1 ≥ m, channels] of values [edges, orders, l1, channels]: of m and −m, or of 0."""
        middle, m = values.shape[1] // 2, entry.m
        return [values[:, middle + row, m:] for row in dict.fromkeys((m, -m))]

    def by_source(self, messages: Tensor) -> Tensor:
        """View [edges, orders, l1, channels] of messages [edges, orders, (lmax_in + 1) · channels]."""
        return messages.unflatten(2, (-1, self.work.channels))


class _Convolution(torch.autograd.Function):
    """The sum over edges; keeps the weights for its gradient, but nothing of the size of the messages."""

    @staticmethod
    def forward(  # noqa: ANN205
        ctx,  # noqa: ANN001
        h: Tensor,
        radial: Tensor,
        weight: Tensor,
        graph: EdgeGraph,
        lmax_in: int,
        lmax_out: int,
        n_receivers: int,
    ):
        work = ctx.work = _Work(graph, lmax_in, lmax_out, h.shape[2], n_receivers)
        weights = (radial @ weight.flatten(1)).unflatten(1, weight.shape[1:])
        ctx.save_for_backward(h, radial, weight, weights)
        width = (lmax_in + 1) * h.shape[2]
        result = h.new_zeros(n_receivers, (lmax_out + 1) ** 2, width)
        # Where the order is above l1 nothing comes: these places stay 0 in all blocks.
        messages: dict[int, Tensor] = {}
        for block in work.blocks(h):
            own, arriving = weights.index_select(0, block.lengths), []
            for l in range(lmax_out + 1):
                shape = (len(block.senders), block.turns[l].shape[1], width)
                if l not in messages or len(messages[l]) < shape[0]:
                    messages[l] = h.new_zeros(shape)
                sent = messages[l][: shape[0]]
                for entry in work.into(l):
                    factor = own[:, entry.start : entry.stop]
                    into = block.signs(block.by_source(sent), entry)
                    for turned, place in zip(block.signs(block.turned, entry), into, strict=True):
                        torch.mul(turned, factor, out=place)
                back = block.of_receivers(block.turns[l]).mT
                arriving.append(torch.bmm(back, block.of_receivers(sent)))
            result.index_copy_(0, block.receivers, torch.cat(arriving, dim=1))
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN001
        h, radial, weight, weights = ctx.saved_tensors
        work = ctx.work
        to_h, to_weights = torch.zeros_like(h), torch.zeros_like(weights)
        for block in work.blocks(h):
            own, arrived = weights.index_select(0, block.lengths), grad.index_select(0, block.receivers)
            to_own, to_turned = torch.empty_like(own), torch.zeros_like(block.turned)
            for l in range(work.lmax_out + 1):
                turns = block.of_receivers(block.turns[l])
                into = torch.bmm(turns, arrived[:, of_degree(l)]).view(len(own), -1, grad.shape[2])
                for entry in work.into(l):
                    entries = slice(entry.start, entry.stop)
                    received = block.signs(block.by_source(into), entry)
                    first, *second = zip(received, block.signs(block.turned, entry), strict=True)
                    torch.mul(*first, out=to_own[:, entries])
                    for pair in second:
                        to_own[:, entries].addcmul_(*pair)
                    for part, place in zip(received, block.signs(to_turned, entry), strict=True):
                        place.addcmul_(part, own[:, entries])
            to_weights.index_add_(0, block.lengths, to_own)
            for l in range(work.lmax_in + 1):
                back = torch.bmm(block.turns[l].mT, to_turned[:, work.orders(l)[0], l])
                to_h[:, of_degree(l)].index_add_(0, block.senders, back)
        flat = to_weights.flatten(1)
        return to_h, flat @ weight.flatten(1).T, (radial.T @ flat).view_as(weight), None, None, None, None
