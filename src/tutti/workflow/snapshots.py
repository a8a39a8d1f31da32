"""Snapshots: generators as they were after a part of their training.

`generation.snapshots: [0.125, 0.5]` has each generator of `generation.models` that is trained here sampled
with the weights of an eighth and of half of its steps, too. To the workflow these are models,
`<name>_<share>`, but of no table and no figure, save those of learning.
"""

from collections.abc import Mapping
from typing import Any

from tutti.workflow import given, sweeps

WHERE = "generation.snapshots"
SHARE = "snapshot"
"""Key of an entry: after which share of the training's steps the weights are taken."""


def expand(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the members of its sweeps among its models, and snapshots in the catalogue.

    A snapshot's entry is that of the model it is `trained_as`, whose training keeps its weights.

    Raises:
        ConfigError: for a name that is already taken or too long; see also `tutti.workflow.sweeps.expand`.
    """
    expanded = sweeps.expand(config)
    models, shares = expanded["models"], config["generation"]["snapshots"]
    generators = [name for name in config["generation"]["models"] if models[name].get("kind") == "generator"]
    trained = [name for name in generators if not given.is_given(models[name])]
    for name in trained if shares else ():
        training = models[name]["training"]
        kept = sorted({*training.get("snapshots", ()), *shares})
        models[name] = models[name] | {"training": training | {"snapshots": kept}}
        for share in shares:
            snapshot = sweeps.new_name(f"{name}_{share}", models, WHERE)
            models[snapshot] = models[name] | {"trained_as": name, SHARE: share}
    return expanded
