"""What is said of the papers beside the numbers of a run."""

import os
from collections.abc import Mapping
from typing import Any

from tutti.benchmark import tables
from tutti.workflow import given
from tutti.workflow.plan.forcefields import ForceFieldPlan
from tutti.workflow.plan.names import used_datasets
from tutti.workflow.plan.samples import SamplePlan


def published_names(samples: SamplePlan, forcefields: ForceFieldPlan) -> dict[str, Any]:
    """The papers' names of datasets, models and subsets, and in words what our values come from."""
    config = samples.config
    data = " and ".join(config["generation"]["datasets"])
    # Papers are of all of QM9: the small molecules alone are another dataset.
    kinds = {name: config["datasets"][name] for name in used_datasets(config)}
    kinds = {name: each["kind"] for name, each in kinds.items() if each.get("heavy_atoms") is None}
    entries = {name: config["models"][name] for name in samples.models}
    models = {name: each.get("published", each.get("module", name)) for name, each in entries.items()}
    origins = {name: _origin(each, data, len(config["seeds"])) for name, each in entries.items()}
    if samples.has_whole and data in kinds:
        models[tables.WHOLE], origins[tables.WHOLE] = kinds[data], f"all of {data}"
    return {
        "datasets": kinds,
        "models": models | forcefields.published_names(),
        "subsets": forcefields.published_subsets(),
        "here": origins | forcefields.origins(),
    }


def _origin(entry: Mapping[str, Any], data: str, n_seeds: int) -> str:
    """In words, what this run's values of a generator come from."""
    if entry["kind"] == "external":
        return f"samples of {os.path.basename(entry['path'])}"  # noqa: PTH119
    if given.is_given(entry):
        weights = f"weights {given.origin(entry)}, not trained here"
    else:
        weights = f"{entry['training']['steps']} training steps"
    done = f"{data}, {weights}, {n_seeds} seed(s)"
    return f"{done}; not as published: {differs}" if (differs := _differs(entry)) else done


def _differs(entry: Mapping[str, Any]) -> str:
    """How a generator differs from the published one: in the entry's words, else the settings changed.

    Semicolons, which part the notes of a table, become commas.
    """
    if given.is_given(entry) and "differs" not in entry:
        return "what it is, the config.json of its weights says"
    changed = [*entry["config"], *(key for key in entry["sampling"] if key != "batch_size")]
    return entry.get("differs", ", ".join(changed)).replace(";", ",")
