"""Linear maps, on a CPU by oneDNN: on processors of AMD twice as fast as the BLAS that PyTorch brings (MKL).

PyTorch itself takes oneDNN for convolutions, and for products in half precision, but not in single precision.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional

_AVAILABLE = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")

_SMALL = 16
"""Least number of rows and columns: below it a call costs more than the product."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [N, I], weight [O, I], bias [O] → x weightᵀ + bias, [N, O], differentiable once.

    As `torch.nn.functional.linear`, to rounding; where oneDNN gains nothing (on another device, in another
    precision, for small matrices), it is that. A weight that is a part of another matrix is copied.
    """
    if (
        not _AVAILABLE
        or x.device.type != "cpu"
        or x.dtype != torch.float32
        or torch.is_autocast_enabled("cpu")
        or min(len(x), *weight.shape) < _SMALL
    ):
        return functional.linear(x, weight, bias)
    weight = weight.contiguous()  # oneDNN has no kernel for other strides: a hundred times slower
    if torch.is_grad_enabled():
        return _Linear.apply(x, weight, bias)
    return _product(x, weight, bias)


class Linear(nn.Linear):
    """A layer that is `linear`, with the parameters of PyTorch's own."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, I] → [N, O]."""
        return linear(x, self.weight, self.bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            _product(gradient, weight.t()) if of_x else None,
            _product(gradient.t(), x.t()) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
