"""The gradient as one vector, and the norm that limits it, after Hoogeboom et al. (ICML 2022)."""

import numpy as np
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


def adaptive_limit(norms: list[float]) -> float:
    """1.5 times the mean of the last norms plus twice their (population) standard deviation.

    Args:
        norms: of the steps before, at most `LENGTH` of which count; may be empty.
    """
    last = norms[-LENGTH:] or [FIRST]
    return 1.5 * float(np.mean(last)) + 2.0 * float(np.std(last))


def remember(norms: list[float], norm: float) -> list[float]:
    """The norms to remember after a step whose gradient had `norm`: what was above the limit counts as it."""
    return [*(norms or [FIRST]), min(norm, adaptive_limit(norms))][-LENGTH:]
