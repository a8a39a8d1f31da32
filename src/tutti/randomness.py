"""Random streams derived from (seed, purpose, index...): no global state, nothing to save for a resume."""

import hashlib

import numpy as np
import torch


def _entropy(seed: int, purpose: str, index: tuple[int, ...]) -> list[int]:
    digest = hashlib.sha256(purpose.encode()).digest()
    return [seed, int.from_bytes(digest[:8], "little"), *index]


def numpy_generator(seed: int, purpose: str, *index: int) -> np.random.Generator:
    """NumPy generator of the stream (seed, purpose, index...), independent of all other streams."""
    return np.random.default_rng(np.random.SeedSequence(_entropy(seed, purpose, index)))


def torch_generator(
    seed: int, purpose: str, *index: int, device: str | torch.device = "cpu"
) -> torch.Generator:
    """Torch generator on `device` of the stream (seed, purpose, index...)."""
    state = np.random.SeedSequence(_entropy(seed, purpose, index)).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> np.uint64(1)))
