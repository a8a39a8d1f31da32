"""docs/results.md and README: rendered of recorded runs, without a number written by hand."""

import re

import pytest
from paper import cells, pages, prose
from paper.catalogue import ROOT, RUNS, catalogue
from paper.quotes import TRAINING_COLUMNS, Quotes
from paper.study import Study, select

from tutti.core import sums

QUOTES = Quotes("results")


def test_the_pages_are_what_the_recorded_runs_say():
    for path, text in pages.rendered().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `make results`"


def test_every_record_is_whole_and_declared():
    folders = [path for path in RUNS.iterdir() if path.is_dir()]
    assert folders and {path.name for path in folders} <= catalogue().runs.keys()
    for folder in folders:
        listed = [line.partition("  ")[2] for line in (folder / sums.NAME).read_text().splitlines()]
        assert sorted(listed) == sorted(path.name for path in folder.iterdir() if path.name != sums.NAME)
        for name in listed:
            sums.check(folder / name, folder)
        entry = catalogue().entry(folder.name)
        assert {f"{name}.csv" for name in entry.tables} <= set(listed)
        assert not re.search(r"[:-] /", (folder / "configuration.yaml").read_text())  # no path of a machine
        assert (ROOT / entry.configuration).is_file()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("valid are 83.8 % of them", ["83.8"]),
        ("9 minutes, 4 GB, 12%, −3 meV/atom", ["9 minutes", "4 GB", "12%", "−3 meV/atom"]),
        ("1,234 of 500", ["1,234"]),
        ("| 99 % | [a](b.md) | 7 Å |", ["99 %", "7 Å"]),
        ("{{ value('x', digits=2.5) }} {# 1.5 #}{% if 1.5 %} `0.1 Å` [1.5 s](x) <!-- 1.5 -->", []),
        ("## 0.1 Å\n```\n1.5 s\n```\n95 % interval, 3D, C20, l = 0, 1, 2, 2 cores", []),
        ("Python 3.11, RDKit 2023.03.3, Figure 4.2", []),
        ("a 95 % increase", ["95 %"]),
    ],
)  # fmt: skip
def test_numbers_written_by_hand_are_found(text, found):
    assert [number for _, number in prose.numbers(text)] == found


def test_a_number_by_hand_is_refused_with_its_line(monkeypatch, tmp_path):
    for name in pages.TEMPLATES.values():
        (tmp_path / name).write_text((pages.FOLDER / name).read_text())
    with (tmp_path / "page.md.j2").open("a") as file:
        file.write("Symphony reaches 83.8 %.\n")
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    last = (tmp_path / "page.md.j2").read_text().count("\n")
    with pytest.raises(pages.PageError, match=rf"page.md.j2: .*line {last}: 83.8"):
        pages.rendered()


