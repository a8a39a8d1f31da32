"""Published numbers, and the papers they come from."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

import pandas as pd
import yaml

from tutti.tables import CONTROLS, PUBLISHED, check

KEY = ["dataset", "model", "metric", "subset"]


@cache
def numbers() -> pd.DataFrame:
    """All published numbers: source, table, dataset, model, metric, subset, unit, value, error.

    Percent are given as fractions (unit `1`), like everywhere in the pipeline. Names are the papers' own.
    """
    with _data("published.csv") as file:
        text = dict.fromkeys(["source", "table", *KEY, "unit"], str)
        table = pd.read_csv(file, dtype=text, keep_default_na=False, na_values={"error": [""]})
    percent = table["unit"] == "percent"
    table.loc[percent, ["value", "error"]] /= 100
    table.loc[percent, "unit"] = "1"
    return table


@cache
def citations() -> dict[str, dict]:
    """Papers by key: authors, title, venue, year, url, and `terms`, the names in a run that call for them."""
    with _data("citations.yaml") as file:
        return yaml.safe_load(file)


def cited(terms: Iterable[str]) -> dict[str, dict]:
    """The citations that any of `terms` (names of models, datasets, metrics, ..., sources) calls for."""
    found = {slug(term) for term in terms}
    return {
        key: paper
        for key, paper in citations().items()
        if slug(key) in found or found.intersection(map(slug, paper["terms"]))
    }


def slug(name: str) -> str:
    """A name without case and punctuation: `G-SchNet` and `gschnet` are the same model."""
    return re.sub(r"[^a-z0-9.]", "", name.lower())


def fill(
    table: pd.DataFrame, datasets: Mapping[str, str] | None = None, models: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """The tidy table with `published` filled by (dataset, model, metric, subset), and its source in `note`.

    Args:
        table: a tidy table.
        datasets: published name of a dataset of the table, where it differs (`{"qm9_small": "qm9"}`). A value
            from another dataset than the row's own is for orientation only, and the note names that dataset.
        models: published name of a model of the table, where it differs (`{"symphony_large": "Symphony"}`).
            A control (test or training split) is compared with the dataset's own published row.

    Raises:
        ValueError: when a published number has another unit than the row it belongs to.
    """
    table = check(table)
    datasets, models = datasets or {}, models or {}
    known = {tuple(map(slug, row[KEY])): row for _, row in numbers().iterrows()}
    for i, row in table.iterrows():
        dataset = datasets.get(row["dataset"], row["dataset"])
        model = dataset if row["model"] in CONTROLS else models.get(row["model"], row["model"])
        match = known.get(tuple(map(slug, (dataset, model, row["metric"], row["subset"]))))
        if match is None:
            continue
        if match["unit"] != row["unit"]:
            raise ValueError(
                f"{row['model']}, {row['metric']}, {row['subset']}: the table has the unit '{row['unit']}', "
                f"{match['source']} '{match['unit']}'; convert the table's values first"
            )
        elsewhere = (
            "" if slug(dataset) == slug(row["dataset"]) else f" for another dataset ({match['dataset']})"
        )
        source = f"{PUBLISHED}{elsewhere}: {match['source']}, {match['table']}"
        table.loc[i, "published"] = match["value"]
        table.loc[i, "note"] = f"{row['note']}; {source}".removeprefix("; ")
    return table


def _data(name: str) -> object:
    return resources.files("tutti.report").joinpath(name).open(encoding="utf-8")
