"""The report page."""

import base64
import html
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import yaml

from tutti import tables
from tutti.metrics.validity import validity_table
from tutti.report import provenance
from tutti.report.build import LONG, _glossary, build, used

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><circle r="1"/></svg>'
CONFIG = {
    "run": "demo",
    "seeds": [0],
    "generation": {"datasets": ["xtb9_demo"], "models": ["symphony_demo"], "samples": 500},
    "bonds": {"assigners": ["xyz2mol", "openbabel"]},
    "datasets": {"xtb9_demo": {"kind": "xtb9"}, "qm9": {"kind": "qm9"}},
    "models": {"symphony_demo": {"module": "symphony"}, "unused_model": {"module": "edm"}},
}
BENCHMARK = (
    "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    "171.25\t0:02:51\t612.34\t1\t1\t1\t0\t0\t98.2\t168\n"
)


class Page(HTMLParser):
    """Tags with their attributes, and the text by section."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def attributes(self, *names):
        return [a[name] for _, a in self.tags for name in names if name in a]


@pytest.fixture
def run(tmp_path):
    """A small run: build(...) arguments over files in results/demo."""
    root = tmp_path / "results" / "demo"
    key = dict(
        model="symphony_demo", dataset="xtb9_demo", seed=0, metric="validity", unit="1", published=np.nan
    )
    table = pd.DataFrame(
        [
            dict(key, subset="xyz2mol", value=0.8, ci_low=0.75, ci_high=0.85, n=500, note=""),
            dict(
                key,
                subset="openbabel",
                value=np.nan,
                ci_low=np.nan,
                ci_high=np.nan,
                n=None,
                note="<b>&not run",
            ),
            dict(
                key, subset="xyz2mol", model="test_split", value=1.0, ci_low=0.98, ci_high=1.0, n=99, note=""
            ),
        ]
    )
    tables.write(table, root / "tables" / "validity")
    (root / "figures").mkdir()
    (root / "figures" / "validity.svg").write_text(SVG)
    (root / "figures" / "grid.png").write_bytes(b"\x89PNG not really")
    (root / "train.json").write_text(
        json.dumps({"dataset": "ab" * 32, "model": {"lmax": 3}, "seconds": 171.2, "seed": 0})
    )
    (root / "train.tsv").write_text(BENCHMARK)
    return {
        "out": root / "report" / "index.html",
        "title": "Demo <1>",
        "config": CONFIG,
        "tables": [root / "tables" / "validity"],
        "figures": [
            (root / "figures" / "validity.svg", 'The "first"'),
            (root / "figures" / "grid.png", "Second"),
        ],
        "sidecars": [root / "train.json"],
        "benchmarks": [root / "train.tsv"],
    }


def page(run):
    build(run["out"], **{key: value for key, value in run.items() if key != "out"})
    return run["out"].read_text(encoding="utf-8")


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


def test_all_figures_are_embedded_with_their_captions(run):
    parsed = Page(page(run))
    images = [a for tag, a in parsed.tags if tag == "img"]
    contents = [base64.b64decode(a["src"].partition("base64,")[2]) for a in images]
    assert contents == [path.read_bytes() for path, _ in run["figures"]]
    assert [a["alt"] for a in images] == ['The "first"', "Second"]
    assert [a["src"].partition(";")[0] for a in images] == ["data:image/svg+xml", "data:image/png"]


def test_the_table_is_there_in_all_its_forms(run):
    text = page(run)
    assert "<td>80.0 [75.0, 85.0] (500)</td>" in text
    parsed = Page(text)
    (link,) = [a for tag, a in parsed.tags if tag == "a" and "download" in a]
    stem = run["tables"][0]
    assert base64.b64decode(link["href"].partition("base64,")[2]) == stem.with_suffix(".csv").read_bytes()
    areas = re.findall(r"<textarea[^>]*>\n?(.*?)</textarea>", text, flags=re.DOTALL)
    copied = [html.unescape(area).removeprefix("\n") for area in areas[:2]]
    assert copied == [stem.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".md", ".tex")]
    targets = {a["id"] for tag, a in parsed.tags if tag == "textarea"}
    assert set(parsed.attributes("data-copy")) == targets


def test_a_missing_value_is_a_dash_with_its_note(run):
    text = page(run)
    assert "<td>– ¹</td>" in text
    assert "<li>&lt;b&gt;&amp;not run</li>" in text


def test_controls_are_marked(run):
    assert re.search(
        r'<tr class="[^"]*control[^"]*"><td>[^<]*</td><td>test split \(control\)</td>', page(run)
    )


def test_text_is_escaped(run):
    text = page(run)
    assert "<h1>Demo &lt;1&gt;</h1>" in text
    assert "<1>" not in text


def test_configuration_has_only_what_the_run_uses(run):
    config = used(CONFIG)
    assert list(config["datasets"]) == ["xtb9_demo"]
    assert list(config["models"]) == ["symphony_demo"]
    (shown,) = re.findall(
        r"<summary>Settings of this run</summary><pre>(.*?)</pre>", page(run), flags=re.DOTALL
    )
    assert yaml.safe_load(html.unescape(shown)) == config


def test_provenance_hashes_and_timings(run, tmp_path):
    text = page(run)
    assert "<td>train.json</td><td>dataset</td><td><code>" + "ab" * 32 in text
    assert provenance.versions()["torch"] in text
    assert "<td>train.tsv</td><td>171.2</td><td>612.3</td><td>98.2</td>" in text
    assert "<td>train.json</td><td>seconds</td><td>171.2</td>" in text
    # Files are named by their place in the run.
    assert str(tmp_path) not in text


def test_papers_of_what_the_run_uses_are_cited(run):
    text = page(run)
    for key in ("daigavane2024symphony", "kim2015xyz2mol", "bannwarth2019gfn2", "oboyle2011openbabel"):
        assert f"@misc{{{key}," in text
    assert "ramakrishnan2014qm9" not in text  # in the catalogue, but not used
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
    with pytest.raises(ValueError, match=r"a\.pdf: cannot be embedded"):
        page(run | {"figures": [(tmp_path / "a.pdf", "")]})
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ValueError, match=r"list\.json: expected a JSON object"):
        page(run | {"sidecars": [tmp_path / "list.json"]})


def add_table(run, name, rows):
    """One more table in the run, of (model, metric, subset) with the same value in all rows."""
    stem = run["tables"][0].with_name(name)
    fixed = dict(dataset="xtb9_demo", seed=0, value=0.5, ci_low=0.4, ci_high=0.6, n=100)
    fixed |= dict(unit="1", published=np.nan, note="")
    table = pd.DataFrame(
        [dict(zip(("model", "metric", "subset"), row, strict=True), **fixed) for row in rows]
    )
    tables.write(table, stem)
    run["tables"].append(stem)


def sections(text):
    """HTML by the sections' ids."""
    return dict(re.findall(r'<section id="(\w+)">(.*?)</section>', text, flags=re.DOTALL))


