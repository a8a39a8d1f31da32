"""The first table of the page: sorting, and the way from a number to its molecules."""

import re

import numpy as np
import pytest

from tutti.core import tidy

pytestmark = pytest.mark.page

CONTROL = "tr.control"
MISSING = "–"


def number_of(text):
    """The number at the beginning of a cell, NaN where there is none."""
    match = re.match(r"-?\d+(\.\d+)?(e[+-]?\d+)?", text)
    return float(match[0]) if match else np.nan


def column_of(table, column, rows="tbody tr"):
    """Values of a column from top to bottom, as text, without intervals and ranks."""
    text = "(rows, k) => rows.map(({ cells }) => (cells[k].querySelector('b') ?? cells[k]).innerText)"
    cells = table.locator(rows).evaluate_all(text, column)
    return [cell.split("\n")[0].strip() for cell in cells]


def headings_of(table):
    return table.locator("thead th")


def is_ordered(values, rising):
    """Whether texts, or numbers with the missing ones last, are in order."""
    present = [value for value in values if value not in ("", MISSING)]
    assert values[len(present) :] == [value for value in values if value in ("", MISSING)]
    numbers = [number_of(value) for value in present]
    if np.isnan(numbers).any():
        numbers = [value.casefold() for value in present]
    return numbers == sorted(numbers, reverse=not rising)


def check_sorting(table):
    """Each heading sorts, first one way and then the other, and says which."""
    everything = sorted(column_of(table, 0))
    for column in range(headings_of(table).count()):
        heading = headings_of(table).nth(column)
        directions = []
        for _ in range(2):
            heading.get_by_role("button").click()
            directions.append(heading.get_attribute("aria-sort"))
            for body in table.locator("tbody").all():
                values = column_of(body, column, "tr")
                assert is_ordered(values, directions[-1] == "ascending"), (column, directions[-1], values)
            assert table.locator("thead th[aria-sort]").count() == 1
            assert sorted(column_of(table, 0)) == everything
        first = "descending" if heading.get_attribute("data-better") == "higher" else "ascending"
        assert directions == [first, {"ascending": "descending", "descending": "ascending"}[first]]


def test_every_column_of_the_overview_sorts_and_controls_stay_below(page):
    table = page.locator("#overview table")
    assert table.locator("tbody tr").count() == 3
    check_sorting(table)
    kinds = table.locator("tbody tr").evaluate_all("(rows) => rows.map((row) => row.className)")
    assert kinds == ["model", "model", "control"]


def test_every_column_of_a_long_table_sorts(page):
    article = page.locator("article", has=page.locator("[data-table=mmd_bond_length]"))
    article.locator("details > summary").first.click()
    table = article.locator("table").first
    assert table.locator("tbody tr").count() > 12
    check_sorting(table)


def test_missing_values_come_last(page):
    page.locator("#overview tbody tr").first.evaluate("(row) => { row.cells[1].dataset.sort = ''; }")
    name = column_of(page.locator("#overview"), 0)[0]
    for _ in range(2):
        page.locator("#overview thead button").nth(1).click()
        assert column_of(page.locator("#overview"), 0, "tr.model")[-1] == name


def test_a_row_of_the_overview_is_the_table(page, evaluated):
    table = tidy.read(evaluated.folder / "tables/validity.csv")
    main = table[(table["metric"] == "validity") & (table["subset"] == "xyz2mol")].set_index("model")
    shares = dict(
        zip(column_of(page.locator("#overview"), 0), column_of(page.locator("#overview"), 1), strict=True)
    )
    for model in ("real", "10% of noise"):
        assert number_of(shares[model]) == pytest.approx(100 * main.loc[model, "value"], abs=0.05)


@pytest.mark.parametrize(
    ("heading", "field", "value"),
    [
        ("Valid", "verdict", "not_valid"),
        ("Unique", "verdict", "repeated"),
        ("PoseBusters", "check", "posebusters"),
        ("Hydrogens in place", "check", "geometry"),
        ("Strain", "check", "strain"),
    ],
)
def test_a_number_leads_to_its_molecules(page, evaluated, heading, field, value):
    row = page.locator("#overview tr", has_text="10% of noise")
    column = headings_of(page.locator("#overview")).all_inner_texts()
    (place,) = [k for k, text in enumerate(column) if text.startswith(heading)]
    row.locator("th, td").nth(place).get_by_role("button").click()
    assert page.locator("[name=set] option:checked").inner_text() == "10% of noise (60)"
    assert page.locator(f"[name={field}]").input_value() == value
    assert page.locator("[name=set]").evaluate("(field) => field === document.activeElement")
    top = page.locator("#molecules h2").bounding_box()["y"]
    nav = page.locator("nav").bounding_box()
    assert nav["y"] + nav["height"] <= top < 500


def test_the_molecules_behind_validity_are_those_not_valid(page, evaluated):
    rows = evaluated.rows[
        (evaluated.rows["model"] == "10% of noise") & (evaluated.rows["assigner"] == "xyz2mol")
    ]
    page.locator("#overview tr", has_text="10% of noise").locator("td button").first.click()
    assert page.locator("#found").inner_text().startswith(f"{(~rows['valid']).sum()} molecules")


def test_a_model_leads_to_its_molecules(page):
    page.locator("#overview tbody th button", has_text="real").click()
    assert page.locator("#found").inner_text().startswith("60 molecules")
    assert "real, sample 0" in page.locator(".card").first.get_attribute("title")
