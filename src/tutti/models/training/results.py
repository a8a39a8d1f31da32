"""What a training leaves for its readers, all of which follows from its checkpoint."""

from collections.abc import Mapping
from pathlib import Path

from tutti.core import records
from tutti.core.files import sha256, write_text
from tutti.models.base import Model
from tutti.models.training.checkpoints import State

SNAPSHOTS = "snapshots"
"""Folder of the weights that were kept on the way, each in a folder named by its share of the training."""


def write(out: Path, model: Model, state: State, provenance: Mapping[str, object]) -> None:
    """Write log, best weights, those kept on the way, and provenance into the folder `out`.

    Args:
        out: folder of the training.
        model: whose weights they are.
        state: how far the training is.
        provenance: what determines it, for train.json, which adds what came out.
    """
    write_text(out / "log.csv", state.log)
    if state.best:
        model.save(out, state.best)
    for share, weights in state.kept.items():
        model.save(out / SNAPSHOTS / share, weights)
    outcome = model.found_in_data() | state.summary() | {"log_sha256": sha256(out / "log.csv")}
    records.write(out / "train.json", {**provenance, **outcome})
