"""The filters of the browser of molecules, against the rows of the evaluation."""

import re

import numpy as np
import pandas as pd
import pytest

from tutti.report.page import unpacked

pytestmark = pytest.mark.page

FIELDS = ("set", "assigner", "verdict", "reason", "check")
CHECKS = ("posebusters", "geometry", "strain")
NOT_A_TEST = ("checked", "reason", "seconds")


@pytest.fixture(scope="module")
def rows(evaluated):
    """Rows of samples and assigners: whether valid and repeated, reason, names of what failed; the models.

    Those of the control, which the evaluation does not keep, are of the page itself.
    """
    rows = evaluated.rows
    repeated = rows[rows["valid"]].duplicated(["model", "assigner", "smiles"])
    rows = rows.assign(repeated=repeated.reindex(rows.index, fill_value=False))
    main = rows[rows["assigner"] == "xyz2mol"].set_index(["model", "sample"])
    failed = pd.Series([failures(row) for _, row in main.iterrows()], index=main.index, name="failed")
    contents = unpacked(evaluated.page.read_text(encoding="utf-8"))["browser"]
    names = [each["key"].split("/")[1] for each in contents["sets"]]
    of_control = pd.DataFrame(row for row in told(contents, names) if row["model"] == "copied_training")
    return pd.concat([rows.join(failed, on=["model", "sample"])[of_control.columns], of_control]), names


def failures(row):
    """Names of checks and tests that a sample did not pass, in its row."""
    names = [(check, name) for check in CHECKS for name in row.index if name.startswith(f"{check}_")]
    tests = [(check, name.removeprefix(f"{check}_")) for check, name in names if row[name] is False]
    lost = [(check, test) for check, test in tests if test not in NOT_A_TEST]
    return {check for check, _ in lost} | {f"{check}: {test}" for check, test in lost}


def told(contents, names):
    """The rows that the page holds."""
    for molecule in contents["molecules"]:
        lost = [(check, test) for check, tests in molecule["failed"].items() for test in tests]
        failed = {check for check, _ in lost} | {f"{check}: {test}" for check, test in lost}
        for assigner, (valid, reason, _, _, repeated) in molecule["verdicts"].items():
            yield dict(
                model=names[molecule["set"]],
                assigner=assigner,
                valid=valid,
                reason=reason,
                repeated=repeated,
                failed=failed,
            )


def expected(rows, models, set, assigner, verdict, reason, check):
    """How many samples the rows have with these values of the fields."""
    rows = rows[rows["assigner"] == assigner]
    if set:
        rows = rows[rows["model"] == models[int(set)]]
    if verdict:
        wanted = {"valid": rows["valid"], "not_valid": ~rows["valid"], "repeated": rows["repeated"]}[verdict]
        rows = rows[wanted]
    if reason:
        rows = rows[~rows["valid"] & (rows["reason"] == reason)]
    return sum(not check or check in failed for failed in rows["failed"])


def choices(page, field):
    return page.locator(f"[name={field}] option").evaluate_all("(all) => all.map((option) => option.value)")


def said(page):
    return int(re.match(r"[\d,]+", page.locator("#found").inner_text())[0].replace(",", ""))


@pytest.mark.parametrize("field", FIELDS)
def test_each_value_of_a_filter_shows_as_many_as_the_rows_say(page, rows, field):
    rows, models = rows
    default = {name: page.locator(f"[name={name}]").input_value() for name in FIELDS}
    values = choices(page, field)
    assert len(values) > 2
    for value in values:
        page.select_option(f"[name={field}]", value)
        label = page.locator(f"[name={field}] option:checked").inner_text()
        count = expected(rows, models, **default | {field: value})
        assert said(page) == count, label
        assert not re.search(r"\(\d+\)$", label) or label.endswith(f"({count})")


def test_filters_together_show_as_many_as_the_rows_say(page, rows):
    rng, counts = np.random.default_rng(0), []
    for _ in range(25):
        page.locator("#filters button").click()
        page.wait_for_function("document.getElementById('found').textContent.startsWith('180 ')")
        for field in FIELDS:
            if rng.random() < 0.5 and page.locator(f"[name={field}]").is_visible():
                page.select_option(f"[name={field}]", str(rng.choice(choices(page, field))))
        chosen = {name: page.locator(f"[name={name}]").input_value() for name in FIELDS}
        counts.append(said(page))
        assert counts[-1] == expected(*rows, **chosen), chosen
    assert len(set(counts)) >= 10


def test_all_are_there_and_failing_ones_come_first(page, rows):
    while page.locator("#more").is_visible():
        page.locator("#more").click()
    assert said(page) == page.locator(".card").count() == 180
    cards = page.locator(".card").evaluate_all("(all) => all.map((card) => [card.className, card.title])")
    kinds, titles = zip(*cards, strict=True)
    assert len(set(titles)) == 180
    main = rows[0][rows[0]["assigner"] == "xyz2mol"]
    doubtful = main["valid"] & main["failed"].map(bool)
    counts = {"card bad": (~main["valid"]).sum(), "card doubtful": doubtful.sum()}
    assert min(counts.values()) > 0
    in_order = [kind for kind, n in counts.items() for _ in range(n)]
    assert list(kinds) == in_order + ["card good"] * (180 - len(in_order))


def test_a_sample_that_cannot_be_read_is_there_without_atoms(page):
    page.select_option("[name=reason]", "unreadable")
    card = page.locator(".card")
    assert card.count() == 1 and "unreadable" in card.inner_text()
    card.click()
    assert "expected a number" in page.locator("#molecule-caption").inner_text()
