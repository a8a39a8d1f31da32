"""Dense layers by the faster of the two libraries that PyTorch's CPU build brings for products of matrices.

PyTorch takes those of float32 from MKL, which leaves half the width of an AMD processor's registers unused;
oneDNN, which it brings for convolutions, does not. Both round as float32 does.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu

# The operation is PyTorch's own compiler's, which no release promises to keep.
_AVAILABLE = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
_LEAST = 1 << 25
"""Multiplications from which on oneDNN is asked: it makes code for each new shape, which takes half a ms."""


class _Product(torch.autograd.Function):
    """x Wᵀ + b by oneDNN; its gradients are such products too, so that it can be differentiated again."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: ANN001
        ctx.save_for_backward(x, weight)
        # What PyTorch's own compiler turns a linear layer on a CPU into.
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN001
        x, weight = ctx.saved_tensors
        grad = _plain(grad)
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            dense(grad, weight.t()) if of_x else None,
            _of_weight(grad, x) if of_weight else None,
            grad.sum(0) if of_bias else None,
        )


def silu_dense(layer: nn.Linear, x: Tensor) -> Tensor:
    """SiLU of a layer's output, [N, n_in] → [N, n_out]; in one pass where there is no gradient to take."""
    if not torch.is_grad_enabled() and _by_onednn(x, layer.weight):
        x, weight = _plain(x), _plain(layer.weight)
        return torch.ops.mkldnn._linear_pointwise(x, weight, layer.bias, "swish", [], "")
    return silu(layer(x))


def _of_weight(grad: Tensor, x: Tensor) -> Tensor:
    # The first factor is copied: the narrower one.
    return dense(x.t(), grad.t()).t() if x.shape[1] < grad.shape[1] else dense(grad.t(), x.t())


def _plain(x: Tensor) -> Tensor:
    """`x`, or a copy where it is neither contiguous nor the transpose of what is."""
    return x if x.is_contiguous() or x.t().is_contiguous() else x.contiguous()


def dense(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.linear`: [N, n_in], [n_out, n_in], [n_out] → [N, n_out], to rounding."""
    if _by_onednn(x, weight):
        # For other strides oneDNN has code that takes a hundred times as long.
        return _Product.apply(_plain(x), _plain(weight), bias)
    return linear(x, weight, bias)


def _by_onednn(x: Tensor, weight: Tensor) -> bool:
    return (
        x.dim() == 2
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and len(x) * weight.numel() >= _LEAST
        and _AVAILABLE
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


class Dense(nn.Linear):
    """`torch.nn.Linear`, by `dense`."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, n_in] → [N, n_out]."""
        return dense(x, self.weight, self.bias)
