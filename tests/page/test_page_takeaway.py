"""What people take away from the page: tables, BibTeX, the printed page."""

import io
import json
import re
from collections import Counter

import pytest

from tutti.benchmark.tables import declared

pytestmark = pytest.mark.page

A4_LESS_MARGINS = 718
"""Pixels, of 1/96 inch: 210 mm less Chromium's margins of 1 cm on each side."""
CLIPPED = """() => [...document.querySelectorAll("main *")].filter((each) => {
  const style = getComputedStyle(each);
  return each.getClientRects().length && style.overflow !== "visible" && style.display !== "inline"
    && (each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1);
}).map((each) => `${each.tagName}.${each.className} ${each.scrollWidth} > ${each.clientWidth}`)"""

TEXTS = """(all) => all.flatMap((each) => {
  const nodes = document.createTreeWalker(each, NodeFilter.SHOW_TEXT), texts = [];
  while (nodes.nextNode()) texts.push(nodes.currentNode.data);
  return texts;
})"""


def names_of_tables(evaluated):
    return sorted(path.stem for path in (evaluated.folder / "tables").glob("*.csv"))


def test_all_tables_can_be_taken_away(page, evaluated):
    names = page.locator("[data-form=csv]").evaluate_all("(all) => all.map((button) => button.dataset.table)")
    assert sorted(names) == names_of_tables(evaluated)
    assert set(names) <= set(declared().tables) and len(names) >= 7


def test_csv_is_the_file(page, evaluated):
    for name in names_of_tables(evaluated):
        with page.expect_download() as download:
            page.locator(f"[data-table={name}][data-form=csv]").click()
        assert download.value.suggested_filename == f"{name}.csv"
        assert download.value.path().read_bytes() == (evaluated.folder / f"tables/{name}.csv").read_bytes()


@pytest.mark.parametrize(("form", "suffix"), [("markdown", "md"), ("latex", "tex")])
def test_copies_are_the_files(page, evaluated, form, suffix):
    for name in names_of_tables(evaluated):
        button = page.locator(f"[data-table={name}][data-form={form}]")
        label = button.inner_text()
        button.click()
        page.wait_for_function("(button) => button.textContent === 'Copied'", arg=button.element_handle())
        file = evaluated.folder / f"tables/{name}.{suffix}"
        assert page.evaluate("navigator.clipboard.readText()") == file.read_text(encoding="utf-8")
    page.wait_for_function("([it, label]) => it.textContent === label", arg=[button.element_handle(), label])


def test_bibtex_has_every_paper(page):
    page.locator("[data-copy=bibtex]").click()
    page.wait_for_function("document.querySelector('[data-copy=bibtex]').textContent === 'Copied'")
    papers = page.evaluate("navigator.clipboard.readText()")
    assert papers.count("@misc{") == page.locator(".papers li").count() > 0


def test_paper_shows_everything(open_page):
    page = open_page(width=A4_LESS_MARGINS)
    rows = page.locator("table.wide tbody tr")
    assert not all(row.is_visible() for row in rows.all())
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("main details:not([open])").count() == 0
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= A4_LESS_MARGINS
    assert all(row.is_visible() for row in rows.all())
    assert not any(each.is_visible() for each in page.locator("nav, #filters, .actions, #more").all())
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("main details[open]").count() == 1


def test_a_printed_page_has_every_cell_and_the_screen_stays_folded(page):
    from pypdf import PdfReader

    folded = page.locator("main details:not([open])").count()
    cells = "table.wide tr.first > *, table.wide tr.repeated > :not(:first-child)"
    wanted = numbers(page.locator(cells).evaluate_all(TEXTS))
    document = PdfReader(io.BytesIO(page.pdf(format="A4")))
    printed = numbers(sheet.extract_text() for sheet in document.pages)
    assert wanted - printed == Counter()
    assert wanted.total() > 1000 and len(document.pages) > 5
    assert page.locator("main details:not([open])").count() == folded > 0


def numbers(texts):
    """How often each number occurs."""
    return Counter(re.findall(r"\d[\d.]*", " ".join(texts)))


def test_paper_is_white_also_where_the_screen_is_dark(open_page):
    page = open_page(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    colours = """() => ["body", "tr.control td", ".card.bad span", ".wide td"].map((each) => {
      const { color, backgroundColor } = getComputedStyle(document.querySelector(each));
      return [color, backgroundColor];
    })"""
    for ink, ground in page.evaluate(colours):
        assert brightness(ink) < 128, (ink, ground)
        assert ground == "rgba(0, 0, 0, 0)" or brightness(ground) > 200, (ink, ground)


def brightness(colour):
    """Mean of the channels, 0 ... 255, of a computed colour."""
    return sum(json.loads(f"[{colour.partition('(')[2].rstrip(')')}]")[:3]) / 3
