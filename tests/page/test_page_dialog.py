"""One molecule large: how it is opened, left and taken away, with mouse and keyboard."""

import io

import ase.io
import numpy as np
import pytest
from ase.data import chemical_symbols

from tutti.report.page import unpacked

pytestmark = pytest.mark.page

NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined });"


def opened(page, place=0):
    """The dialog of a card."""
    page.locator(".card").nth(place).click()
    dialog = page.locator("#molecule")
    assert dialog.evaluate("(dialog) => dialog.matches(':modal')")
    return dialog


def name_of(page):
    return page.locator("#molecule-name").inner_text()


def copied(page, button):
    """What is in the clipboard after a click."""
    page.locator(button).click()
    page.wait_for_function("(button) => document.querySelector(button).textContent === 'Copied'", arg=button)
    return page.evaluate("navigator.clipboard.readText()")


@pytest.mark.parametrize("place", [0, 5])
def test_a_card_opens_its_molecule(page, place):
    title = page.locator(".card").nth(place).get_attribute("title")
    opened(page, place)
    assert name_of(page) == title
    assert page.get_by_role("dialog", name=title).is_visible()


def test_what_the_dialog_says_is_what_the_rows_say(page, evaluated):
    page.select_option("[name=set]", label="10% of noise (60)")
    page.select_option("[name=check]", "geometry: steric_clash")
    opened(page)
    number = int(name_of(page).split("sample ")[1])
    rows = evaluated.rows[(evaluated.rows["model"] == "10% of noise") & (evaluated.rows["sample"] == number)]
    cells = "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    verdicts = page.locator("#verdicts tr").evaluate_all(cells)
    said = [
        [row.assigner, "valid" if row.valid else row.reason, row.smiles or row.message]
        for row in rows.itertuples()
    ]
    assert [[a, b, c.removesuffix(" (seen before)")] for a, b, c in verdicts] == said
    checks = dict(page.locator("#checked tr").evaluate_all(cells))
    main = rows[rows["assigner"] == "xyz2mol"].iloc[0]
    assert "steric clash" in checks["geometry"]
    assert ("bond lengths" in checks["geometry"]) == (not main["geometry_bond_lengths"])
    if main["strain_checked"]:
        assert checks["energy drop per atom"] == f"{main['strain_energy_drop_per_atom']:.3g} meV/atom"


def test_xyz_is_the_molecule(page, evaluated):
    contents = unpacked(evaluated.page.read_text(encoding="utf-8"))["browser"]
    page.select_option("[name=set]", "0")
    page.select_option("[name=verdict]", "valid")
    opened(page)
    number = int(name_of(page).split("sample ")[1])
    atoms = ase.io.read(io.StringIO(copied(page, "#copy-xyz")), format="xyz")
    (ours,) = [each for each in contents["molecules"] if each["set"] == 0 and each["place"] == number]
    assert atoms.get_chemical_symbols() == [chemical_symbols[n] for n in ours["numbers"]]
    written = ase.io.read(evaluated.folder.parent / "real.xyz", index=number, format="xyz")
    assert atoms.get_chemical_symbols() == written.get_chemical_symbols()
    np.testing.assert_allclose(atoms.positions, written.positions, atol=0.00051)


def test_xyz_without_the_clipboard_of_the_browser(open_page):
    page = open_page(before=NO_CLIPBOARD)
    opened(page, 1)
    page.locator("#copy-xyz").click()
    page.evaluate("document.getElementById('molecule').append(document.createElement('textarea'))")
    page.locator("#molecule textarea").press("Control+v")
    text = page.locator("#molecule textarea").input_value()
    atoms = ase.io.read(io.StringIO(text), format="xyz")
    assert len(atoms) > 2 and name_of(page).split("sample ")[1] in text.splitlines()[1]


@pytest.mark.parametrize("name", ["real (60)", "10% of noise (60)"])
def test_a_link_opens_the_same_molecule(page, open_page, name):
    page.select_option("[name=set]", label=name)
    opened(page, 4)
    link = copied(page, "#copy-link")
    assert link == page.url
    other = open_page(link)
    assert other.locator("#molecule").is_visible()
    assert name_of(other) == name_of(page)


def test_a_link_that_is_followed_in_the_open_page(page, open_page):
    opened(page, 4)
    link, name = page.url, name_of(page)
    other = open_page()
    other.evaluate("(link) => { location.href = link; }", link)
    other.wait_for_selector("#molecule[open]")
    assert name_of(other) == name


@pytest.mark.parametrize("hash", ["#molecule=nobody:3", "#molecule=%", "#%E0%A4%A"])
def test_a_link_to_nothing_opens_nothing(open_page, evaluated, hash):
    page = open_page(evaluated.page.as_uri() + hash)
    assert not page.locator("#molecule").is_visible()
    assert page.locator(".card").count() > 0


def test_previous_and_next_go_round_what_was_found(page):
    page.select_option("[name=verdict]", "not_valid")
    titles = page.locator(".card").evaluate_all("(all) => all.map((card) => card.title)")
    opened(page)
    for title in titles[1:4]:
        page.locator("#next").click()
        assert name_of(page) == title
    page.locator("#previous").click()
    assert name_of(page) == titles[2]
    for _ in range(3):
        page.locator("#previous").click()
    page.locator("#next").click()
    assert name_of(page) == titles[0]


@pytest.mark.parametrize("way", ["Escape", "button", "outside"])
def test_it_closes(page, way):
    opened(page, 2)
    title = page.locator(".card").nth(2).get_attribute("title")
    if way == "Escape":
        page.keyboard.press("Escape")
    elif way == "button":
        page.get_by_role("button", name="Close").click()
    else:
        page.mouse.click(5, 500)
    page.wait_for_function("!document.getElementById('molecule').open")
    page.wait_for_function("location.hash === '#molecules'")
    assert page.evaluate("document.activeElement.title") == title


def test_all_of_it_with_the_keyboard(page):
    """Tab goes from the filters to the cards; a key opens one, others turn it and go on."""
    page.locator("[name=set]").focus()
    visited = []
    for _ in range(8):
        visited.append(page.evaluate("document.activeElement.name || document.activeElement.className"))
        if "card" in visited[-1]:
            break
        page.keyboard.press("Tab")
    assert visited[:-1] == ["set", "assigner", "verdict", "reason", "check", "button"]
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Enter")
    first = name_of(page)
    inside = []
    for _ in range(8):
        inside.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        page.keyboard.press("Tab")
    assert {"CANVAS", "previous", "next", "copy-xyz", "copy-link"} <= set(inside)
    page.locator("#next").focus()
    page.keyboard.press("Enter")
    assert name_of(page) != first
    page.keyboard.press("Escape")
    assert not page.locator("#molecule").is_visible()
