"""Names of any kind in CSV, Markdown, LaTeX and the page: nothing is lost, and nothing is markup."""

import re
import unicodedata

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from tutti.core import tidy
from tutti.report import escaping, tables

from .pages import Page, add_table, page
from .test_tables import row

NAMES = [
    *("a|b", r"a\|b", "a\\", "`x`", "*x*", "_x_", "a_b", "__x__", "[a](b)", "![a](b)", "<b>x</b>", "<!-- x"),
    *(
        "&lt;",
        "&#60;",
        "a & b",
        "~~x~~",
        "$x$",
        "x^2 {y} #1 100%",
        "--",
        "---",
        "a---b",
        "[x",
        "[1pt]",
        "# x",
    ),
    *(
        "- x",
        "+x",
        "=1+1",
        "@x",
        "1. x",
        "1) x",
        "http://a.b",
        "www.a.b",
        "a@b.c",
        'a"b',
        "a,b",
        "'a'",
        "ß水🧪",
    ),
    *("NA", "nan", "null", "None", "True", "1e5", "0001", "a;b", "| --- |", "```", "\\n"),
]
UNSEEN = {
    "a\nb": r"a\nb",
    "a\rb": r"a\rb",
    "a\r\nb": r"a\r\nb",
    "a\tb": r"a\tb",
    "a\x1b[31mb": r"a\u001b[31mb",
    "a\u202egnp.exe": r"a\u202egnp.exe",
    "a\u2028b": r"a\u2028b",
    "a\u200bb": r"a\u200bb",
}
ALL = {**{name: name for name in NAMES}, **UNSEEN}


@pytest.fixture(scope="module")
def table():
    rows = [row(model=name, subset="xyz2mol", note=f"{name}, of all") for name in ALL]
    return pd.DataFrame([*rows, row(model="a", subset="a|b <i>*x*</i>"), row(model="a", metric="x*y*|z")])


def test_csv_gives_every_name_again(table, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(tables.csv(table).encode())
    again = tidy.read(path)
    for name in ("model", "subset", "metric", "note"):
        assert again[name].tolist() == table[name].tolist()
    plain = pd.read_csv(path, keep_default_na=False)
    assert plain["model"].tolist() == table["model"].tolist()
    assert plain["value"].tolist() == pytest.approx(table["value"].tolist())


def test_without_carriage_returns_the_bytes_are_what_they_were(table):
    kept = table[~table["model"].str.contains("\r")]
    assert tables.csv(kept) == kept[tidy.COLUMNS].astype({"n": "Int64"}).to_csv(
        index=False, float_format="%.8g", lineterminator="\n"
    )


def _cells(tokens):
    """Rows of the texts of a table's cells, and what is in them besides text."""
    rows, others = [], []
    for i, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        if token.type in ("th_open", "td_open"):
            inline = tokens[i + 1]
            others += [
                each.type for each in inline.children or () if each.type not in ("text", "text_special")
            ]
            rows[-1].append("".join(each.content for each in inline.children or ()))
    return rows, others


def test_markdown_rendered_by_a_library_shows_every_name(table):
    text = tables.markdown(table)
    parsed = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"]).parse(text)
    rows, others = _cells(parsed)
    assert others == []
    models = [row[1] for row in rows if row[1] != "model"]
    assert models == [*(shown.strip() for shown in ALL.values()), "a", "a"]
    starts = [i for i, row in enumerate(rows) if row[0] == "metric"]
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        assert {len(row) for row in rows[start:stop]} == {len(rows[start])}
    assert rows[0][2:] == ["xyz2mol", "a|b <i>*x*</i>"]
    assert any(row[0].startswith("x*y*|z") for row in rows)
    entries = [token for token in parsed if token.type == "list_item_open"]
    assert len(entries) == len(ALL)
    notes = [token.children for token in parsed[parsed.index(entries[0]) :] if token.type == "inline"]
    assert ["".join(child.content for child in note) for note in notes] == [
        f"{s}, of all" for s in ALL.values()
    ]
    assert {child.type for note in notes for child in note} <= {"text", "text_special"}


def test_latex_has_no_special_characters_of_names(table):
    text = tables.latex(table)
    body = re.sub(
        r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}", "?", text
    )
    body = re.sub(r"\\(textasciigrave|AA)\{\}", "?", body)
    body = re.sub(r"\\textsuperscript\{\d\}|\\[&%$#_{}]", "?", body)
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(rows) == len(ALL) + 1 + 2 + 1 - 1
    for line in rows:
        assert line.count("&") == line.count(" & ")
        assert not set(line.removesuffix(r"\\")) & set("%$#_\\^~`|<>")
        assert not line.startswith("[")
        assert "--" not in line
    assert all(character.isprintable() or character == "\n" for character in text)


def test_the_same_table_with_ordinary_names_is_as_it_was():
    ordinary = pd.DataFrame([row(), row(model="schnet@homo", metric="d_2", subset="C-C (1.5 Å)")])
    for form in (tables.markdown, tables.latex):
        assert "\\@" not in form(ordinary) and "{}-" not in form(ordinary)
    assert "symphony_demo" in tables.markdown(ordinary)


def test_visible():
    assert escaping.visible("ß 水 🧪") == "ß 水 🧪"
    assert {escaping.visible(name) for name in UNSEEN} == set(UNSEEN.values())
    shown = "".join(map(escaping.visible, map(chr, range(0x11000))))
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Zl", "Zp", "Cs"}


def test_the_page_shows_every_name_and_gains_no_tag(run):
    plain = Page(page(run))
    add_table(run, "posebusters", [(name, "validity", "xyz2mol") for name in ALL])
    shown = Page(page(run))
    seen = [name for name in ALL if name.isprintable()]
    assert [name for name in seen if name not in shown.text] == []
    added = {tag for tag, _ in shown.tags} - {tag for tag, _ in plain.tags}
    assert added <= {"details", "summary", "small", "ol", "li"}
    assert {name for _, a in shown.tags for name in a if name.startswith("on")} == set()
