"""Published numbers, and the papers they come from."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from importlib.metadata import version

import pandas as pd
import yaml

from tutti.core.registry import ConfigError, closest
from tutti.core.tidy import PUBLISHED, check, join
from tutti.statistics.estimate import UNKNOWN, row, table_of

KEY = ["dataset", "model", "metric", "subset"]
DATA = ("test_split", "training_split", "whole_data")  # controls that are the data themselves
UNITS = {"bohr^2": "bohr²", "bohr^3": "bohr³", "meV/Angstrom": "meV/Å"}
NO_UNIT = "as published"
AS_PUBLISHED = {name: f"{name}_as_published" for name in ("validity", "uniqueness")}
SUBSETS = {"u298": "U", "h298": "H", "g298": "G"}
"""Properties of QM9 by the names that `tutti.core.properties` gives them, where letters and digits differ."""


@cache
def numbers() -> pd.DataFrame:
    """All published numbers: source, table, dataset, model, metric, subset, unit, value, error, rdkit.

    Percent are given as fractions (unit `1`), and units are written as everywhere in the pipeline. Names are
    the papers' own. `rdkit` is the release that a number was made with, where it is known and matters: those
    since 2023.09 have another connectivity (see `tutti.chemistry.bonds.connectivity`).
    """
    with _data("published.csv") as file:
        text = dict.fromkeys(["source", "table", *KEY, "unit", "rdkit"], str)
        table = pd.read_csv(file, dtype=text, keep_default_na=False, na_values={"error": [""]})
    percent = table["unit"] == "percent"
    table.loc[percent, ["value", "error"]] /= 100
    table.loc[percent, "unit"] = "1"
    table["unit"] = table["unit"].replace(UNITS)
    return table


@cache
def _comparable() -> pd.DataFrame:
    """The published numbers under the metrics and subsets that this package's tables have.

    Speeds are published by device; here they stand beside the fastest batch, whatever the device. Validity
    and uniqueness stand beside those of the published definitions; the samples of G-SphereNet that were
    judged are those that its sampler finished. Numbers without a unit are left out.
    """
    table = numbers()
    table = table[table["unit"] != NO_UNIT].copy()
    speeds = table["metric"] == "sampling_time"
    table.loc[speeds, "table"] += " (" + table.loc[speeds, "subset"] + ")"
    table.loc[speeds, "subset"] = "best batch"
    table["subset"] = table["subset"].replace(SUBSETS)
    redrawn = (table["model"] == "G-SphereNet") & (table["metric"] == "validity")
    table.loc[redrawn, "metric"] = "validity_of_finished"
    table["metric"] = table["metric"].replace(AS_PUBLISHED)
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
    table: pd.DataFrame,
    datasets: Mapping[str, str] | None = None,
    models: Mapping[str, str] | None = None,
    subsets: Mapping[str, Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """The tidy table with `published` filled by (dataset, model, metric, subset), and its source in `note`.

    Args:
        table: a tidy table.
        datasets: published name of a dataset of the table, where it differs (`{"qm9_small": "qm9"}`). A value
            from another dataset than the row's own is for orientation only, and the note names that dataset.
        models: published name of a model of the table, where it differs (`{"symphony_large": "Symphony"}`).
            The data and their splits are compared with the dataset's own published row.
        subsets: published name of a subset, by dataset of the table, where it differs
            (`{"md17_ethanol": {"test": "ethanol"}}`); the note names it.

    Raises:
        ValueError: when a published number has another unit than the row it belongs to.
    """
    table = check(table)
    datasets, models, subsets = datasets or {}, models or {}, subsets or {}
    known = {tuple(map(slug, row[KEY])): row for _, row in _comparable().iterrows()}
    for i, ours in table.iterrows():
        dataset = datasets.get(ours["dataset"], ours["dataset"])
        model = dataset if ours["model"] in DATA else models.get(ours["model"], ours["model"])
        subset = subsets.get(ours["dataset"], {}).get(ours["subset"], ours["subset"])
        match = known.get(tuple(map(slug, (dataset, model, ours["metric"], subset))))
        if match is None:
            continue
        if match["unit"] != ours["unit"]:
            raise ValueError(
                f"{ours['model']}, {ours['metric']}, {ours['subset']}: the table has the unit "
                f"'{ours['unit']}', {match['source']} '{match['unit']}'; convert the table's values first"
            )
        source = f"{PUBLISHED}{_elsewhere(ours, match, subset)}: {_origin(match)}"
        table.loc[i, "published"] = match["value"]
        table.loc[i, "note"] = f"{ours['note']}; {source}".removeprefix("; ")
    return table


def _origin(theirs: pd.Series) -> str:
    """Where a published number stands, and what it was made with."""
    parts = [theirs["source"], theirs["table"], *([f"RDKit {theirs['rdkit']}"] if theirs["rdkit"] else [])]
    return ", ".join(parts)


def _elsewhere(row: pd.Series, match: pd.Series, subset: str) -> str:
    """What the published number is for, where it has another name than the row."""
    if slug(subset) != slug(row["subset"]):
        return f" for {match['dataset']}, {match['subset']}"
    if slug(match["dataset"]) != slug(row["dataset"]):
        return f" for another dataset ({match['dataset']})"
    return ""


def of_dataset(dataset: str) -> pd.DataFrame:
    """The published numbers for a dataset of the papers.

    Raises:
        ConfigError: when there are none.
    """
    theirs = _comparable()[_comparable()["dataset"].map(slug) == slug(dataset)]
    if theirs.empty:
        raise ConfigError(f"no published numbers for {closest(dataset, set(_comparable()['dataset']))}")
    return theirs


def beside(table: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """The tidy table with a row, without a value of our own, for every published number that belongs into it.

    Args:
        table: a tidy table; a published number belongs into it when it has the same metric and subset, and
            stands in it not yet.
        dataset: the papers' dataset, "qm9" for example.

    Raises:
        ConfigError: when nothing is published for that dataset.
    """
    table = check(table)
    theirs = of_dataset(dataset)
    filled = {
        tuple(map(slug, row)) for row in table.loc[table["published"].notna(), KEY].itertuples(index=False)
    }
    shown = set(zip(table["metric"], table["subset"], strict=True))
    missing = [
        _missing(each["model"], each, f"{PUBLISHED}: {_origin(each)}")
        for _, each in theirs.iterrows()
        if (each["metric"], each["subset"]) in shown and tuple(map(slug, each[KEY])) not in filled
    ]
    return join([table, *missing])


def versus_here(
    table: pd.DataFrame,
    models: Mapping[str, str],
    here: Mapping[str, str],
    datasets: Mapping[str, str] | None = None,
    subsets: Mapping[str, Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """Published values beside ours, with what differs: a row for each published number of the run's models.

    A value of ours from another dataset than the published one stands beside it too, unless its subset is one
    of `subsets`; the note names both.

    Args:
        table: all tidy tables of the run.
        models: published name by model.
        here: by model, in words, what the run's values come from ("qm9_demo, 3500 training steps, 1 seed").
        datasets: see `fill`; only where `subsets` names the dataset.
        subsets: see `fill`.

    Returns:
        The tidy table; a published number whose metric the run has not computed has no value, and a note.
    """
    table = check(table)
    names, parts = _published_names(table, datasets or {}, subsets or {}), []
    for model, name in models.items():
        mine = table[table["model"] == model]
        for _, theirs in _comparable()[_comparable()["model"].map(slug) == slug(name)].iterrows():
            named = names.loc[mine.index]
            same = (named["subset"] == slug(theirs["subset"])) & (mine["metric"] == theirs["metric"])
            ours = mine[same & (~named["renamed"] | (named["dataset"] == slug(theirs["dataset"])))]
            note = f"{PUBLISHED} for {theirs['dataset']}: {_origin(theirs)}"
            if ours.empty:
                parts.append(_missing(model, theirs, f"not computed in this run; {note}"))
            else:
                with_rdkit = f", RDKit {version('rdkit')}" if theirs["rdkit"] else ""
                note = f"here: {here[model]}{with_rdkit}; {note}"
                parts.append(ours.assign(published=theirs["value"], note=note))
    return join(parts)


def _published_names(
    table: pd.DataFrame, datasets: Mapping[str, str], subsets: Mapping[str, Mapping[str, str]]
) -> pd.DataFrame:
    """Slugs of the published `dataset` and `subset` of each row, and whether the subset is `renamed`."""
    rows = [
        (slug(datasets.get(dataset, dataset)), slug(subsets.get(dataset, {}).get(subset, subset)))
        for dataset, subset in table[["dataset", "subset"]].itertuples(index=False)
    ]
    names = pd.DataFrame(rows, columns=["dataset", "subset"], index=table.index, dtype=str)
    return names.assign(renamed=names["subset"] != table["subset"].map(slug))


def _missing(model: str, theirs: pd.Series, note: str) -> pd.DataFrame:
    """The table of one row: a published number beside which there is none of ours."""
    what = theirs["metric"], theirs["subset"], UNKNOWN, None, theirs["unit"], note
    return table_of([row(*what, published=theirs["value"])], model=model, dataset=theirs["dataset"], seed=0)


def _data(name: str) -> object:
    return resources.files("tutti.benchmark").joinpath(name).open(encoding="utf-8")
