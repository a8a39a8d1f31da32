"""G-SchNet's outputs: what every node says of the next type, and of its distance to the next atom."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from tutti.nn.dense import Dense, dense
from tutti.nn.schnet import ShiftedSoftplus


class TaperedMLP(nn.Sequential):
    """Dense layers with shifted softplus between them, widths linear from `n_in` to `n_out`: [N, n_in] →
    [N, n_out]."""

    def __init__(self, n_in: int, n_out: int, layers: int, last_bias: bool = True) -> None:
        widths = np.linspace(n_in, n_out, layers + 1).astype(int).tolist()
        blocks: list[nn.Module] = []
        for number, (before, after) in enumerate(pairwise(widths), 1):
            blocks += [Dense(before, after, bias=last_bias or number < layers), ShiftedSoftplus()]
        super().__init__(*blocks[:-1])


class TypeHead(nn.Module):
    """What each node says of the next type, by one network for all types, which is given their embeddings.

    The logit of a type is the network's output for the node's features times the type's embedding. A bias of
    the last layer would be the same for all types, which means nothing, so that there is none.
    """

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.network = TaperedMLP(channels, 1, layers, last_bias=False)

    def forward(self, x: Tensor, types: Tensor) -> Tensor:
        """Features of nodes [N, channels], embeddings of types [n_types, channels] → logits [N, n_types]."""
        # (x ∘ e) W = x (e ∘ W): the products are made with weights, which are fewer than the nodes.
        first, *others = self.network
        weight = (types[:, None] * first.weight).flatten(0, 1)
        bias = None if first.bias is None else first.bias.repeat(len(types))
        hidden = dense(x, weight, bias).view(len(x) * len(types), -1)
        for layer in others:
            hidden = layer(hidden)
        return hidden.view(len(x), len(types))


class FeatureTypeHead(nn.Module):
    """What each node says of the next type, from its features alone."""

    def __init__(self, channels: int, n_types: int, layers: int) -> None:
        super().__init__()
        self.network = TaperedMLP(channels, n_types, layers)

    def forward(self, x: Tensor, types: Tensor) -> Tensor:
        """As `TypeHead`; the embeddings are not looked at."""
        return self.network(x)


def product_of_votes(logits: Tensor, step: Tensor, n_steps: int) -> Tensor:
    """Logits [N, n_types] of the nodes of steps [N] → log-probabilities [n_steps, n_types].

    p(Z) = (1/β) Π_j p(Z | x_j) (Gebauer et al. 2019, section 4).
    """
    votes = torch.log_softmax(logits, dim=-1)
    total = votes.new_zeros(n_steps, votes.shape[1]).index_add(0, step, votes)
    return torch.log_softmax(total, dim=-1)


class DistanceHead(nn.Module):
    """Distance between each node and the next atom, in bins, given the embedding of the next type."""

    def __init__(self, channels: int, n_bins: int, layers: int) -> None:
        super().__init__()
        self.network = TaperedMLP(channels, n_bins, layers)

    def forward(self, x: Tensor, following: Tensor) -> Tensor:
        """Features of nodes and embeddings of their next types, both [N, channels] → log p [N, n_bins]."""
        return torch.log_softmax(self.network(x * following), dim=-1)


def smeared_labels(distances: Tensor, n_bins: int, bin_width: float, label_width: float) -> Tensor:
    """q_l ∝ exp(−(d − c_l)² / (label_width · Δ)), normalised, [P, n_bins].

    Args:
        distances: [P], Å.
        n_bins: bins with centres c_l = l Δ.
        bin_width: Δ, Å.
        label_width: Å.
    """
    centres = bin_width * torch.arange(n_bins, dtype=distances.dtype, device=distances.device)
    squares = (distances[:, None] - centres).square()
    return torch.softmax(-squares / (label_width * bin_width), dim=-1)
