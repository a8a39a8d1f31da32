"""The table in the terminal."""

import re

import pandas as pd
import pytest

from tutti.benchmark.metrics.validity import validity_table
from tutti.core import tidy
from tutti.evaluation.result import Evaluation
from tutti.evaluation.summary import LEGEND, WIDTH, summary

ASSIGNERS = ("xyz2mol", "openbabel", "lookup")


def verdicts(n_valid, n):
    smiles = [f"C{i % 4}" if i < n_valid else None for i in range(n)]
    flags = {name: True for name in ("connected", "neutral_atoms", "no_radicals", "molecule_stable")}
    rows = {"id": [str(i) for i in range(n)], "valid": [i < n_valid for i in range(n)], "smiles": smiles}
    rows |= {"published_smiles": smiles, "n_atoms": 3, "n_stable_atoms": 3, "reason": ""}
    return pd.DataFrame(rows | flags)


def evaluation(models, assigners=ASSIGNERS, known=frozenset()):
    tables = [
        validity_table(
            verdicts(n_valid, n),
            set(known),
            pd.Series([True] * n).to_numpy(),
            model=model,
            dataset="none",
            seed=0,
            assigner=assigner,
        )
        for model, (n_valid, n) in models.items()
        for assigner in assigners
    ]
    return Evaluation({"validity": tidy.join(tables)}, dict.fromkeys(models))


def test_a_line_for_each_model_with_the_numbers_of_the_table():
    found = evaluation({"first": (50, 100), "second": (8, 8)}, known={"C0"})
    lines = summary(found, ASSIGNERS).splitlines()
    assert lines[0].split() == ["model", "n", *["valid"] * 3, "unique", "novel"]
    assert lines[1].split() == [*ASSIGNERS, "xyz2mol", "xyz2mol"]
    # 50 of 100 by Wilson: 40.4 to 59.6 %; 4 of 50; 3 of 4.
    assert lines[3].split("  ")[0] == "first" and lines[3].count("50.0 (40–60)") == 3
    assert re.search(r"100 .*8\.0 \(3–19\) +75\.0 \(30–95\)$", lines[3])
    assert lines[4].startswith("second") and " 8 " in lines[4] and "100.0 (68–100)" in lines[4]
    assert lines[-1] == LEGEND and len(lines) == 6


def test_without_a_reference_there_is_no_novelty():
    text = summary(evaluation({"first": (50, 100)}), ASSIGNERS)
    assert "novel" not in text and "unique" in text


def test_controls_are_not_in_it():
    found = evaluation({"first": (50, 100), "copied_training": (4, 4)})
    alone = Evaluation(found.tables, {"first": None})
    assert "copied_training" not in summary(alone, ASSIGNERS)


def test_without_valid_molecules():
    assert "–" in summary(evaluation({"first": (0, 10)}), ASSIGNERS).splitlines()[3].split()


@pytest.mark.parametrize(
    "assigners", [ASSIGNERS, ("xyz2mol", "openbabel", "lookup", "xyz2mol_rdkit", "given", "mine")]
)
def test_it_fits_a_terminal(assigners):
    names = [
        "m",
        "a_model_whose_name_goes_on_for_a_rather_long_time",
        "another-with-12345678901234567890-in-it",
    ]
    found = evaluation(dict.fromkeys(names, (100, 100)), assigners, known={"C9"})
    text = summary(found, assigners)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert all(f" {name}" in text for name in assigners) and "a_model_who…" in text


def test_without_the_table_it_is_empty():
    assert summary(Evaluation({}, {"first": None}), ASSIGNERS) == ""
