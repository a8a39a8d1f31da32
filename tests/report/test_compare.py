"""Two runs side by side: what is matched, what is refused, and what the page says."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from tutti.core.registry import ConfigError
from tutti.core.tidy import COLUMNS
from tutti.io.text import FormatError
from tutti.report import tables
from tutti.report.compare import NUMBERS, compare
from tutti.report.page import packed, unpacked
from tutti.statistics.proportions import share

from .pages import Page, page

KEY = ("table", "model", "metric", "subset")


def line(model, metric, subset, k, n, *, dataset="qm9", of="samples", **changed):
    """A row of a share."""
    row = share(metric, subset, k, n, of) | {"model": model, "dataset": dataset, "seed": 0}
    return row | changed


def folder(path, rows, table="validity", **record):
    tables.write(pd.DataFrame(rows, columns=COLUMNS), path / "tables" / table)
    if record:
        (path / "evaluation.json").write_text(json.dumps(record))
    return path


def judged(reference=None, **more):
    sets = {"a": {"samples": 100, "digest": "1" * 64}}
    if reference:
        sets["reference"] = {"samples": 9, "digest": reference * 64}
    return {"reference": f"{reference}.xyz", "judged": sets, **more}


@pytest.fixture
def compared(tmp_path):
    """Compare two folders; gives the rows by key, and the text of the page."""

    def run(first, second):
        out = compare(first, second, tmp_path / "out")
        assert out == tmp_path / "out" / "index.html"
        rows = pd.read_csv(tmp_path / "out" / NUMBERS, keep_default_na=False, na_values={"difference": [""]})
        return rows.set_index(list(KEY)), out.read_text(encoding="utf-8")

    return run


def test_the_difference_has_newcombes_interval_and_a_verdict(tmp_path, compared):
    first = folder(
        tmp_path / "one", [line("a", "validity", "xyz2mol", 48, 80), line("a", "charge", "x", 90, 100)]
    )
    second = folder(
        tmp_path / "two", [line("a", "validity", "xyz2mol", 56, 70), line("a", "charge", "x", 10, 100)]
    )
    rows, text = compared(first, second)
    valid = rows.loc["validity", "a", "validity", "xyz2mol"]
    assert valid[["difference", "ci_low", "ci_high"]].astype(float).tolist() == pytest.approx(
        [0.2, 0.0524, 0.3339], abs=5e-5
    )
    assert valid["verdict"] == "better"
    assert rows.loc["validity", "a", "charge", "x"]["verdict"] == "different"  # neither way is better
    assert "<h1>one against two</h1>" in text
    assert "+20.0 [5.2, 33.4]" in text and "60.0 [49.0, 70.0] (80)" in text
    assert "Of 2 intervals 2 exclude 0; if nothing differed, about\n0.1 would by chance" in text
    assert rows.index[0][2] == "validity"


@pytest.mark.parametrize(
    ("metric", "k", "verdict"),
    [
        ("validity", 20, "worse"),
        ("validity", 52, "no clear difference"),
        ("validity", 50, "same"),
        ("sampling_time", 20, "better"),
        ("sampling_time", 80, "worse"),
        ("made_up", 80, "different"),
    ],
)
def test_verdicts_are_about_the_second(tmp_path, compared, metric, k, verdict):
    first = folder(tmp_path / "one", [line("a", metric, "x", 50, 100)])
    second = folder(tmp_path / "two", [line("a", metric, "x", k, 100)])
    assert compared(first, second)[0]["verdict"].tolist() == [verdict]


def test_equal_runs_have_no_difference(tmp_path, compared):
    rows = [line(model, "validity", "xyz2mol", 50, 100) for model in ("a", "test_split")]
    found, text = compared(
        folder(tmp_path / "one", rows, **judged("q")), folder(tmp_path / "two", rows, **judged("q"))
    )
    assert set(found["verdict"]) == {"same"} and (found["difference"] == 0).all()
    assert (found["ci_low"] == "").all()
    assert "differs, and nothing else." in text and "intervals" not in re.sub("(?s).*A verdict", "", text)


def test_numbers_without_an_interval_have_a_difference_without_one(tmp_path, compared):
    bare = dict(ci_low=np.nan, ci_high=np.nan)
    ranges = dict(note="range of 20 divisions of the reference")
    first = [line("a", "jsd", "x", 50, 100, **bare), line("a", "jsd_floor", "x", 1, 100, **ranges)]
    second = [line("a", "jsd", "x", 60, 100), line("a", "jsd_floor", "x", 90, 100, **ranges)]
    rows, _ = compared(folder(tmp_path / "one", first, "jsd"), folder(tmp_path / "two", second, "jsd"))
    assert rows["difference"].tolist() == pytest.approx([0.1, 0.89])
    assert (rows["ci_low"] == "").all() and set(rows["verdict"]) == {"no interval"}
    assert rows["remarks"].tolist()[1] == "brackets are ranges, not intervals"


def test_what_only_one_has_is_counted_and_listed(tmp_path, compared):
    both = line("a", "validity", "xyz2mol", 50, 100)
    first = folder(tmp_path / "one", [both, line("b", "validity", "xyz2mol", 50, 100)])
    folder(tmp_path / "one", [line("a", "sampling_time", "batch 1", 5, 10)], "throughput")
    second = folder(tmp_path / "two", [both, line("a", "novelty", "xyz2mol", 7, 10)])
    rows, text = compared(first, second)
    assert rows["verdict"].value_counts().to_dict() == {
        "same": 1,
        "only in the first": 2,
        "only in the second": 1,
    }
    assert "<summary>2 only in one</summary>" in text and "<summary>1 only in two</summary>" in text
    assert "<b>2</b> are only in one, <b>1</b> only in two." in text


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"unit": "meV"}, "units differ: 1 and meV"),
        ({"note": "of finished samples"}, "denominators differ: of samples and of finished samples"),
        ({"note": ""}, "denominators differ: of samples and not said"),
        (
            {"value": np.nan, "ci_low": np.nan, "ci_high": np.nan, "note": "undefined: none valid"},
            "undefined in the second: none valid",
        ),
    ],
)
def test_what_is_not_comparable_is_refused_with_the_reason(tmp_path, compared, changed, reason):
    first = folder(tmp_path / "one", [line("a", "validity", "x", 50, 100)])
    second = folder(tmp_path / "two", [line("a", "validity", "x", 90, 100, **changed)])
    rows, text = compared(first, second)
    (row,) = rows.to_dict("records")
    assert row["verdict"] == "not comparable" and row["remarks"] == reason and np.isnan(row["difference"])
    assert reason in Page(text).text and '<section id="refused">' in text


def test_single_models_of_evaluations_are_matched_and_another_reference_refuses_what_needs_it(
    tmp_path, compared
):
    def made(name, model, dataset, k, reference):
        metrics = ("validity", "novelty")
        rows = [line(model, metric, "xyz2mol", k, 100, dataset=dataset) for metric in metrics]
        rows.append(line("copied_training", "validity", "xyz2mol", k, 100, dataset=dataset))
        return folder(tmp_path / name, rows, **judged(reference))

    rows, text = compared(made("one", "a", "q", 50, "1"), made("two", "b", "r", 90, "2"))
    verdicts = rows["verdict"].droplevel(["table", "subset"]).to_dict()
    assert verdicts == {
        ("a / b", "validity"): "better",
        ("a / b", "novelty"): "not comparable",
        ("copied_training", "validity"): "not comparable",
    }
    assert "the only model of the first, a, with that of the second, b" in text
    assert "the only reference of the first, q, with that of the second, r" in text
    assert "<b>Different data or reference</b> (q / r)" in text
    # The same reference under two names is no other one.
    rows, _ = compared(made("three", "a", "q", 50, "1"), made("four", "b", "r", 90, "1"))
    assert set(rows["verdict"]) == {"better"}


def test_other_test_data_of_a_run_refuse_errors_of_force_fields(tmp_path, compared):
    folders = []
    for name, k, test in (("one", 50, [1, 2]), ("two", 90, [1, 3])):
        path = folder(tmp_path / name, [line("a", "force_mae", "test", k, 100)], "errors")
        folder(path, [line("a", "validity", "xyz2mol", k, 100)])
        (path / "data").mkdir()
        splits = {"dataset_digest": "d" * 64, "test": test, "train": list(range(900))}
        (path / "data" / "qm9.splits.json").write_text(json.dumps(splits))
        folders.append(path)
    rows, text = compared(*folders)
    assert rows["verdict"].droplevel(["model", "metric", "subset"]).to_dict() == {
        "validity": "better",
        "errors": "not comparable",
    }
    assert re.search(r"data/qm9.splits.json: test</td><td[^>]*>\[1, 2\]</td><td[^>]*>\[1, 3\]", text)


def test_settings_that_differ_are_told_the_decisive_first(tmp_path, compared):
    rows = [line("a", "validity", "x", 50, 100)]
    settings = ({"assigners": ["x"], "remark": "r", "files": ["f"]}, {"assigners": ["x", "y"], "remark": "s"})
    one, two = (folder(tmp_path / str(i), rows, **judged(**each)) for i, each in enumerate(settings))
    _, text = compared(one, two)
    section = text[text.index('id="made_with"') : text.index('id="method"')]
    before, after = section.split("<summary>1 other settings differ</summary>")
    assert "evaluation.json: assigners" in before and "evaluation.json: remark" in after
    assert "files" not in Page(section).text


def test_versions_and_configuration_are_read_from_the_page_of_a_run(run, tmp_path, compared):
    text = page(run)
    first = run["out"].parents[1]
    second = tmp_path / "other" / "demo"
    (second / "report").mkdir(parents=True)
    (second / "tables").symlink_to(first / "tables")
    data = unpacked(text)
    data["made_with"]["versions"]["rdkit"] = "1999.1"
    data["made_with"]["configuration"]["generation"]["samples"] = 50
    changed = re.sub(r'(<script id="data"[^>]*>)[^<]*', lambda match: match[1] + packed(data), text)
    (second / "report" / "index.html").write_text(changed)
    _, text = compared(first, second)
    assert "<h1>results/demo against other/demo</h1>" in text
    told = re.findall(r"<tr><td[^>]*>(.*?)</td><td[^>]*>(.*?)</td><td[^>]*>(.*?)</td></tr>", text)
    told = {key: (one, other) for key, one, other in told}
    assert told["version of rdkit"][1] == "1999.1"
    assert told["generation.samples"] == ("500", "50")


def test_another_number_of_molecules_and_other_notes_are_remarked(tmp_path, compared):
    first = [line("a", "uniqueness", "x", 50, 100, note="of valid molecules; on a CPU")]
    second = [line("a", "uniqueness", "x", 50, 200, note="of valid molecules; on a GPU")]
    rows, _ = compared(folder(tmp_path / "one", first), folder(tmp_path / "two", second))
    assert rows["remarks"].tolist() == [
        "depends on the number of molecules, 100 and 200; first: on a CPU; second: on a GPU"
    ]


def test_the_page_needs_nothing_else(tmp_path, compared):
    first = folder(tmp_path / "one", [line("<b>", "validity", "xyz2mol", 50, 100)])
    second = folder(tmp_path / "two", [line("<b>", "validity", "xyz2mol", 90, 100)])
    _, text = compared(first, second)
    found = Page(text)
    assert all(link.startswith(("#", "data:")) for link in found.attributes("href", "src"))
    assert any(link.startswith("data:image/svg+xml") for link in found.attributes("src"))
    assert "http" not in re.sub(r"data:[^\"]*", "", text)
    assert "<td><b></td>" not in text


def test_folders_without_results_are_refused_with_one_nearby(tmp_path):
    good = folder(tmp_path / "results" / "demo", [line("a", "validity", "x", 50, 100)])
    (good / "figures").mkdir()
    for wrong in (good.parent, good / "tables", good / "figures"):
        with pytest.raises(ConfigError, match=rf"expected a folder with tables/.*did you mean .*{good}\?$"):
            compare(good, wrong, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="no such folder; expected a folder with tables"):
        compare(good, tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(ConfigError, match="are the same folder"):
        compare(good, good / "tables" / "..", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.5,", "half,", r"validity.csv, line 2, column value: expected a tidy table"),
        ("ci_low", "low", r"validity.csv: expected a tidy table, found this: .*ci_low"),
        (
            "samples\n",
            "samples,more,more\n",
            r"validity.csv, line 2, 14 fields under 12 headings: expected a tidy table",
        ),
    ],
)
def test_a_broken_table_is_named_with_its_line(tmp_path, old, new, message):
    good, bad = (folder(tmp_path / name, [line("a", "validity", "x", 50, 100)]) for name in ("one", "two"))
    file = bad / "tables" / "validity.csv"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(FormatError, match=message):
        compare(good, bad, tmp_path / "out")


def test_a_broken_record_is_named(tmp_path):
    good, bad = (folder(tmp_path / name, [line("a", "validity", "x", 50, 100)]) for name in ("one", "two"))
    (bad / "evaluation.json").write_text("{")
    with pytest.raises(FormatError, match=r"two/evaluation.json: expected a JSON object"):
        compare(good, bad, tmp_path / "out")


def test_only_comparisons_are_overwritten(tmp_path):
    one, two = (
        folder(tmp_path / n, [line("a", "validity", "x", k, 100)]) for n, k in (("one", 50), ("two", 60))
    )
    out = tmp_path / "out"
    compare(one, two, out)
    text = (out / "index.html").read_text()
    compare(two, one, out)
    assert (out / "index.html").read_text() != text
    (out / "index.html").write_text("mine")
    with pytest.raises(ConfigError, match=r"index.html was made by no comparison"):
        compare(one, two, out)
    assert (out / "index.html").read_text() == "mine"
    with pytest.raises(NotADirectoryError, match="is a file"):
        compare(one, two, out / "index.html")
