"""Weights of SchNetPack's networks under the names that they have here."""

from collections.abc import Mapping

import numpy as np
import torch

from tutti.models.forcefields.base import ForceField

Arrays = Mapping[str, np.ndarray]


def copy_weights(model: ForceField, theirs: Arrays) -> None:
    """Fill all parameters of a SchNet or PaiNN of H, C and O, and no others, from a state of SchNetPack's."""
    of_network = schnet_weights if model.module == "schnet" else painn_weights
    found = of_network(theirs, model.config.channels, model.config.layers)
    found |= dense(theirs, "output_modules.0.outnet.0", "readout.0")
    found |= dense(theirs, "output_modules.0.outnet.1", "readout.2")
    found["network.embedding.weight"] = theirs["representation.embedding.weight"][[1, 6, 8]]
    assert found.keys() == dict(model.named_parameters()).keys()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            assert parameter.shape == found[name].shape, name
            parameter.copy_(torch.from_numpy(found[name]))


def dense(theirs: Arrays, source: str, target: str, rows: slice = slice(None)) -> dict[str, np.ndarray]:
    """Weight and, where there is one, bias of a dense layer."""
    return {
        f"{target}.{part}": theirs[f"{source}.{part}"][rows]
        for part in ("weight", "bias")
        if f"{source}.{part}" in theirs
    }


def schnet_weights(theirs: Arrays, channels: int, layers: int) -> dict[str, np.ndarray]:
    names = {
        "in2f": "before",
        "filter_network.0": "hidden.dense",
        "filter_network.1": "filter",
        "f2out.0": "between",
        "f2out.1": "after",
    }
    found = {}
    for k in range(layers):
        for source, target in names.items():
            found |= dense(
                theirs, f"representation.interactions.{k}.{source}", f"network.interactions.{k}.{target}"
            )
    return found


def painn_weights(theirs: Arrays, channels: int, layers: int) -> dict[str, np.ndarray]:
    found = {}
    for k in range(layers):
        # The first message of SchNetPack multiplies vectors that are zero; here it has no such part.
        rows = slice(2 * channels) if k == 0 else slice(None)
        source = f"representation.interactions.{k}.interatomic_context_net"
        found |= dense(theirs, f"{source}.0", f"network.messages.{k}.context.0")
        found |= dense(theirs, f"{source}.1", f"network.messages.{k}.context.2", rows)
        source = f"representation.mixing.{k}"
        found |= dense(theirs, f"{source}.mu_channel_mix", f"network.updates.{k}.mix")
        found |= dense(theirs, f"{source}.intraatomic_context_net.0", f"network.updates.{k}.context.0")
        found |= dense(theirs, f"{source}.intraatomic_context_net.1", f"network.updates.{k}.context.2")
    # Our filters' bias is the last column of their weight.
    weight, bias = (theirs[f"representation.filter_net.{part}"] for part in ("weight", "bias"))
    filters = np.concatenate([weight, bias[:, None]], axis=1)
    found["network.filters.weight"] = np.delete(filters, slice(2 * channels, 3 * channels), axis=0)
    return found
