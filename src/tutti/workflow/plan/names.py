"""Names in a configuration. Those of training sets and of models may say more than the catalogues.

`ethanol@100` is the first 100 structures of ethanol's training split, `schnet_qm9@homo` is schnet_qm9 trained
on the property homo.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tutti.core.registry import PACKAGES

VARIANT = "@"
KINDS = {"generator": "generators", "forcefield": "forcefields"}
"""Kinds of plug-ins, by what the catalogue of models calls them."""
FILES_OF_DATASETS = ("path", "folder", "free_atoms", "melt")
"""Settings of datasets that name a file or folder of the user's, or several by the part that each holds."""

FORCEFIELDS = FORCEFIELD, CALCULATOR, PREDICTIONS = "forcefield", "calculator", "predictions"
"""Kinds of the catalogue's models that `forcefields.runs` names: trained here, computed or given."""


def base(name: str) -> str:
    """The catalogue's name of a training set or a model."""
    return name.partition(VARIANT)[0]


def target(model: str) -> str:
    """The property that a model is trained on; empty: as its entry says."""
    return model.partition(VARIANT)[2]


def size(dataset: str) -> int | None:
    """How many structures of the training split are used; None: all."""
    return int(dataset.partition(VARIANT)[2] or 0) or None


def variant(name: str, further: object) -> str:
    """The name of a variant; the name itself where there is nothing further to say."""
    return f"{name}{VARIANT}{further}" if further else name


def one_of(names: Iterable[str]) -> str:
    """Regular expression that matches exactly these names."""
    # Snakemake takes an empty expression for no constraint; this one matches nothing.
    return "|".join(map(re.escape, names)) or "(?!)"


def named_files(entry: Mapping[str, Any]) -> dict[str, str]:
    """The user's own files and folders that a dataset's entry names, by their keys in it."""
    found = {key: entry[key] for key in FILES_OF_DATASETS if entry.get(key) is not None}
    flat = {key: path for key, path in found.items() if not isinstance(path, Mapping)}
    nested = [(key, parts) for key, parts in found.items() if isinstance(parts, Mapping)]
    return flat | {f"{key}.{part}": path for key, parts in nested for part, path in parts.items()}


def local_files(path: str | None) -> list[str]:
    """The user's own file, or all files of a folder, as input: an edit of one reruns all that follows."""
    if path is None:
        return []
    if not Path(path).is_dir():
        return [path]
    return sorted(entry.path for entry in os.scandir(path) if entry.is_file() and entry.name[0] != ".")


def dataset_settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the `Config` of a dataset's kind: all of its entry but `kind` and `split`."""
    return {key: value for key, value in entry.items() if key not in ("kind", "split")}


def module_of(entry: Mapping[str, Any]) -> str:
    """Module of a model's entry in the catalogue, below `tutti`."""
    return f"{PACKAGES[KINDS[entry['kind']]]}.{entry['module']}"


def modules_of(entry: Mapping[str, Any]) -> list[str]:
    """The same as a list, which is empty for what another code computes."""
    return [module_of(entry)] if entry["kind"] in KINDS else []


def used_datasets(config: Mapping[str, Any]) -> list[str]:
    """Datasets that the run makes, those of pretrained models included."""
    runs = config["forcefields"]["runs"]
    trained = [config["models"][model] for run in runs for model in run["models"]]
    starts = [entry.get("pretrained") for entry in trained]
    data = [start["dataset"] for start in starts if isinstance(start, Mapping)]
    used = [*config["generation"]["datasets"], *(run["dataset"] for run in runs), *data]
    return list(dict.fromkeys(used))
