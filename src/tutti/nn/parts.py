"""Losses that are sums over parts of a batch, with the gradient of one part at a time in memory."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _SumOverParts(torch.autograd.Function):
    @staticmethod
    def forward(ctx, evaluate: Callable, parts: Sequence, start: Tensor, *parameters: Tensor) -> Any:  # noqa: ANN001
        gradients = [torch.zeros_like(parameter) for parameter in parameters]
        total = start
        for part in parts:
            with torch.enable_grad():
                value = evaluate(part)
                found = torch.autograd.grad(value.sum(), parameters, allow_unused=True)
            for gradient, own in zip(gradients, found, strict=True):
                if own is not None:
                    gradient.add_(own)
            total = total + value.detach()
        ctx.save_for_backward(*gradients)
        ctx.mark_non_differentiable(total)
        return total.sum(), total

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN001
        return None, None, None, *(grad * gradient for gradient in ctx.saved_tensors)


def sum_over_parts(
    evaluate: Callable[[Any], Tensor], parts: Sequence[Any], n: int, parameters: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """(Σ of all values [], Σ of `evaluate(part)` [n]) over `parts`, as if they were evaluated in one go.

    The gradient with respect to the parameters, of the first only, is taken with each part, so that no more
    than one part's intermediate results are in memory, or in a CPU's cache.

    Args:
        evaluate: gives [n] values of a part.
        parts: the parts; none make zeros.
        n: number of values.
        parameters: all that the values depend on and that has a gradient.
    """
    start = parameters[0].new_zeros(n)
    if torch.is_grad_enabled():
        return _SumOverParts.apply(evaluate, parts, start, *parameters)
    total = sum((evaluate(part) for part in parts), start=start)
    return total.sum(), total
