"""Layers with weights of variance 1, divided by the root of the number of inputs, and activations to match.

The conventions of e3nn-jax (gradient normalisation `path`), in which Symphony's published weights are.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise

import torch
from torch import Tensor, nn

QUANTILES = 1_000_001
"""Points at which e3nn-jax (from version 0.17) takes the second moment of an activation."""


@lru_cache(maxsize=8)
def _second_moment(function: Callable[[Tensor], Tensor]) -> float:
    """⟨f(z)²⟩ over the quantiles k / (n + 1) of the normal distribution, k = 1 ... n."""
    levels = torch.linspace(-1.0, 1.0, QUANTILES + 2, dtype=torch.float64)[1:-1]
    return float(function(math.sqrt(2.0) * torch.erfinv(levels)).square().mean())


def normalised(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`function` divided by the root of its second moment for normal arguments."""
    return partial(_scaled, function, _second_moment(function) ** -0.5)


def _scaled(function: Callable[[Tensor], Tensor], scale: float, x: Tensor) -> Tensor:
    return scale * function(x)


class MLP(nn.Module):
    """Dense layers without biases, [..., widths[0]] → [..., widths[-1]].

    Args:
        widths: of the input, the hidden layers and the output.
        activation: a function of tensors, applied normalised.
        last: whether it follows the last layer, too.
    """

    def __init__(
        self, widths: list[int], activation: Callable[[Tensor], Tensor], *, last: bool = False
    ) -> None:
        super().__init__()
        self.weights = nn.ParameterList(torch.randn(n_in, n_out) for n_in, n_out in pairwise(widths))
        self.activation, self.activated = normalised(activation), len(self.weights) - (not last)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        for layer, weight in enumerate(self.weights):
            x = x @ weight / math.sqrt(len(weight))
            if layer < self.activated:
                x = self.activation(x)
        return x
