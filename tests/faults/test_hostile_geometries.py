"""10,000 hostile samples through all that `tutti evaluate` does: no traceback, no hang, all with a reason."""

import time
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from hostile_geometries import hostile, unchecked, unsettled
from tutti.benchmark import tables
from tutti.benchmark.metrics import geometry, posebusters
from tutti.benchmark.samples.judge import Judge
from tutti.core import registry
from tutti.data.shipped import EMBEDDED
from tutti.evaluation.request import Request
from tutti.evaluation.run import evaluate
from tutti.io.samples import read_samples
from tutti.models.forcefields.external import External, ExternalCalculator
from tutti.report.page import unpacked
from tutti.simulation.relaxation import relax

SAMPLES, LARGE, CHECKED = 10_000, 60, 2000
BOND_LIMIT, CHECK_LIMIT = 0.5, 5.0
"""s for one sample; the command allows 20 to 120."""

INPUT = "hostile.xyz"

pytestmark = pytest.mark.faults


def reading(samples):
    """Like `read_samples`, but for these samples in place of a file that could not hold all of them."""

    def read(paths, charge, folder):
        if paths[0].name != INPUT:
            return read_samples(paths, charge, folder)
        files = {"file": np.full(len(samples), INPUT), "unreadable": np.full(len(samples), "")}
        return samples.with_columns(frame=np.arange(len(samples)), **files)

    return read


def tell(rows, seconds):
    """What became of them, for the report of the test."""
    print(f"{rows['sample'].nunique()} samples in {seconds:.0f} s")
    print(pd.crosstab(rows["reason"].replace("", "valid"), rows["assigner"]).to_string())
    print(rows.loc[rows["message"] != "", "message"].str.slice(0, 100).value_counts().to_string())
    for check in ("geometry", "posebusters", "strain"):
        checked = rows[rows[f"{check}_checked"].eq(True)]
        print(check, checked[f"{check}_reason"].replace("", "whole").value_counts().to_dict())
        messages = checked[f"{check}_message"]
        print(messages[messages != ""].str.slice(0, 100).value_counts().to_string())


def test_ten_thousand_hostile_geometries(tmp_path, monkeypatch, rng):
    quick = {name: replace(check, time_limit=CHECK_LIMIT) for name, check in tables.declared().checks.items()}
    declared = replace(tables.declared(), checks=quick)
    monkeypatch.setattr("tutti.evaluation.sets.declared", lambda: declared)
    monkeypatch.setattr("tutti.evaluation.sets.Judge", partial(Judge, time_limit=BOND_LIMIT))
    samples = hostile(SAMPLES, rng, LARGE)
    monkeypatch.setattr("tutti.benchmark.samples.sets.read_samples", reading(samples))
    (tmp_path / INPUT).touch()
    start = time.monotonic()
    evaluate(
        Request(
            inputs=(tmp_path / INPUT,),
            out=tmp_path / "out",
            reference=EMBEDDED / "qm9_6.npz",
            named_assigners=tuple(registry.names("bonds")),
            molecules=CHECKED,
        )
    )
    rows = pd.read_parquet(tmp_path / "out/molecules.parquet")
    tell(rows, time.monotonic() - start)
    assert len(rows) == SAMPLES * len(registry.names("bonds"))
    assert unsettled(rows).empty
    main = rows[rows["assigner"] == "xyz2mol"]
    for check, tests in (
        ("geometry", geometry.TESTS),
        ("posebusters", posebusters.TESTS),
        ("strain", ["energy_drop_per_atom", "graph_survives", "initial_force"]),
    ):
        assert unchecked(main, f"{check}_", tests).empty
        assert main[f"{check}_checked"].sum() > 100
    page = unpacked((tmp_path / "out/report/index.html").read_text(encoding="utf-8"))
    assert {each["samples"] for each in page["browser"]["sets"]} >= {SAMPLES}


def test_hostile_geometries_are_relaxed_or_say_why_not(rng):
    samples = hostile(2000, rng)
    found = relax(samples, ExternalCalculator(External("ase.calculators.emt:EMT", {})), fmax=5.0, max_steps=3)
    print(pd.Series(found.columns["failure"]).str.slice(0, 60).value_counts().head(12).to_string())
    assert len(found) == len(samples)
    assert (np.isfinite(found.energy) | (found.columns["failure"] != "")).all()
