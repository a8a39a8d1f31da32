"""The gradient as one vector, and the norm that limits it, after Hoogeboom et al. (ICML 2022)."""

from typing import Literal

import torch
from torch import Tensor

LENGTH = 50
"""Norms that are remembered."""

FIRST = 3000.0
"""Stands for the norms before the first step, so that it is not clipped."""


def flat(parameters: list[torch.nn.Parameter]) -> Tensor:
    """One vector that holds the gradients of all parameters, as views: summed and measured in one go.

    A parameter that a batch does not use has the gradient 0, in one process as in several.
    """
    flat = torch.cat([torch.zeros_like(p).reshape(-1) for p in parameters])
    for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
        parameter.grad = part.view_as(parameter)
    return flat


class Clip:
    """Limits the norm of gradients, without waiting for their device.

    Attributes:
        limit: largest norm; "adaptive": see `adaptive_limit`; None: there is none.
        norms: [n] float64, what "adaptive" remembers.
    """

    def __init__(self, limit: float | Literal["adaptive"] | None, device: torch.device) -> None:
        self.limit = limit
        self.norms = torch.zeros(0, dtype=torch.float64, device=device)

    def __call__(self, gradient: Tensor, norm: Tensor) -> None:
        """Scale a gradient, in place, whose norm [] is above the limit."""
        limit = self.limit
        if limit == "adaptive":
            limit = adaptive_limit(self.norms)
            self.norms = remember(self.norms, norm)
        if limit is not None:
            gradient.mul_((limit / (norm + 1e-6)).clamp(max=1.0))


def adaptive_limit(norms: Tensor) -> Tensor:
    """[]: 1.5 times the mean of the last norms plus twice their (population) standard deviation.

    Args:
        norms: [n] float64, of the steps before, at most `LENGTH` of which count; may be empty.
    """
    last = _begun(norms)[-LENGTH:]
    return 1.5 * last.mean() + 2.0 * last.std(correction=0)


def remember(norms: Tensor, norm: Tensor) -> Tensor:
    """The norms to remember after a step whose gradient had `norm`: what was above the limit counts as it."""
    return torch.cat([_begun(norms), torch.minimum(norm.double(), adaptive_limit(norms))[None]])[-LENGTH:]


def _begun(norms: Tensor) -> Tensor:
    return norms if len(norms) else norms.new_full((1,), FIRST)
