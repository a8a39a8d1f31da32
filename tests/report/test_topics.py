"""Sections of the page, its glossary and its controls."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tutti.benchmark.metrics.validity import validity_table
from tutti.benchmark.tables import declared, figures
from tutti.core.tidy import CONTROLS, read
from tutti.report import tables
from tutti.report.build import _glossary
from tutti.report.sections import LONG, MANY, TALL

from .pages import Page, add_table, draw, page, sections


def test_tables_and_figures_stand_under_their_topics(run):
    add_table(run, "jsd", [("symphony_demo", "jsd", "atom_types")])
    add_table(run, "strain", [("symphony_demo", "graph_survives", "xyz2mol")])
    training = run["figures"][0][0].with_name("training-qm9_demo-symphony_demo.svg")
    draw(training)
    distances = run["figures"][0][0].with_name("jsd.png")
    distances.write_bytes(b"\x89PNG")
    run["figures"] = [(training, "Third"), *run["figures"][1:], (distances, "Distances"), run["figures"][0]]
    text = page(run)
    found = sections(text)
    assert list(found)[:6] == ["overview", "validity", "geometry", "distributions", "samples", "metrics"]
    for topic, name in {"validity": "validity", "geometry": "strain", "distributions": "jsd"}.items():
        assert re.findall("<h3>(.*?)</h3>", found[topic]) == [declared().tables[name].title]
    captions = {topic: re.findall("<figcaption>(.*?)</figcaption>", part) for topic, part in found.items()}
    # Numbered as they stand on the page, whatever the order in which they were given.
    assert captions["validity"] == ["<b>Figure 1.</b> The &#34;first&#34;"]
    assert captions["distributions"] == ["<b>Figure 2.</b> Distances"]
    # Galleries of samples are not on the page, where the molecules themselves are.
    assert captions["samples"] == ["<b>Figure 3.</b> Third"]
    assert found["distributions"].index("<figure") < found["distributions"].index("<article>")
    parsed = Page(text)
    anchors = {a["href"][1:] for tag, a in parsed.tags if tag == "a" and a["href"].startswith("#")}
    assert set(found) <= anchors <= {a["id"] for _, a in parsed.tags if "id" in a}


def test_tables_and_figures_stand_in_the_order_of_their_declaration(run):
    names = list(declared().tables)[::-1]
    for name in names:
        if name != "validity":
            add_table(run, name, [("symphony_demo", "validity", "xyz2mol")])
    folder = run["figures"][0][0].parent
    run["figures"] = [(folder / f"{name}-qm9.png", name) for name in list(figures())[::-1]]
    for path, _ in run["figures"]:
        path.write_bytes(b"\x89PNG")
    found = sections(page(run))
    assert [name for name in found if name in declared().topics] == list(declared().topics)
    numbers = []
    for topic in declared().topics:
        shown = re.findall(r"<figcaption><b>Figure (\d+)\.</b> (.*?)</figcaption>", found[topic])
        drawn = [n for n, each in figures().items() if each.topic == topic and n != "molecules"]
        assert sorted(name for _, name in shown) == sorted(drawn)
        numbers += [int(number) for number, _ in shown]
        made = [(name, table) for name, table in declared().tables.items() if table.topic == topic]
        headings = re.findall("<h3>(.*?)</h3>", found[topic])
        assert headings == [table.title for _, table in made]
        # A table comes after its own figures.
        for name, table in made:
            place = found[topic].index(f'data-table="{name}"')
            own = [figure for figure in table.figures if figures()[figure].topic == topic]
            assert all(found[topic].index(f"</b> {figure}</figcaption>") < place for figure in own)
    assert numbers == list(range(1, len(figures())))


def test_what_is_not_declared_is_refused(run):
    path = run["figures"][1][0].with_name("brand_new-qm9.png")
    path.write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match=r"not declared in tables\.yaml: brand_new-qm9\.png"):
        page(run | {"figures": [*run["figures"], (path, "")]})
    add_table(run, "unheard_of", [("symphony_demo", "validity", "xyz2mol")])
    with pytest.raises(ValueError, match=r"not declared in tables\.yaml: unheard_of"):
        page(run)


def test_tables_without_numbers_of_the_run_are_left_out(run):
    before = page(run)
    add_table(run, "strain", [])
    add_table(run, "paper_versus_here", [("symphony_demo", "validity", "xyz2mol")])
    stem = run["tables"][-1]
    tables.write(read(Path(f"{stem}.csv")).assign(value=np.nan, published=0.9), stem)
    assert page(run) == before


def test_figures_are_as_wide_as_their_text_asks_for(run):
    path = run["figures"][0][0]
    draw(path, 'width="480pt" height="100pt"')
    parsed = Page(page(run))
    assert [a.get("style") for tag, a in parsed.tags if tag == "img"] == ["max-width: 40.0rem"]


def test_tall_figures_are_folded_and_many_of_a_kind_together(run):
    path = run["figures"][0][0]
    draw(path, f'width="400pt" height="{12 * TALL + 1}pt"')
    run["figures"] = [(path, "First. More.")]
    for k in range(MANY):
        training = path.with_name(f"training-qm9_demo-model{k}.svg")
        draw(training, 'width="400pt" height="100pt"')
        run["figures"].append((training, f"Training {k}"))
    found = sections(page(run))
    assert re.search(
        r"<summary>Figure 1\. First</summary>\s*<figure>.*?</figure>\s*</details>",
        found["validity"],
        re.DOTALL,
    )
    (folded,) = re.findall(
        r"<details><summary>4 figures: training</summary>(.*?)</details>", found["samples"], re.DOTALL
    )
    assert re.findall("</b> (.*?)</figcaption>", folded) == [f"Training {k}" for k in range(MANY)]


def test_long_tables_and_those_with_figures_are_folded(run):
    models = [f"model{k}" for k in range(LONG)]
    add_table(run, "jsd", [(model, "jsd", "atom_types") for model in models])
    add_table(run, "posebusters", [(model, "posebusters", "all_tests") for model in [*models, "one_more"]])
    found = sections(page(run))
    assert f"<summary>Show {LONG + 1} rows</summary>" in found["geometry"]
    assert "<summary>Show 2 rows</summary>" in found["validity"]
    assert "<summary>Show" not in found["distributions"]


def test_the_glossary_has_the_metrics_of_the_tables_only(run):
    metrics = ("jsd", "jsd_floor", "brand_new")
    add_table(run, "jsd", [("symphony_demo", metric, "atom_types") for metric in metrics])
    terms = re.findall("<dt>(.*?)</dt>", sections(page(run))["metrics"])
    assert terms == ["validity", "JSD", "… floor"]


def test_metrics_of_the_validity_table_are_all_explained():
    verdicts = pd.DataFrame({name: [True] for name in ("valid", "connected", "neutral_atoms", "no_radicals")})
    verdicts = verdicts.assign(
        smiles="C", published_smiles="C", reason="", n_atoms=5, n_stable_atoms=5, molecule_stable=True
    )
    names = dict(model="a", dataset="b", seed=0)
    table = validity_table(verdicts, {"C"}, assigner="lookup", **names)
    for metric in table["metric"]:
        assert _glossary({metric}), f"{metric} is not in the glossary"


def test_every_control_has_a_name_and_says_what_it_is_for():
    assert CONTROLS.keys() == declared().controls.keys()
    assert all(control.about for control in declared().controls.values())


def test_controls_and_adversaries_say_what_they_are_for(run):
    add_table(run, "strain", [(name, "relaxed", "xyz2mol") for name in ("jittered", "symphony_demo")])
    text = page(run)
    shown = text.partition('<details id="controls">')[2].partition("</details>")[0]
    purposes = dict(re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", shown))
    assert set(purposes) == {"test split (control)", "0.1 Å jitter (adversary)"}
    assert "what a perfect model would get" in purposes["test split (control)"]
    assert "adversary" in purposes["0.1 Å jitter (adversary)"]
    name = r"0\.1 Å jitter \(adversary\)"
    assert re.search(rf'<tr class="[^"]*control[^"]*"><td>[^<]*</td><th scope="row">{name}</th>', text)