def test_tables_and_figures_stand_under_their_topics(run):
    add_table(run, "jsd", [("symphony_demo", "jsd", "atom_types")])
    add_table(run, "strain", [("symphony_demo", "graph_survives", "xyz2mol")])
    molecules = run["figures"][1][0].with_name("molecules-xtb9_demo-symphony_demo-seed0.png")
    molecules.write_bytes(b"\x89PNG")
    run["figures"].insert(0, (molecules, "Molecules"))
    text = page(run)
    found = sections(text)
    assert list(found)[:5] == ["validity", "geometry", "distributions", "samples", "further"]
    for topic, name in {"validity": "validity", "geometry": "strain", "distributions": "jsd"}.items():
        assert re.findall("<h3>(.*?)</h3>", found[topic]) == [name]
    captions = {topic: re.findall("<figcaption>(.*?)</figcaption>", part) for topic, part in found.items()}
    # Numbered as they stand on the page, whatever the order in which they were given.
    assert captions["validity"] == ["<b>Figure 1.</b> The &#34;first&#34;"]
    assert captions["samples"] == ["<b>Figure 2.</b> Molecules"]
    assert captions["further"] == ["<b>Figure 3.</b> Second"]
    parsed = Page(text)
    anchors = {a["href"][1:] for tag, a in parsed.tags if tag == "a" and a["href"].startswith("#")}
    assert set(found) <= anchors <= {a["id"] for _, a in parsed.tags if "id" in a}


def test_figures_are_as_wide_as_their_text_asks_for(run):
    path = run["figures"][0][0]
    path.write_text(SVG.replace("<svg", '<svg width="380pt" height="100pt"'))
    parsed = Page(page(run))
    assert [a.get("style") for tag, a in parsed.tags if tag == "img"] == ["max-width: 40.0rem", None]


