"""The convolution of NequIP for features of both parities: tensor products summed over neighbours.

Reverse differentiation by formulas, twice, recomputes the messages: nothing of the size [edges, paths,
components, channels] is kept, and blocks of pairs are small enough for the processor's cache.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tutti.nn.pairs import PairGraph
from tutti.nn.tensor_product import Block, Product

# Floats of messages evaluated together: what a block needs stays in the processor's cache, or fills a GPU.
_BLOCK = {"cpu": 1 << 18}
_BLOCK_OF_GPU = 1 << 26

# Multiplications per matrix below which torch's batched product on the CPU does not use a library.
_TINY = 400


class Edges:
    """Both messages of each pair, next to each other: rows of senders and receivers [2P]."""

    def __init__(self, graph: PairGraph) -> None:
        self.receivers = torch.stack([graph.first, graph.second], dim=1).flatten()
        self.senders = torch.stack([graph.second, graph.first], dim=1).flatten()


def convolve(product: Product, edges: Edges, x: Tensor, weights: Tensor, couplings: list[Tensor]) -> Tensor:
    """Σ_j w_path(r_ij) · (x_j ⊗ Y(r̂_ij))_path, channel by channel; differentiable twice.

    Args:
        product: the paths.
        edges: of P pairs.
        x: [N, components of the product's sources, C].
        weights: [P, product.n_paths · C], of each pair, the same for both directions.
        couplings: matrices that `couple` made for `product.couplings`.

    Returns:
        [N, components, C]; see `Product.rows`.
    """
    return _Convolution.apply(product, edges, x, weights, *couplings)


class _Part(NamedTuple):
    """What a block of pairs needs."""

    edges: slice
    pairs: slice
    senders: Tensor
    receivers: Tensor


def _parts(product: Product, edges: Edges, channels: int) -> list[_Part]:
    """Blocks of pairs whose messages have about `_BLOCK` floats."""
    device = edges.senders.device.type
    floats = 2 * channels * max(result.stop for result in product.rows.values())
    n_pairs = len(edges.senders) // 2
    n = max(1, math.ceil(n_pairs * floats / _BLOCK.get(device, _BLOCK_OF_GPU)))
    step = max(1, math.ceil(n_pairs / n))
    parts = []
    for start in range(0, n_pairs, step):
        both = slice(2 * start, 2 * min(start + step, n_pairs))
        pairs = slice(start, min(start + step, n_pairs))
        parts.append(_Part(both, pairs, edges.senders[both], edges.receivers[both]))
    return parts


def _in_products(values: Tensor, block: Block) -> Tensor:
    """A block's view [p, 2, 2 l3 + 1, n · C] of a group's products, contiguous [2p, rows, C]."""
    edges, rows, channels = values.shape
    step, width = rows * channels, block.n * channels
    shape, strides = (edges // 2, 2, block.size, width), (2 * step, step, width, 1)
    return values.as_strided(shape, strides, block.row * channels)


def _in_messages(values: Tensor, block: Block) -> Tensor:
    """A block's view [p, 2, 2 l3 + 1, n · C] of messages, contiguous [2p, rows, C]."""
    edges, rows, channels = values.shape
    step, shape = rows * channels, (edges // 2, 2, block.size, block.n * channels)
    return values.as_strided(shape, (2 * step, step, block.width * channels, 1), block.out * channels)


def _of_weights(values: Tensor, block: Block, channels: int) -> Tensor:
    """A block's view [p, 1, 1, n · C] of the weights [p, paths · C]."""
    return values[:, None, None, block.weight * channels : (block.weight + block.n) * channels]


def _apply(matrices: Tensor, x: Tensor) -> Tensor:
    """Batched matrix product; below `_TINY` torch's is slower than a sum of outer products."""
    _, rows, n = matrices.shape
    if n > 1 and rows * n * x.shape[2] >= _TINY:
        return torch.bmm(matrices, x)
    # Contiguous whatever the strides of `matrices`: views are made of it.
    result = x.new_empty(len(x), rows, x.shape[2])
    torch.mul(matrices[:, :, :1], x[:, :1], out=result)
    for k in range(1, n):
        result.addcmul_(matrices[:, :, k : k + 1], x[:, k : k + 1])
    return result


class _Convolution(torch.autograd.Function):
    """`convolve`; keeps nothing of the size of the messages."""

    @staticmethod
    def forward(  # noqa: ANN205
        ctx,  # noqa: ANN001
        product: Product,
        edges: Edges,
        x: Tensor,
        weights: Tensor,
        *couplings: Tensor,
    ):
        ctx.product, ctx.edges = product, edges
        ctx.save_for_backward(x, weights, *couplings)
        channels, rows = x.shape[2], max(result.stop for result in product.rows.values())
        result = x.new_zeros(len(x), rows, channels)
        for part in _parts(product, edges, channels):
            sent, own = x.index_select(0, part.senders), weights[part.pairs]
            messages = x.new_empty(len(sent), rows, channels)
            for group in product.groups:
                products = _apply(couplings[group.coupling][part.edges], sent[:, group.source])
                for block in group.blocks:
                    factor = _of_weights(own, block, channels)
                    torch.mul(_in_products(products, block), factor, out=_in_messages(messages, block))
            result.index_add_(0, part.receivers, messages)
        return result

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN001
        x, weights, *couplings = ctx.saved_tensors
        grads = _Gradient.apply(ctx.product, ctx.edges, ctx.needs_input_grad[2], grad, x, weights, *couplings)
        return None, None, *grads


class _Gradient(torch.autograd.Function):
    """Gradients of Σ grad · `convolve`(x, weights, couplings) for x, weights and couplings.

    That sum Φ is linear in each of its four arguments, so the derivatives of its gradients along a direction
    are sums of Φ's gradients with one argument replaced by its direction ("along").
    """

    @staticmethod
    def forward(  # noqa: ANN205
        ctx,  # noqa: ANN001
        product: Product,
        edges: Edges,
        needs_x: bool,
        grad: Tensor,
        x: Tensor,
        weights: Tensor,
        *couplings: Tensor,
    ):
        ctx.product, ctx.edges = product, edges
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(grad, x, weights, *couplings)
        channels = x.shape[2]
        to_x = torch.zeros_like(x) if needs_x else None
        to_weights = torch.empty_like(weights)
        to_couplings = [torch.zeros(c.shape, dtype=c.dtype, device=c.device) for c in couplings]
        for part in _parts(product, edges, channels):
            sent, own = x.index_select(0, part.senders), weights[part.pairs]
            received = grad.index_select(0, part.receivers)
            to_sent = torch.zeros_like(sent)
            for group in product.groups:
                matrices, source = couplings[group.coupling][part.edges], sent[:, group.source]
                products = _apply(matrices, source)
                weighted = torch.empty_like(products)
                for block in group.blocks:
                    arrived, rows = _in_messages(received, block), _in_products(products, block)
                    torch.mul(arrived, _of_weights(own, block, channels), out=_in_products(weighted, block))
                    _of_weights(to_weights[part.pairs], block, channels).copy_(
                        (arrived * rows).sum((1, 2), keepdim=True)
                    )
                to_couplings[group.coupling][part.edges] += torch.bmm(weighted, source.mT)
                if needs_x:
                    to_sent[:, group.source] += _apply(matrices.mT, weighted)
            if needs_x:
                to_x.index_add_(0, part.senders, to_sent)
        return to_x, to_weights, *to_couplings

    @staticmethod
    @once_differentiable
    def backward(ctx, *tangents: Tensor | None) -> tuple[Tensor | None, ...]:  # noqa: ANN001
        grad, x, weights, *couplings = ctx.saved_tensors
        along_x = tangents[0]
        along_weights = torch.zeros_like(weights) if tangents[1] is None else tangents[1]
        along_couplings = [
            torch.zeros_like(c) if along is None else along
            for c, along in zip(couplings, tangents[2:], strict=True)
        ]
        channels = x.shape[2]
        to_grad, to_x, to_weights = torch.zeros_like(grad), torch.zeros_like(x), torch.empty_like(weights)
        to_couplings = [torch.zeros(c.shape, dtype=c.dtype, device=c.device) for c in couplings]
        for part in _parts(ctx.product, ctx.edges, channels):
            sent, own = x.index_select(0, part.senders), weights[part.pairs]
            along_sent = None if along_x is None else along_x.index_select(0, part.senders)
            along_own, to_own = along_weights[part.pairs], to_weights[part.pairs]
            received = grad.index_select(0, part.receivers)
            messages, to_sent = torch.empty_like(received), torch.zeros_like(sent)
            for group in ctx.product.groups:
                matrices, source = couplings[group.coupling][part.edges], sent[:, group.source]
                along_matrices = along_couplings[group.coupling][part.edges]
                products, along = _apply(matrices, source), _apply(along_matrices, source)
                if along_sent is not None:
                    along = along + _apply(matrices, along_sent[:, group.source])
                weighted, along_weighted = torch.empty_like(products), torch.empty_like(products)
                for block in group.blocks:
                    arrived, rows = _in_messages(received, block), _in_products(along, block)
                    factor = _of_weights(own, block, channels)
                    along_factor = _of_weights(along_own, block, channels)
                    torch.mul(arrived, factor, out=_in_products(weighted, block))
                    torch.mul(arrived, along_factor, out=_in_products(along_weighted, block))
                    message = torch.mul(rows, factor, out=_in_messages(messages, block))
                    message.addcmul_(_in_products(products, block), along_factor)
                    _of_weights(to_own, block, channels).copy_((arrived * rows).sum((1, 2), keepdim=True))
                to_matrices = torch.bmm(along_weighted, source.mT)
                if along_sent is not None:
                    to_matrices.baddbmm_(weighted, along_sent[:, group.source].mT)
                to_couplings[group.coupling][part.edges] += to_matrices
                to_source = _apply(matrices.mT, along_weighted)
                to_sent[:, group.source] += to_source.add_(_apply(along_matrices.mT, weighted))
            to_grad.index_add_(0, part.receivers, messages)
            to_x.index_add_(0, part.senders, to_sent)
        return None, None, None, to_grad, to_x, to_weights, *to_couplings
