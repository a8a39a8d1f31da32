"""The equivariant convolution of NequIP and E3SchNet, evaluated in the frame of each edge."""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn

from tutti.nn.equivariant import dimension
from tutti.nn.graph import EdgeGraph
from tutti.nn.so3 import wigner_3j

# Radial weights evaluated together without gradients, as floats.
_BLOCK = 1 << 20


def _paths(lmax_in: int, lmax_edge: int, lmax_out: int) -> list[tuple[int, int, int]]:
    """All (l1, l2, l3) that the triangle rule allows, with l1 + l2 + l3 even (natural parity)."""
    return [
        (l1, l2, l3)
        for l3 in range(lmax_out + 1)
        for l1 in range(lmax_in + 1)
        for l2 in range(abs(l1 - l3), min(l1 + l3, lmax_edge) + 1, 2)
    ]


def _entries(lmax_in: int, lmax_out: int) -> list[tuple[int, int, int]]:
    """All (m, l3, l1) with m ≥ 0 up to both degrees, in this order."""
    return [
        (m, l3, l1)
        for m in range(min(lmax_in, lmax_out) + 1)
        for l3 in range(m, lmax_out + 1)
        for l1 in range(m, lmax_in + 1)
    ]


@lru_cache(maxsize=64)
def _couplings(
    lmax_in: int, lmax_edge: int, lmax_out: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Matrix [paths, entries] between weights of `_paths` and weights in the frame of an edge.

    With the edge along the polar axis Y_l2 has only its m = 0 component, and for l1 + l2 + l3 even it couples
    component m of l1 with component m of l3 alone, equally for ±m. The normalisation is e3nn's `component`.
    """
    paths, entries = _paths(lmax_in, lmax_edge, lmax_out), _entries(lmax_in, lmax_out)
    into = [sum(path[2] == l3 for path in paths) for l3 in range(lmax_out + 1)]
    matrix = torch.zeros(len(paths), len(entries), dtype=torch.float64)
    for row, (l1, l2, l3) in enumerate(paths):
        symbols = wigner_3j(l1, l2, l3)[:, l2]
        scale = math.sqrt((2 * l2 + 1) * (2 * l3 + 1) / into[l3])
        for m in range(min(l1, l3) + 1):
            matrix[row, entries.index((m, l3, l1))] = scale * symbols[l1 + m, l3 + m]
    return matrix.to(device, dtype)


class EdgeConvolution(nn.Module):
    """Σ_j Σ_paths w_path(r_ij) · (h_j,l1 ⊗ Y_l2(r̂_ij))_l3, channel by channel, in the frame of each edge.

    The tensor product of e3nn (`uvu`, `component` normalisation), evaluated with the edge turned onto the
    polar axis, where it is diagonal in m (the idea of eSCN, Passaro and Zitnick 2023). The radial weights
    are a linear map of `hidden` radial features; that map and the couplings are multiplied once per call.

    Args:
        lmax_in, lmax_edge, lmax_out: highest degrees of h_j, Y and the result.
        channels: of h and the result.
        hidden: radial features per edge.
        bias: whether the linear map to the radial weights has a bias (it is multiplied by `envelope`).
    """

    def __init__(
        self, lmax_in: int, lmax_edge: int, lmax_out: int, channels: int, hidden: int, bias: bool
    ) -> None:
        super().__init__()
        self.lmax_in, self.lmax_edge, self.lmax_out = lmax_in, lmax_edge, lmax_out
        paths = _paths(lmax_in, lmax_edge, lmax_out)
        orders = [m for m, _, _ in _entries(lmax_in, lmax_out)]
        self.entries = [orders.count(m) for m in range(min(lmax_in, lmax_out) + 1)]
        self.weight = nn.Parameter(torch.randn(hidden, len(paths), channels) / math.sqrt(hidden))
        self.bias = nn.Parameter(torch.zeros(len(paths), channels)) if bias else None

    def forward(
        self,
        h: Tensor,
        radial: Tensor,
        envelope: Tensor,
        graph: EdgeGraph,
        n_receivers: int,
    ) -> Tensor:
        """Sum the messages at their receivers.

        Args:
            h: [nodes, (lmax_in + 1)², channels].
            radial: [E, hidden], already multiplied by the envelope.
            envelope: [E].
            graph: E edges; its frames are of degree at least max(lmax_in, lmax_out).
            n_receivers: rows of the result.

        Returns:
            [n_receivers, (lmax_out + 1)², channels].
        """
        couplings = _couplings(
            self.lmax_in, self.lmax_edge, self.lmax_out, self.weight.dtype, self.weight.device
        )
        folded = torch.einsum("hpc,pk->hkc", self.weight, couplings)
        bias = None if self.bias is None else torch.einsum("pc,pk->kc", self.bias, couplings)
        result = h.new_zeros(n_receivers, dimension(self.lmax_out), h.shape[-1])
        # Without gradients nothing of a block is kept, and blocks that fit into the cache are faster.
        step = len(radial) if torch.is_grad_enabled() else max(1, _BLOCK // folded[0].numel())
        for start in range(0, len(radial), step or 1):
            block = slice(start, start + step)
            weights = (radial[block] @ folded.flatten(1)).unflatten(1, folded.shape[1:])
            if bias is not None:
                weights = weights + envelope[block, None, None] * bias
            turned = graph.frames(self.lmax_in)[block] @ h.index_select(0, graph.senders[block])
            messages = graph.frames(self.lmax_out)[block].mT @ self._couple(weights, turned)
            result = result.index_add(0, graph.receivers[block], messages)
        return result

    def _couple(self, weights: Tensor, turned: Tensor) -> Tensor:
        """Messages [E, d_out, channels] in the edges' frames, by order: diagonal in m, dense in (l3, l1)."""
        lmax_in, lmax_out = self.lmax_in, self.lmax_out
        sources = turned.split([(lmax_in + 1 - m) * (2 if m else 1) for m in range(lmax_in + 1)], dim=1)
        messages = []
        for m, block in enumerate(weights.split(self.entries, dim=1)):
            block = block.unflatten(1, (1, lmax_out + 1 - m, lmax_in + 1 - m))
            source = sources[m].unflatten(1, (-1, 1, lmax_in + 1 - m))
            messages.append((block * source).sum(3).flatten(1, 2))
        # Orders that only the result has receive nothing.
        missing = dimension(lmax_out) - sum(message.shape[1] for message in messages)
        if missing:
            messages.append(turned.new_zeros(len(turned), missing, turned.shape[-1]))
        return torch.cat(messages, dim=1)
