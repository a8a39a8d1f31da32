"""Widths, colours, accessibility and weight."""

import pytest

pytestmark = pytest.mark.page

WIDE, NARROW = 1400, 390
HEAVIEST = 4e6
"""Bytes of the page of a small evaluation."""
SCREENS = pytest.mark.parametrize(
    ("width", "scheme"), [(width, scheme) for width in (WIDE, NARROW) for scheme in ("light", "dark")]
)
OVERFLOW = "document.documentElement.scrollWidth"


def violations(page):
    """What axe-core finds and calls serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"]}).response
    assert found["testEngine"]["name"] == "axe-core"
    return [
        (each["id"], node["target"], node["failureSummary"])
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def unfold(page):
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def test_the_page_weighs_little(evaluated):
    assert evaluated.page.stat().st_size < HEAVIEST


@SCREENS
def test_axe_finds_nothing_serious(open_page, width, scheme):
    page = open_page(width=width, scheme=scheme)
    assert violations(page) == []
    unfold(page)
    assert violations(page) == []


@SCREENS
@pytest.mark.parametrize("verdict", ["valid", "not_valid"])
def test_axe_finds_nothing_serious_in_the_dialog(open_page, width, scheme, verdict):
    page = open_page(width=width, scheme=scheme)
    page.select_option("[name=verdict]", verdict)
    page.locator(".card").first.click()
    assert violations(page) == []
    dialog = page.locator("#molecule").bounding_box()
    assert dialog["x"] >= 0 and dialog["x"] + dialog["width"] <= width
    assert dialog["y"] >= 0 and dialog["y"] + dialog["height"] <= 1000


def test_axe_finds_what_is_wrong(page):
    page.evaluate("document.querySelector('#found').style.color = '#eee'")
    page.evaluate("document.querySelector('nav').append(document.createElement('img'))")
    assert {"color-contrast", "image-alt"} <= {name for name, *_ in violations(page)}


@pytest.mark.parametrize("folded", [True, False])
def test_a_narrow_screen_scrolls_tables_and_not_the_page(open_page, folded):
    page = open_page(width=NARROW)
    if not folded:
        unfold(page)
    assert page.evaluate(OVERFLOW) <= NARROW
    box = page.locator("#overview .scroll")
    assert box.evaluate("(box) => box.scrollWidth > box.clientWidth")
    box.evaluate("(box) => { box.scrollLeft = 100; }")
    assert box.evaluate("(box) => box.scrollLeft") == 100
    assert page.evaluate("scrollX") == 0


def test_a_wide_screen_shows_the_tables_of_checks_whole(page):
    assert page.evaluate(OVERFLOW) <= WIDE
    unfold(page)
    for box in page.locator("#overview .scroll, article:has([data-table=posebusters]) .scroll").all():
        assert box.evaluate("(box) => box.scrollWidth <= box.clientWidth")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_way_around_stays_in_view(open_page, width):
    page = open_page(width=width)
    nav = page.locator("nav")
    links = nav.locator("a")
    for k in range(links.count()):
        links.nth(k).evaluate("(link) => link.click()")
        box = nav.bounding_box()
        target = page.locator(links.nth(k).get_attribute("href"))
        top = target.bounding_box()["y"]
        if k == 0:  # the heading, above the links
            assert -1 < top < box["y"] < 1000
        else:
            assert box["y"] == 0
            assert box["height"] <= top + 1 < 1000
    assert page.evaluate("scrollY") > 1000


def test_dark_is_dark_and_light_is_light(open_page):
    ground = """() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]
      .map((colour) => colour.match(/\\d+/g).map(Number).reduce((a, b) => a + b) / 3)"""
    page = open_page()
    paper, ink = page.evaluate(ground)
    assert paper > 240 and ink < 60
    page.emulate_media(color_scheme="dark")
    paper, ink = page.evaluate(ground)
    assert paper < 40 and ink > 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_moves_only_for_those_who_want_it(open_page, scheme):
    page = open_page(scheme=scheme)
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    assert page.evaluate(behaviour) == "auto"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(behaviour) == "smooth"
