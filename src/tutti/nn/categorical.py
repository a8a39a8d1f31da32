"""Draws from categorical distributions that one broken row cannot stop."""

import torch
from torch import Tensor


def draw(probabilities: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One category per row.

    Args:
        probabilities: [B, K], not negative; rows need not sum to 1.
        generator: on their device.

    Returns:
        (category [B], known [B] bool): rows with a number that is not finite, or without any mass, are no
        distributions; they are not known, and their category is any.
    """
    total = probabilities.sum(-1)
    known = torch.isfinite(total) & (total > 0)
    safe = torch.where(known[:, None], probabilities, 1.0)
    return torch.multinomial(safe, 1, generator=generator).flatten(), known
