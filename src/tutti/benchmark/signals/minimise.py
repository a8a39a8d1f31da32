"""Many small minimisations at once: L-BFGS with a step length for each."""

from collections.abc import Callable

import torch
from torch import Tensor

# Pairs of steps and gradient differences that are kept (Nocedal & Wright, Numerical Optimization, 2006,
# section 7.2), and the line search (section 3.1): share of the promised decrease, shrinkage, most trials.
MEMORY = 20
DECREASE, SHRINKAGE, TRIALS = 1e-4, 0.25, 12

Objective = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From points [R, n] and the numbers [R] of their problems to values [R] and gradients [R, n]."""


def minimise(objective: Objective, start: Tensor, iterations: int, told: Callable[[], None]) -> Tensor:
    """Minimise N independent functions of n variables, none of which knows of the others.

    A function is left alone when no step along its direction lowers it any more: it is at a minimum, as far
    as its rounding tells.

    Args:
        objective: values and gradients.
        start: [N, n].
        iterations: most steps of each.
        told: called after every iteration, also those that are not needed any more.

    Returns:
        [N, n], with values that are not above those at the start.
    """
    found = start.clone()
    rows = torch.arange(len(start), device=start.device)
    x = start
    value, gradient = objective(x, rows)
    pairs: list[tuple[Tensor, Tensor, Tensor]] = []
    for _ in range(iterations):
        if len(rows):
            step = _line_search(objective, rows, x, value, gradient, _direction(gradient, pairs))
            moved = (step[0] != x).any(-1)
            pairs = [*pairs, _pair(step[0] - x, step[2] - gradient)][-MEMORY:]
            x, value, gradient = step
            found[rows] = x
            if not moved.all():
                rows, x, value, gradient = (each[moved] for each in (rows, x, value, gradient))
                pairs = [tuple(each[moved] for each in pair) for pair in pairs]
        told()
    return found


def _pair(step: Tensor, change: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Step [R, n], change of the gradient [R, n], 1 / their product [R, 1] (0 where it is not positive)."""
    product = (step * change).sum(-1, keepdim=True)
    usable = product > 1e-10 * change.square().sum(-1, keepdim=True)
    return step, change, torch.where(usable, 1.0 / product, 0.0)


def _direction(gradient: Tensor, pairs: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Quasi-Newton direction [R, n], uphill; the gradient, of length 1, where there is no curvature yet."""
    direction, weights = gradient, []
    scale = 1.0 / gradient.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(gradient.dtype).tiny)
    for step, change, inverse in reversed(pairs):
        weights.append(inverse * (step * direction).sum(-1, keepdim=True))
        direction = direction - weights[-1] * change
    for _, change, inverse in pairs:  # the newest usable pair sets the scale
        curvature = 1.0 / (inverse * change.square().sum(-1, keepdim=True))
        scale = torch.where(inverse > 0, curvature, scale)
    direction = scale * direction
    for (step, change, inverse), weight in zip(pairs, reversed(weights), strict=True):
        direction = direction + (weight - inverse * (change * direction).sum(-1, keepdim=True)) * step
    return direction


def _line_search(
    objective: Objective, rows: Tensor, x: Tensor, value: Tensor, gradient: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Points, values and gradients after a step against `direction`; the old ones where none is lower."""
    x, value, gradient = x.clone(), value.clone(), gradient.clone()
    promised = DECREASE * (gradient * direction).sum(-1)
    waiting = torch.arange(len(x), device=x.device)
    length = 1.0
    for _ in range(TRIALS):
        trial = x[waiting] - length * direction[waiting]
        trial_value, trial_gradient = objective(trial, rows[waiting])
        lower = trial_value <= value[waiting] - length * promised[waiting]
        lower &= trial_value < value[waiting]
        taken = waiting[lower]
        x[taken], value[taken], gradient[taken] = trial[lower], trial_value[lower], trial_gradient[lower]
        waiting = waiting[~lower]
        length *= SHRINKAGE
        if not len(waiting):
            break
    return x, value, gradient