def test_long_tables_are_folded(run):
    models = [f"model{k}" for k in range(LONG)]
    add_table(run, "jsd", [(model, "jsd", "atom_types") for model in models])
    assert "<summary>Show" not in page(run)
    add_table(run, "strain", [(model, "relaxed", "xyz2mol") for model in [*models, "one_more"]])
    found = sections(page(run))
    assert f"<summary>Show {LONG + 1} rows</summary>" in found["geometry"]
    assert "<summary>Show" not in found["validity"] + found["distributions"]


def test_the_glossary_has_the_metrics_of_the_tables_only(run):
    add_table(run, "jsd", [("symphony_demo", "jsd_floor", "atom_types"), ("symphony_demo", "brand_new", "x")])
    terms = re.findall("<dt>(.*?)</dt>", sections(page(run))["metrics"])
    assert terms == ["validity", "JSD", "… floor"]


def test_metrics_of_the_validity_table_are_all_explained():
    verdicts = pd.DataFrame({name: [True] for name in ("valid", "connected", "neutral_atoms", "no_radicals")})
    verdicts = verdicts.assign(smiles="C", n_atoms=5, n_stable_atoms=5, molecule_stable=True)
    names = dict(model="a", dataset="b", seed=0)
    table = validity_table(verdicts, {"C"}, assigner="lookup", **names)
    for metric in table["metric"]:
        assert _glossary({metric}), f"{metric} is not in the glossary"


def test_controls_and_adversaries_say_what_they_are_for(run, monkeypatch):
    monkeypatch.setitem(tables.CONTROLS, "jittered", "0.1 Å jitter (adversary)")
    monkeypatch.setitem(tables.CONTROLS, "invented", "an invented control")
    add_table(
        run, "strain", [(name, "relaxed", "xyz2mol") for name in ("jittered", "invented", "symphony_demo")]
    )
    text = page(run)
    purposes = dict(re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", text.partition("<nav>")[0]))
    assert set(purposes) == {"test split (control)", "0.1 Å jitter (adversary)", "an invented control"}
    assert "what a perfect model would get" in purposes["test split (control)"]
    assert "adversary" in purposes["0.1 Å jitter (adversary)"]
    assert purposes["an invented control"] == ""
    assert re.search(r'<tr class="[^"]*control[^"]*"><td>[^<]*</td><td>an invented control</td>', text)


def test_an_evaluation_says_which_samples_were_judged(run):
    inputs = [f"/somewhere/part{k}.xyz" for k in range(7)]
    evaluate = {"inputs": inputs, "reference": "/somewhere/qm9.sdf", "assigners": ["xyz2mol"]}
    text = page(run | {"config": {"evaluate": evaluate}, "benchmarks": [], "sidecars": []})
    lead = re.sub(
        r"\s+", " ", re.sub("<[^>]*>", "", text[text.index('<p class="lead">') : text.index("<dl")])
    )
    assert lead.strip().startswith(
        "500 samples of symphony_demo read from part0.xyz, part1.xyz, part2.xyz, part3.xyz, part4.xyz "
        "and 2 more, compared with the training molecules in qm9.sdf, bonds assigned by xyz2mol."
    )
    assert "timings" not in sections(text)
    alone = page(run | {"config": {"evaluate": evaluate | {"reference": None}}, "benchmarks": []})
    assert "Without training molecules" in alone


def test_long_lists_of_sidecars_are_left_out(run):
    record = {
        "dataset_digest": "cd" * 32,
        "seed": 0,
        "sizes": {"train": 2000},
        "leakage": {"smiles": {"train/test": ["C", "CC"]}},
        "train": list(range(777000, 779000)),
    }
    path = run["sidecars"][0].with_name("xtb9_demo.splits.json")
    path.write_text(json.dumps(record))
    text = page(run | {"sidecars": [path]})
    (shown,) = re.findall(
        r"<summary><code>xtb9_demo.splits.json</code></summary><pre>(.*?)</pre>", text, flags=re.DOTALL
    )
    assert yaml.safe_load(html.unescape(shown)) == record | {"train": "(2,000 entries, in the file)"}
    assert "777123" not in text
    assert "<code>" + "cd" * 32 in text
