"""The report page."""

import base64
import html
import re
from pathlib import Path

import pytest
import yaml

from tutti.core.tidy import read
from tutti.report import tables
from tutti.report.build import used
from tutti.report.page import unpacked

from .pages import CONFIG, Page, add_table, page, sections


def test_nothing_is_loaded_from_outside(run):
    text = page(run)
    parsed = Page(text)
    loaded = parsed.attributes("src", "srcset", "poster", "data") + [
        a["href"] for tag, a in parsed.tags if tag == "link"
    ]
    assert loaded
    assert all(address.startswith("data:") for address in loaded)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", text)
    assert not [a for tag, a in parsed.tags if tag in ("iframe", "object", "embed")]


def test_figures_are_embedded_with_their_captions(run):
    path = run["figures"][0][0].with_name("parity-ethanol.png")
    path.write_bytes(b"\x89PNG not really")
    run["figures"].append((path, "Second"))
    parsed = Page(page(run))
    images = [a for tag, a in parsed.tags if tag == "img"]
    contents = [base64.b64decode(a["src"].partition("base64,")[2]) for a in images]
    shown = [run["figures"][0], run["figures"][2]]
    assert contents == [path.read_bytes() for path, _ in shown]
    assert [a["alt"] for a in images] == ['The "first"', "Second"]
    assert [a["src"].partition(";")[0] for a in images] == ["data:image/svg+xml", "data:image/png"]


def test_the_table_is_there_in_all_its_forms(run):
    text = page(run)
    assert "<td>80.0<small><span>[75.0, 85.0]</span> (500)</small></td>" in text
    stem, parsed = run["tables"][0], Page(text)
    forms = unpacked(text)["tables"]["validity"]
    for form, suffix in {"csv": ".csv", "markdown": ".md", "latex": ".tex"}.items():
        assert forms[form] == stem.with_suffix(suffix).read_text(encoding="utf-8")
    buttons = [a for _, a in parsed.tags if "data-table" in a]
    assert [(a["data-table"], a["data-form"]) for a in buttons] == [("validity", form) for form in forms]
    targets = {a["id"] for tag, a in parsed.tags if tag == "textarea"}
    assert set(parsed.attributes("data-copy")) == targets


def test_a_missing_value_is_a_dash_with_its_note(run):
    text = page(run)
    assert "<td>– ¹</td>" in text
    assert "<li>&lt;b&gt;&amp;not run</li>" in text


def test_three_notes_are_shown_and_the_others_folded(run):
    rows = [("symphony_demo", "jsd", f"kind{k}") for k in range(5)]
    add_table(run, "jsd", rows)
    path = Path(f"{run['tables'][-1]}.csv")
    table = read(path)
    tables.write(table.assign(note=[f"note {k}" for k in range(5)]), run["tables"][-1])
    shown, _, folded = sections(page(run))["distributions"].partition("<summary>2 more notes</summary>")
    assert re.findall("<li>(.*?)</li>", shown) == ["note 0", "note 1", "note 2"]
    assert '<ol class="notes" start="4"><li>note 3</li><li>note 4</li></ol>' in folded


def test_controls_are_marked(run):
    assert re.search(
        r'<tr class="[^"]*control[^"]*"><td>[^<]*</td><th scope="row">test split \(control\)</th>', page(run)
    )


def test_text_is_escaped(run):
    text = page(run)
    assert "<h1>Demo &lt;1&gt;</h1>" in text
    assert "<1>" not in text


def test_configuration_has_only_what_the_run_uses(run):
    config = used(CONFIG)
    assert list(config["datasets"]) == ["qm9_demo"]
    assert list(config["models"]) == ["symphony_demo"]
    (shown,) = re.findall(
        r'<summary>Settings of this run</summary><pre tabindex="0">(.*?)</pre>', page(run), flags=re.DOTALL
    )
    assert yaml.safe_load(html.unescape(shown)) == config


def test_papers_of_what_the_run_uses_are_cited(run):
    text = page(run)
    for key in ("daigavane2024symphony", "kim2015xyz2mol", "ramakrishnan2014qm9", "oboyle2011openbabel"):
        assert f"@misc{{{key}," in text
    assert "chmiela2017md17" not in text  # in the catalogue, but not used
    assert "hoogeboom2022edm" not in text


def test_an_empty_run_has_a_page(run):
    text = page(run | {"config": {}, "tables": [], "figures": [], "sidecars": [], "benchmarks": []})
    assert "This run made no table and no figure." in text
    parsed = Page(text)
    anchors = {a["href"][1:] for tag, a in parsed.tags if tag == "a" and a["href"].startswith("#")}
    assert anchors <= {a["id"] for _, a in parsed.tags if "id" in a}
    assert not [tag for tag, _ in parsed.tags if tag in ("img", "textarea")]


def test_two_builds_have_the_same_bytes(run):
    assert page(run) == page(run)


def test_other_pictures_and_sidecars_are_refused(run, tmp_path):
    with pytest.raises(ValueError, match=r"validity\.pdf: cannot be embedded"):
        page(run | {"figures": [(tmp_path / "validity.pdf", "")]})
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ValueError, match=r"list\.json: no JSON object"):
        page(run | {"sidecars": [tmp_path / "list.json"]})


def test_a_page_without_a_title_is_called_after_its_run(run):
    del run["title"]
    assert "<h1>demo</h1>" in page(run)
    assert "<h1>demo</h1>" in page(run | {"title": ""})


def test_an_evaluation_says_which_samples_were_judged(run):
    inputs = [f"/somewhere/part{k}.xyz" for k in range(7)]
    evaluate = {"inputs": inputs, "reference": "/somewhere/qm9.sdf", "assigners": ["xyz2mol"]}
    text = page(run | {"config": {"evaluate": evaluate}, "benchmarks": [], "sidecars": []})
    lead = re.sub(
        r"\s+", " ", re.sub("<[^>]*>", "", text[text.index('<p class="lead">') : text.index("</header>")])
    )
    assert lead.strip().startswith(
        "500 samples of symphony_demo read from part0.xyz, part1.xyz, part2.xyz, part3.xyz, part4.xyz "
        "and 2 more, compared with the training molecules in qm9.sdf, bonds assigned by xyz2mol."
    )
    assert "timings" not in sections(text)
    alone = page(run | {"config": {"evaluate": evaluate | {"reference": None}}, "benchmarks": []})
    assert "Without training molecules" in alone
