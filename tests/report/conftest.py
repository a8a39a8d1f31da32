"""A small run with a page."""

import json

import numpy as np
import pandas as pd
import pytest

from tutti.report import tables

from .pages import BENCHMARK, CONFIG, draw


@pytest.fixture
def run(tmp_path):
    """A small run: build(...) arguments over files in results/demo."""
    root = tmp_path / "results" / "demo"
    key = dict(
        model="symphony_demo", dataset="qm9_demo", seed=0, metric="validity", unit="1", published=np.nan
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
    draw(root / "figures" / "validity.svg")
    (root / "figures" / "molecules-qm9_demo-symphony_demo-seed0.png").write_bytes(b"\x89PNG not really")
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
            (root / "figures" / "molecules-qm9_demo-symphony_demo-seed0.png", "Second"),
        ],
        "sidecars": [root / "train.json"],
        "benchmarks": [root / "train.tsv"],
    }
