"""The radial filters that a force field has learnt."""

from functools import singledispatch

import numpy as np
import torch
from torch import Tensor, nn

from tutti.models.forcefields.base import ForceField
from tutti.nn.graph import MIN_DISTANCE
from tutti.nn.nequip_potential import NequIPPotential
from tutti.nn.painn import PaiNN
from tutti.nn.schnet import SchNet


def radial_filters(model: ForceField, distances: np.ndarray) -> list[np.ndarray]:
    """W(r), which multiplies what an atom at distance r sends, channel by channel.

    Args:
        model: one with radial filters.
        distances: [R], Å.

    Returns:
        [R, channels] float64 of each interaction, cutoff function included (Schütt et al. 2017, section 4.1).
        Of PaiNN, channels are those of the messages' parts one after another; of NequIP, of the paths.

    Raises:
        ValueError: when the model's network has no radial filters.
    """
    # As small distances count for the networks.
    r = torch.as_tensor(distances, dtype=model.dtype, device=model.device).clamp_min(MIN_DISTANCE)
    with torch.no_grad():
        return [values.double().cpu().numpy() for values in _filters(model.network, r)]


def plane_cuts(model: ForceField, half_width: float, n: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The filters in a plane through the atom that they lie around (Schütt et al. 2017, figure 3).

    Args:
        model: one with radial filters.
        half_width: half the side of the square that is shown, Å.
        n: points along a side.

    Returns:
        (coordinates [n] of the points along either axis, Å; [n, n, channels] of each interaction).
    """
    axis = np.linspace(-half_width, half_width, n)
    r = np.hypot(axis[:, None], axis[None, :])
    cuts = radial_filters(model, r.ravel())
    return axis, [values.reshape(n, n, -1) for values in cuts]


def strongest(filters: np.ndarray, n: int) -> np.ndarray:
    """The `n` channels of [R, channels] whose mean square over the distances is largest, strongest first."""
    return np.argsort(-np.square(filters).mean(axis=0), kind="stable")[:n]


@singledispatch
def _filters(network: nn.Module, r: Tensor) -> list[Tensor]:
    raise ValueError(f"the radial filters of {type(network).__name__} are not known")


@_filters.register
def _(network: SchNet, r: Tensor) -> list[Tensor]:
    gaussians, envelope = network.radial(r)
    # The cutoff is the last factor, also of the bias.
    inside = torch.ones_like(envelope)
    return [
        interaction.filter(interaction.hidden(gaussians, inside)) * envelope[:, None]
        for interaction in network.interactions
    ]


@_filters.register
def _(network: PaiNN, r: Tensor) -> list[Tensor]:
    return list(network.filters(network._basis(r)).split(network.widths, dim=1))


@_filters.register
def _(network: NequIPPotential, r: Tensor) -> list[Tensor]:
    return network.radial(r)
