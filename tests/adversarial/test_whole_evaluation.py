"""The corpus through everything that `tutti evaluate` does: nothing hangs, nothing stops the run."""

from dataclasses import replace

import pandas as pd
import pytest
from corpus import corpus

from tutti.benchmark import tables
from tutti.core import tidy
from tutti.evaluation.request import Request
from tutti.evaluation.run import evaluate

READABLE = [case for case in corpus() if not case.error]
ASSIGNERS = ("xyz2mol", "openbabel", "lookup")


@pytest.mark.long
def test_the_corpus_through_all_tables(corpus_folders, tmp_path, monkeypatch):
    quick = {name: replace(check, time_limit=5.0) for name, check in tables.declared().checks.items()}
    declared = replace(tables.declared(), checks=quick)
    monkeypatch.setattr("tutti.evaluation.sets.declared", lambda: declared)
    inputs = tuple(corpus_folders[case.name] for case in READABLE)
    evaluate(Request(inputs=inputs, out=tmp_path, reference=inputs[0], jobs=2, molecules=10_000))
    rows = pd.read_parquet(tmp_path / "molecules.parquet")
    expected = [sample for case in READABLE for sample in case.expected]
    assert len(rows) == len(ASSIGNERS) * len(expected)
    validity = tidy.read(tmp_path / "tables/validity.csv")
    generated = validity[(validity["metric"] == "validity") & (validity["model"] == "samples")]
    assert set(generated["n"]) == {len(expected)}
    main = rows[rows["assigner"] == "xyz2mol"].reset_index(drop=True)
    # SD files have four decimals only: the same molecules with other coordinates.
    is_exact = ~main["file"].str.contains(".sdf", regex=False)
    good = [i for i, sample in enumerate(expected) if sample.good and is_exact[i]]
    assert len(good) > 500
    for check in ("posebusters", "geometry", "strain"):
        # The same good molecules come again and again: each has the same results everywhere.
        results = main.loc[good].drop(columns=[c for c in main if not c.startswith(f"{check}_")])
        results = results.drop(columns=f"{check}_seconds").assign(smiles=main.loc[good, "smiles"])
        assert len(results.drop_duplicates()) == results["smiles"].nunique(), check
    assert (tmp_path / "report/index.html").is_file()
