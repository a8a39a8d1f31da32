"""Weights that exist already, in the place of a training: copied as they are, with a record of where from."""

import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tutti.core import elements, records
from tutti.core.files import atomic_path, sha256
from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.models import base, shipped

TRAIN = "train.json"
FACTS = ("step", "best_step", "validation_loss", "seconds", "processor_seconds", "environment")
"""What is told of the training of a model that ships, beside its batch size."""


def adopt(folder: str | Path, structures: Structures, splits: Splits, out: str | Path) -> None:
    """Put weights, config.json and a record (train.json) where a training would leave them.

    What makes numbers of these weights mean something else than numbers of a training on the run's data is
    warned of, and told in the record as `remarks`.

    Args:
        folder: holds weights.safetensors and config.json, and provenance.json where it is a model that ships.
        structures: the run's data.
        splits: of these.
        out: folder for the files, each written atomically.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when one is damaged, the weights do not fit the configuration, or a force field does not
            know an element of the data.
    """
    folder, out = Path(folder), Path(out)
    model, record = base.load(folder), shipped.record_of(folder)
    if model.kind == "forcefields":
        model.species.check(structures)
    remarks = [*_about_training(model.kind, record, structures, splits)]
    remarks += _about_atoms(model, record, structures[splits.test])
    for remark in remarks:
        warnings.warn(f"{folder.name}: {remark}", stacklevel=2)
    out.mkdir(parents=True, exist_ok=True)
    for name in (base.WEIGHTS, base.CONFIG):
        with atomic_path(out / name) as temporary:
            shutil.copyfile(folder / name, temporary)
    told = {
        "model": model.description(),
        "given": {"weights": folder.name if record is None else record["name"], "remarks": remarks},
        "weights_sha256": sha256(out / base.WEIGHTS),
        "dataset": structures.digest,
        "splits": splits.training_digest,
        **({} if record is None else {"trained": _training(record)}),
    }
    records.write(out / TRAIN, told)


def _training(record: Mapping[str, Any]) -> dict[str, Any]:
    """How a model that ships was trained, and on what."""
    training = record["training"]
    facts = {name: training[name] for name in FACTS}
    return {"data": record["data"], "batch_size": training["settings"]["batch_size"], **facts}


def _about_training(
    kind: str, record: Mapping[str, Any] | None, structures: Structures, splits: Splits
) -> Iterator[str]:
    """What is to be said where the weights are of other data than this run's training split."""
    meaning = {
        "generators": "what counts as novel here may be what it was trained on",
        "forcefields": "errors of the test split may be of structures that it was trained on",
    }[kind]
    if record is None:
        yield f"nothing says what these weights were trained on; {meaning}"
        return
    data = record["data"]
    if data["dataset"] != structures.digest:
        yield f"trained on other data than these, {data['name']} as of its provenance.json; {meaning}"
    elif data["splits"] != splits.training_digest:
        yield f"trained on these data, but on another split of them; {meaning}"


def _about_atoms(model: base.Model, record: Mapping[str, Any] | None, test: Structures) -> Iterator[str]:
    """What is to be said where the data are unlike all that the model knows."""
    known = set(model.species.symbols)
    unknown = [symbol for z in np.unique(test.numbers) if (symbol := elements.symbol(int(z))) not in known]
    if unknown:
        yield f"it knows {', '.join(model.species.symbols)} alone, but the data hold {', '.join(unknown)} too"
    elif strange := shipped.beyond(record, test):
        yield strange
