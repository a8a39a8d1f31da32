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
from tutti.report import provenance
from tutti.report.build import build, used

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
    assert "This run made no table." in text
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