def test_a_block_that_only_one_file_has_is_named(monkeypatch, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(pages.README.read_text().replace("<!-- results: demo -->", "<!-- results: dmo -->"))
    monkeypatch.setattr(
        pages,
        "TEMPLATES",
        {readme if page == pages.README else page: name for page, name in pages.TEMPLATES.items()},
    )
    monkeypatch.setattr(pages, "README", readme)
    with pytest.raises(pages.PageError, match="differ in the blocks demo, dmo"):
        pages.rendered()


def test_what_was_not_recorded_is_named_with_its_line(monkeypatch, tmp_path):
    for name in pages.TEMPLATES.values():
        (tmp_path / name).write_text((pages.FOLDER / name).read_text())
    (tmp_path / "page.md.j2").write_text('first\n{{ value("demo", "validity", model="nobody") }}\n')
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    monkeypatch.setattr(pages, "ROOT", tmp_path.parent)
    with pytest.raises(
        pages.PageError, match=r"page\.md\.j2, line 2: no row has the model nobody; there are symphony_demo"
    ):
        pages._text(pages.PAGE)


def test_values_are_those_of_the_file():
    """Against the text of the CSV, read without pandas."""
    lines = (RUNS / "demo/validity.csv").read_text().splitlines()
    head = lines[0].split(",")
    line = next(line for line in lines if line.startswith("edm_demo,qm9_demo,0,validity,xyz2mol,"))
    told = dict(zip(head, line.split(","), strict=False))
    where = dict(model="edm_demo", metric="validity", subset="xyz2mol")
    expected = f"{float(told['value']):.1%}".rstrip("%")
    ends = [f"{float(told[end]):.1%}".rstrip("%") for end in ("ci_low", "ci_high")]
    assert QUOTES.value("demo", "validity", **where) == expected
    assert QUOTES.value("demo", "validity", interval=True, **where) == f"{expected} [{', '.join(ends)}]"
    assert QUOTES.value("demo", "validity", column="n", **where) == told["n"] == "500"
    assert QUOTES.value("demo", "validity", column="note", **where) == told["note"] == "of samples"
    with pytest.raises(ValueError, match="no column 'notes'; there are value, published, n and note"):
        QUOTES.value("demo", "validity", column="notes", **where)
    assert f"| EDM | {expected} [{', '.join(ends)}] |" in QUOTES.overview("demo", columns=["Valid"])


def test_figures_of_other_pages_are_told_from_those_of_the_first():
    assert "**Figure 1.** Caption" in Quotes("results").figure("c20", "Caption")
    other = Quotes("..", "S")
    assert [other.figure("c20", "Caption").split(".** ")[0][-2:] for _ in range(2)] == ["S1", "S2"]


def test_a_value_that_could_be_several_is_refused():
    with pytest.raises(ValueError, match=r"rows; say which of .*subset: xyz2mol, openbabel, lookup"):
        QUOTES.value("demo", "validity", model="edm_demo", metric="validity")
    with pytest.raises(ValueError, match=r"several numbers in a cell; say which .*subset"):
        QUOTES.table("demo", "validity", metric="validity")


def test_tables_have_published_rows_and_the_order_that_is_asked_for():
    metrics = ["molecule_stability", "validity_as_published"]
    text = QUOTES.table(
        "qm9_data", "validity", "metric", "subset", 2, False, metric=metrics, subset=["lookup", "xyz2mol"]
    )
    assert text.splitlines() == [
        "|  | lookup | xyz2mol |",
        "| --- | --- | --- |",
        "| molecule stability (%) | 95.28 |  |",
        "| molecule stability (%), published | 95.20 |  |",
        "| validity as published (%) | 97.68 | 99.99 |",
        "| validity as published (%), published | 97.60 | 99.99 |",
    ]


def test_published_numbers_are_those_of_the_papers():
    """Symphony paper, table 1."""
    assert QUOTES.published("QM9", "validity_as_published", "openbabel") == "94.60"
    assert QUOTES.published("Symphony", "validity_as_published", "xyz2mol") == "83.50"
    assert QUOTES.published("G-SphereNet", "validity_of_finished", "xyz2mol") == "26.92"
    assert (
        QUOTES.cited("7.35", "daigavane2024symphony")
        == "7.35 ([Daigavane 2024](https://arxiv.org/abs/2311.16199))"
    )


def test_logs_must_say_what_is_quoted_of_them():
    assert QUOTES.log("data.md", "95.0 % valid") == "95.0 % valid"
    for text in ("5.0 % valid", "95.0 % invalid", "130,83"):
        with pytest.raises(ValueError, match="does not say"):
            QUOTES.log("data.md", text)


def test_trainings_have_a_row_each():
    table, rows = QUOTES.trainings("demo"), Study(RUNS / "demo").trainings
    assert table.count("\n") == len(rows) + 1
    (edm,) = select(rows, model="edm_demo").itertuples()
    seconds, loss, digest = f"{edm.processor_seconds:.0f}", f"{edm.best_loss:.4g}", edm.weights_sha256
    assert f"| qm9_demo | edm_demo | 1,750 | 89.5 | {seconds} | 97,401 | {loss} | {digest[:12]}… |" in table
    told = {column: QUOTES.training("demo", "edm_demo", column) for column in TRAINING_COLUMNS}
    assert (told["steps"], told["processor_seconds"], told["weights_sha256"]) == ("1,750", seconds, digest)


def test_given_weights_are_told_with_what_is_known_of_them():
    digest = Study(RUNS / "temperatures").trainings["weights_sha256"].item()
    told = "symphony_shipped (weights of symphony) | 30,000 | – | 1,868 | 463,081 | 2.566"
    assert f"| qm9 | {told} | {digest[:12]}… |" in QUOTES.trainings("temperatures")


def test_numbers_are_written_as_they_are():
    assert cells.text(0.123456, "1") == "12.3" and cells.text(0.123456, "1", 3) == "12.346"
    assert cells.text(1234.6, "meV", 2) == "1,200" and cells.text(0.001234, "Å", 2) == "0.0012"
    assert cells.text(float("nan"), "1") == "–"
