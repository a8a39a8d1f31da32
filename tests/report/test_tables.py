"""Tidy and wide tables."""

import numpy as np
import pandas as pd
import pytest

from tutti.core import tidy
from tutti.report import tables


def row(**changes):
    base = {
        "model": "symphony_demo",
        "dataset": "qm9",
        "seed": 0,
        "metric": "validity",
        "subset": "xyz2mol",
        "value": 0.835,
        "ci_low": 0.8123,
        "ci_high": 0.8561,
        "n": 500,
        "unit": "1",
        "published": np.nan,
        "note": "",
    }
    return base | changes


@pytest.fixture
def table():
    return pd.DataFrame(
        [
            row(model="test_split", value=0.999, ci_low=0.99, ci_high=1.0, n=130),
            row(published=0.9161, note="published: somebody2020, table1"),
            row(subset="lookup", value=0.5, ci_low=0.45, ci_high=0.55),
            row(
                metric="novelty", value=np.nan, ci_low=np.nan, ci_high=np.nan, n=None, note="no valid sample"
            ),
            row(
                metric="jsd", subset="atom_types", value=0.00031416, ci_low=np.nan, ci_high=np.nan, unit="nat"
            ),
        ]
    )


def cells(frame):
    return {key: list(texts) for key, texts in zip(frame.index, frame.to_numpy(), strict=True)}


def test_wide_form_against_hand_made_cells(table):
    shares, divergence = tables.wide(table)
    assert list(shares.columns) == ["xyz2mol", "lookup"]
    assert cells(shares) == {
        ("validity (%)", "symphony_demo"): ["83.5 [81.2, 85.6] (500)", "50.0 [45.0, 55.0] (500)"],
        ("validity (%)", "symphony_demo, published"): ["91.61 ¹", ""],
        ("validity (%)", "test split (control)"): ["99.9 [99.0, 100.0] (130)", ""],
        ("novelty (%)", "symphony_demo"): ["– ²", ""],
    }
    assert list(divergence.columns) == ["atom_types"]
    assert cells(divergence) == {("JSD (nat)", "symphony_demo"): ["0.0003142 (500)"]}
    assert tables.footnotes(table) == ["published: somebody2020, table1", "no valid sample"]


def test_wide_rows_are_grouped_by_metric_with_controls_last(table):
    keys = [key for frame in tables.wide(table) for key in frame.index]
    assert [metric for metric, _ in keys] == ["validity (%)"] * 3 + ["novelty (%)", "JSD (nat)"]
    models = [model for metric, model in keys if metric == "validity (%)"]
    assert models[-1] == "test split (control)"


def test_labels_name_dataset_and_seed_only_where_they_differ():
    rows = [row(), row(seed=1), row(model="test_split"), row(dataset="qm7")]
    assert list(tables.labels(pd.DataFrame(rows))) == [
        "qm9: symphony_demo, seed 0",
        "qm9: symphony_demo, seed 1",
        "qm9: test split (control)",
        "qm7: symphony_demo, seed 0",
    ]
    assert list(tables.labels(pd.DataFrame([row(dataset="qm9", seed=7)]))) == ["symphony_demo"]


def test_csv_has_the_fixed_columns_and_comes_back(table, tmp_path):
    shuffled = table[table.columns[::-1]]
    tables.write(shuffled, tmp_path / "validity")
    text = (tmp_path / "validity.csv").read_text()
    assert text.splitlines()[0] == (
        "model,dataset,seed,metric,subset,value,ci_low,ci_high,n,unit,published,note"
    )
    assert text.splitlines()[4] == "symphony_demo,qm9,0,novelty,xyz2mol,,,,,1,,no valid sample"
    pd.testing.assert_frame_equal(tidy.read(tmp_path / "validity.csv"), tidy.check(table))


def test_names_that_look_like_missing_values_survive(tmp_path):
    tables.write(pd.DataFrame([row(model="NA", note="None")]), tmp_path / "t")
    back = tidy.read(tmp_path / "t.csv")
    assert (back.loc[0, "model"], back.loc[0, "note"]) == ("NA", "None")


def test_two_writes_give_the_same_bytes(table, tmp_path):
    for name in ("a", "b"):
        tables.write(table, tmp_path / name)
    for suffix in (".csv", ".md", ".tex"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_markdown_is_a_table_with_notes(table):
    lines = tables.markdown(table).splitlines()
    body = [line for line in lines if line.startswith("|")]
    assert len(body) == (2 + 4) + (2 + 1)
    assert [line.count("|") for line in body] == [5] * 6 + [4] * 3
    assert set(body[1]) <= set("|:-")
    assert lines[-2:] == ["1. published: somebody2020, table1", "2. no valid sample"]


def test_markdown_escapes_the_column_separator():
    text = tables.markdown(pd.DataFrame([row(model="a|b")]))
    assert r"a\|b" in text


def test_latex_is_escaped_and_balanced(table):
    table.loc[1, "model"] = r"50% & {best}_model #1 $x^2$ ~ \ <a>"
    text = tables.latex(table)
    escaped = (
        r"50\% \& \{best\}\_model \#1 \$x\textasciicircum{}2\$ \textasciitilde{} \textbackslash{} "
        r"\textless{}a\textgreater{}"
    )
    assert f" & {escaped} & 83.5 [81.2, 85.6] (500)" in text.replace("validity (\\%)", "")
    assert "91.61 \\textsuperscript{1}" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert [line.replace(r"\&", "").count("&") for line in rows] == [3] * 6 + [2] * 2
    plain = text.replace(r"\{", "").replace(r"\}", "")
    assert plain.count("{") == plain.count("}")
    assert text.isascii()


@pytest.mark.parametrize("change", ["drop", "extra"])
def test_wrong_columns_are_named(table, change):
    wrong = table.drop(columns="unit") if change == "drop" else table.assign(colour=1)
    with pytest.raises(ValueError, match="unit" if change == "drop" else "colour"):
        tidy.check(wrong)


def test_two_rows_with_one_key_are_refused(table):
    with pytest.raises(ValueError, match=r"share their key(.|\n)*novelty"):
        tidy.check(pd.concat([table, table.iloc[[3]]]))


def test_metrics_with_other_subsets_stand_in_a_frame_of_their_own():
    rows = [
        ("validity", "a"),
        ("validity", "b"),
        ("stability", "b"),
        ("mmd", "C-H"),
        ("jsd", "rings"),
        ("p", "rings"),
    ]
    table = pd.DataFrame([row(metric=metric, subset=subset) for metric, subset in rows])
    frames = tables.wide(table)
    assert [list(frame.columns) for frame in frames] == [["a", "b"], ["C-H"], ["rings"]]
    assert [metric for metric, _ in frames[0].index] == ["validity (%)", "stability (%)"]
    text = tables.markdown(table)
    assert text.count("| metric") == 3 and text.count("Cells:") == 1
    assert tables.latex(table).count("\\begin{tabular}") == 3


def test_a_table_without_rows_can_be_written_and_read(tmp_path):
    empty = pd.DataFrame([row()]).iloc[:0]
    tables.write(empty, tmp_path / "empty")
    assert tidy.read(tmp_path / "empty.csv").empty
    assert (tmp_path / "empty.md").read_text() == "No rows.\n"


def test_rounding_errors_are_shown_as_zero():
    table = pd.DataFrame([row(value=4.9e-16, ci_low=0.0, ci_high=2e-9, n=3, unit="Å")])
    assert tables.wide(table)[0].iloc[0, 0] == "0 [0, 2e-09] (3)"
