"""Small G-SchNet models in float64, molecules for them, and SchNet written out node by node."""

import math

import numpy as np
import torch

from tutti.core.structures import Structures
from tutti.models.generators.gschnet import MODEL, Config
from tutti.models.generators.gschnet.model import GSchNet

ORIGIN, FOCUS, STOP = 3, 4, 3
"""Rows of the embedding, and the last type, for three elements."""


def model(**settings: object) -> GSchNet:
    torch.manual_seed(0)
    small = {"channels": 8, "layers": 3, "n_gaussians": 7, "cutoff": 2.6, "head_layers": 3, "n_bins": 31}
    config = Config(elements=("H", "C", "O"), max_distance=6.0, **(small | settings))
    made = MODEL(config).double().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim == 1:  # a bias, 0 in a new model
                parameter.normal_(std=0.3)
    return made


def molecules() -> Structures:
    """Ethanol, water, a hydrogen molecule, an atom, formaldehyde."""
    return Structures.from_frames(
        [
            (ETHANOL_NUMBERS, ETHANOL_POSITIONS),
            ([8, 1, 1], [[0, 0, 0.12], [0, 0.76, -0.48], [0.05, -0.74, -0.48]]),
            ([1, 1], [[0, 0, 0], [0, 0, 0.74]]),
            ([8], [[1.0, 2.0, 3.0]]),
            ([6, 8, 1, 1], [[0, 0, -0.53], [0, 0, 0.68], [0, 0.94, -1.12], [0, -0.93, -1.12]]),
        ]
    )


ETHANOL_NUMBERS = [6, 6, 8, 1, 1, 1, 1, 1, 1]
ETHANOL_POSITIONS = np.array(
    [
        [1.1879, -0.3829, 0.0],
        [0.0, 0.5526, 0.0],
        [-1.1867, -0.2472, 0.0],
        [-1.9237, 0.3850, 0.0],
        [2.0985, 0.2306, 0.0],
        [1.1184, -1.0093, 0.8869],
        [1.1184, -1.0093, -0.8969],
        [-0.0227, 1.1812, 0.8852],
        [-0.0227, 1.1812, -0.8952],
    ]
)


def schnet(made: GSchNet, kinds: list[int], positions: np.ndarray) -> torch.Tensor:
    """SchNet's interactions node by node (Schütt et al. 2017, section 4), [n, channels]."""

    def ssp(x: torch.Tensor) -> torch.Tensor:
        return torch.log(0.5 * torch.exp(x) + 0.5)

    network, cutoff = made.network, made.config.cutoff
    # As the model has them: made in single precision.
    centres = network.radial.basis.centres
    torch.testing.assert_close(centres, torch.linspace(0.0, cutoff, len(centres)).double(), atol=1e-6, rtol=0)
    spacing = cutoff / (len(centres) - 1)
    x = [network.embedding.weight[kind] for kind in kinds]
    for block in network.interactions:
        sums = [torch.zeros_like(x[0]) for _ in x]
        for i in range(len(x)):
            for j in range(len(x)):
                r = float(np.linalg.norm(positions[i] - positions[j]))
                if i == j or r >= cutoff:
                    continue
                gaussians = torch.exp(-((r - centres) ** 2) / (2 * spacing**2))
                filters = block.filter(ssp(block.hidden.dense(gaussians)))
                falls = made.config.cutoff_function == "cosine"
                envelope = 0.5 * (math.cos(math.pi * r / cutoff) + 1) if falls else 1.0
                sums[i] = sums[i] + envelope * filters * (block.before.weight @ x[j])
        x = [xi + block.after(ssp(block.between(total))) for xi, total in zip(x, sums, strict=True)]
    return torch.stack(x)


def predictions(
    made: GSchNet, species: list[int], positions: np.ndarray, focus: int | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """log p(type) [4] and log p(bin) [type, node, n_bins] of one step, from the formulas.

    Positions [n, 3] are relative to the origin; nodes are the origin, the atoms, the focus (an atom's number,
    or None for the first step).
    """
    places = np.concatenate([np.zeros((1, 3)), np.reshape(positions, (-1, 3))])
    nodes = np.concatenate([places, places[[0 if focus is None else focus + 1]]])
    x = schnet(made, [ORIGIN, *species, FOCUS], nodes)
    embeddings = made.network.embedding.weight
    if made.config.type_head == "features":
        logits = made.type_head.network(x)
    else:
        types = [*range(3), FOCUS]
        logits = torch.cat([made.type_head.network(x * embeddings[kind]) for kind in types], dim=1)
    votes = torch.log_softmax(logits, -1).sum(0)
    log_bins = [torch.log_softmax(made.distance_head.network(x * embeddings[kind]), -1) for kind in range(3)]
    return torch.log_softmax(votes, -1), torch.stack(log_bins)
