"""Random streams derived from (seed, purpose, index...): no global state, nothing to save for a resume."""

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # importing torch takes a second, which most users of this module need not wait
    import torch


def _sequence(seed: int, purpose: str, index: tuple[int, ...]) -> np.random.SeedSequence:
    # SeedSequence pads a list of words with zeros, so that [s, p] and [s, p, 0] would be one stream; a hash
    # of an unambiguous text keeps all (seed, purpose, index...) apart.
    text = json.dumps([int(seed), purpose, *map(int, index)])
    return np.random.SeedSequence(int.from_bytes(hashlib.sha256(text.encode()).digest(), "little"))


def numpy_generator(seed: int, purpose: str, *index: int) -> np.random.Generator:
    """NumPy generator of the stream (seed, purpose, index...), independent of all other streams."""
    return np.random.default_rng(_sequence(seed, purpose, index))


def torch_generator(
    seed: int, purpose: str, *index: int, device: "str | torch.device" = "cpu"
) -> "torch.Generator":
    """Torch generator on `device` of the stream (seed, purpose, index...)."""
    import torch

    state = _sequence(seed, purpose, index).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> np.uint64(1)))
