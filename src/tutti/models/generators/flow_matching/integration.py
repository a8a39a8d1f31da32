"""Explicit integrators of dz/dt = v(z, t), none of which needs v at the end of a step; the steps' times."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]
Times = TypeVar("Times", float, np.ndarray)

EVALUATIONS = {"euler": 1, "midpoint": 2, "renewal": 1}
"""Calls of the network in a step of each sampler."""


def euler(velocity: Velocity, z: Tensor, t: float, dt: float) -> Tensor:
    """z at t + dt, by a step of first order."""
    return z + dt * velocity(z, t)


def midpoint(velocity: Velocity, z: Tensor, t: float, dt: float) -> Tensor:
    """z at t + dt, by a step of second order."""
    return z + dt * velocity(z + 0.5 * dt * velocity(z, t), t + 0.5 * dt)


def shifted(u: Times, shift: float) -> Times:
    """Times t of 0 ... 1 from u of 0 ... 1, with odds t / (1 − t) that are `shift` times those of u.

    As Esser et al. 2024 (arXiv:2403.03206, section 5.3.2) shift the times of larger images.
    """
    return shift * u / (1.0 + (shift - 1.0) * u)
