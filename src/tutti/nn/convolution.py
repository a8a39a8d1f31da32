"""NequIP's convolution as published for Symphony, evaluated in the frame of each edge."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

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

    def __init__(self, graph: EdgeGraph, lmax_in: int, lmax_out: int, channels: int) -> None:
        self.graph, self.lmax_in, self.lmax_out, self.channels = graph, lmax_in, lmax_out, channels
        self.mmax, self.entries = min(lmax_in, lmax_out), entries(lmax_in, lmax_out)

    def blocks(self, h: Tensor) -> Iterator["_Block"]:
        """All edges in blocks whose messages have about `_BLOCK` floats."""
        size = _BLOCK.get(h.device.type, _BLOCK_OF_GPU)
        floats = self.graph.ways * (self.lmax_out + 1) ** 2 * (self.lmax_in + 1) * self.channels
        n, step = len(self.graph.distances), max(1, size // floats)
        for start in range(0, n, step):
            yield _Block(self, slice(start, min(start + step, n)), h)

    def orders(self, l: int) -> tuple[slice, slice]:
        """Orders up to `mmax` of degree `l`: among −mmax ... mmax, and among its own −l ... l."""
        m = min(l, self.mmax)
        return slice(self.mmax - m, self.mmax + m + 1), slice(l - m, l + m + 1)

    def into(self, l: int) -> list[Entry]:
        """Entries of the messages into degree `l`."""
        return [entry for entry in self.entries if entry.l3 == l]


class _Block:
    """Some lengths, their edges, and the turned features of the senders.

    `turned` is [edges, orders −mmax ... mmax, l1, channels]; rows with |m| > l1 hold nothing.
    """

    def __init__(self, work: _Work, lengths: slice, h: Tensor) -> None:
        graph = work.graph
        self.work, self.lengths = work, lengths
        edges = slice(lengths.start * graph.ways, lengths.stop * graph.ways)
        self.senders, self.receivers = graph.senders[edges], graph.receivers[edges]
        # Rows of the orders that take part.
        self.turns = [frame[edges, work.orders(l)[1]] for l, frame in enumerate(graph.frames)]
        self.turned = h.new_empty(len(self.senders), 2 * work.mmax + 1, work.lmax_in + 1, h.shape[2])
        sent = h.index_select(0, self.senders)
        for l in range(work.lmax_in + 1):
            self.turned[:, work.orders(l)[0], l] = torch.bmm(self.turns[l], sent[:, of_degree(l)])

    def both(self, values: Tensor, entry: Entry) -> Tensor:
        """View [lengths, ways, orders ±m, l1 ≥ m, channels] of values [edges, orders, l1, channels]."""
        middle, m = values.shape[1] // 2, entry.m
        rows = slice(middle - m, middle + m + 1, max(1, 2 * m))
        return values.unflatten(0, (-1, self.work.graph.ways))[:, :, rows, m:]

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
        ctx.save_for_backward(h, radial, weight)
        work = ctx.work = _Work(graph, lmax_in, lmax_out, h.shape[2])
        width = (lmax_in + 1) * h.shape[2]
        result = h.new_zeros(n_receivers, (lmax_out + 1) ** 2, width)
        ctx.weights = []
        for block in work.blocks(h):
            weights = (radial[block.lengths] @ weight.flatten(1)).unflatten(1, weight.shape[1:])
            if any(ctx.needs_input_grad):
                ctx.weights.append(weights)
            arriving = []
            for l in range(lmax_out + 1):
                # Where the order is above l1 nothing comes: these stay 0.
                messages = h.new_zeros(len(block.senders), block.turns[l].shape[1], width)
                into = block.by_source(messages)
                for entry in work.into(l):
                    own = weights[:, None, None, entry.start : entry.stop]
                    torch.mul(block.both(block.turned, entry), own, out=block.both(into, entry))
                arriving.append(torch.bmm(block.turns[l].mT, messages))
            result.index_add_(0, block.receivers, torch.cat(arriving, dim=1))
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN001
        h, radial, weight = ctx.saved_tensors
        work, flat = ctx.work, weight.flatten(1)
        to_h, to_radial, to_flat = torch.zeros_like(h), torch.empty_like(radial), torch.zeros_like(flat)
        for block, weights in zip(work.blocks(h), ctx.weights, strict=True):
            features, arrived = radial[block.lengths], grad.index_select(0, block.receivers)
            to_weights, to_turned = torch.empty_like(weights), torch.zeros_like(block.turned)
            for l in range(work.lmax_out + 1):
                into = block.by_source(torch.bmm(block.turns[l], arrived[:, of_degree(l)]))
                for entry in work.into(l):
                    own, received = slice(entry.start, entry.stop), block.both(into, entry)
                    products = received * block.both(block.turned, entry)
                    torch.sum(products, (1, 2), out=to_weights[:, own])
                    block.both(to_turned, entry).addcmul_(received, weights[:, None, None, own])
            to_flat.addmm_(features.T, to_weights.flatten(1))
            torch.mm(to_weights.flatten(1), flat.T, out=to_radial[block.lengths])
            for l in range(work.lmax_in + 1):
                back = torch.bmm(block.turns[l].mT, to_turned[:, work.orders(l)[0], l])
                to_h[:, of_degree(l)].index_add_(0, block.senders, back)
        return to_h, to_radial, to_flat.view_as(weight), None, None, None, None
