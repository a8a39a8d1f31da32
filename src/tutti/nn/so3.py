"""e3nn's functions of SO(3), loaded when one is first called.

Importing e3nn takes as long as importing torch, and most models and simulations need none of it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def wigner_3j(l1: int, l2: int, l3: int) -> Tensor:
    """[2 l1 + 1, 2 l2 + 1, 2 l3 + 1] float64: e3nn's Wigner 3j symbols for real spherical harmonics."""
    from e3nn import o3

    return o3.wigner_3j(l1, l2, l3, dtype=torch.float64)


def spherical_harmonics(degrees: int | Sequence[int], vectors: Tensor, normalization: str) -> Tensor:
    """[..., components] of the directions of `vectors` [..., 3], in e3nn's order and normalisations."""
    from e3nn import o3

    return o3.spherical_harmonics(degrees, vectors, normalize=True, normalization=normalization)
