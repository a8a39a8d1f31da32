"""Pages of a small run, taken apart."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from tutti.core.seals import BLANK, seal
from tutti.core.tidy import COLUMNS
from tutti.report import tables
from tutti.report.build import build

SVG = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><!-- {BLANK} --><circle r="1"/></svg>'
CONFIG = {
    "run": "demo",
    "seeds": [0],
    "generation": {"datasets": ["qm9_demo"], "models": ["symphony_demo"], "samples": 500},
    "bonds": {"assigners": ["xyz2mol", "openbabel"]},
    "datasets": {"qm9_demo": {"kind": "qm9"}, "aspirin": {"kind": "md17"}},
    "models": {"symphony_demo": {"module": "symphony"}, "unused_model": {"module": "edm"}},
}
BENCHMARK = (
    "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    "171.25\t0:02:51\t612.34\t1\t1\t1\t0\t0\t98.2\t168\n"
)


def draw(path, attributes=""):
    """A figure with a checksum."""
    path.write_text(SVG.replace("<svg", f"<svg {attributes}"))
    seal(path)


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


def page(run):
    build(run["out"], **{key: value for key, value in run.items() if key != "out"})
    return run["out"].read_text(encoding="utf-8")


def add_table(run, name, rows):
    """One more table in the run, of (model, metric, subset) with the same value in all rows."""
    stem = run["tables"][0].with_name(name)
    fixed = dict(dataset="qm9_demo", seed=0, value=0.5, ci_low=0.4, ci_high=0.6, n=100)
    fixed |= dict(unit="1", published=np.nan, note="")
    keys = ("model", "metric", "subset")
    table = pd.DataFrame([dict(zip(keys, row, strict=True), **fixed) for row in rows], columns=COLUMNS)
    tables.write(table, stem)
    run["tables"].append(stem)


def sections(text):
    """HTML by the sections' ids."""
    return dict(re.findall(r'<section id="(\w+)">(.*?)</section>', text, flags=re.DOTALL))
