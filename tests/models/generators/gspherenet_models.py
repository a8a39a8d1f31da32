"""A small G-SphereNet and molecules that its tests share."""

import dataclasses

import numpy as np
import torch

from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.models.generators.gspherenet import MODEL, Config

SMALL = Config(
    channels=16,
    layers=2,
    triplet_channels=8,
    basis_channels=4,
    readout_channels=24,
    n_spherical=4,
    residuals_after=1,
)
MIRRORED = dataclasses.replace(SMALL, mirrored=True)


def model(config: Config = SMALL, seed: int = 0) -> MODEL:
    torch.manual_seed(seed)
    return MODEL(config).double().eval()


def molecules(n: int = 12) -> Structures:
    everything = Structures.load(EMBEDDED / "qm9_6.npz")
    return everything[np.linspace(0, len(everything) - 1, n).astype(int)]


def shaken(structures: Structures) -> Structures:
    """No two distances tie, nothing lies in a plane or a line."""
    noise = np.random.default_rng(3).normal(scale=0.02, size=structures.positions.shape)
    return dataclasses.replace(structures, positions=structures.positions + noise)


def moved(structures: Structures, matrix: np.ndarray, shift: float = 0.0) -> Structures:
    return dataclasses.replace(structures, positions=structures.positions @ matrix.T + shift)


def rotation(seed: int = 0) -> np.ndarray:
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.linalg.det(matrix)
