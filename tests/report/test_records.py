"""What the page shows of records: hashes, times, contents."""

import html
import json
import re

import yaml

from tutti.report import provenance

from .pages import BENCHMARK, page


def test_provenance_hashes_and_timings(run, tmp_path):
    text = page(run)
    assert "<td>train.json</td><td>dataset</td><td><code>" + "ab" * 32 in text
    assert provenance.versions()["torch"] in text
    assert "<td>train.tsv</td><td>171.2</td><td>612.3</td><td>98.2</td>" in text
    assert "<td>train.json</td><td>seconds</td><td>171.2</td>" in text
    # Files are named by their place in the run.
    assert str(tmp_path) not in text


def test_the_time_of_a_training_is_that_of_all_its_starts(run):
    root = run["out"].parents[1]
    record = root / "train" / "qm9_demo" / "symphony_demo" / "seed0" / "train.json"
    for kind in ("train", "sample"):
        path = root / "benchmarks" / kind / "qm9_demo" / "symphony_demo" / "seed0.tsv"
        path.parent.mkdir(parents=True)
        path.write_text(BENCHMARK)
        run["benchmarks"].append(path)
    record.parent.mkdir(parents=True)
    job, others = "<td>benchmarks/train/qm9_demo/symphony_demo/seed0.tsv</td>", "<td>612.3</td><td>98.2</td>"
    sampling = f"<td>benchmarks/sample/qm9_demo/symphony_demo/seed0.tsv</td><td>171.2</td>{others}"
    record.write_text(json.dumps({"seconds": 5000.51}))
    run["sidecars"].append(record)
    text = page(run)
    assert f"{job}<td>5000.5</td>{others}" in text and sampling in text
    record.write_text("{}")
    text = page(run)
    assert f"{job}<td>171.2</td>{others}" in text and sampling in text


def test_weights_that_were_given_are_told_with_what_is_to_be_known_of_them(run):
    root = run["out"].parents[1]
    for seed in (0, 1):
        record = root / f"train/qm9_demo/mine/seed{seed}/train.json"
        record.parent.mkdir(parents=True)
        record.write_text(json.dumps({"given": {"weights": "edm", "remarks": ["of <other> data", "small"]}}))
        run["sidecars"].append(record)
    text = " ".join(page(run).split())
    told = "<b>mine</b> on qm9_demo was not trained here: the weights of <b>edm</b> were given; of &lt;other"
    assert text.count(told) == 1 and "data; small.</p>" in text
    assert "was not trained here" not in page(run | {"sidecars": run["sidecars"][:1]})


def test_long_lists_of_sidecars_are_left_out(run):
    record = {
        "dataset_digest": "cd" * 32,
        "seed": 0,
        "sizes": {"train": 2000},
        "leakage": {"smiles": {"train/test": ["C", "CC"]}},
        "train": list(range(777000, 779000)),
    }
    path = run["sidecars"][0].with_name("qm9_demo.splits.json")
    path.write_text(json.dumps(record))
    text = page(run | {"sidecars": [path]})
    (shown,) = re.findall(
        r'<summary><code>qm9_demo.splits.json</code></summary><pre tabindex="0">(.*?)</pre>',
        text,
        flags=re.DOTALL,
    )
    assert yaml.safe_load(html.unescape(shown)) == record | {"train": "(2,000 entries, in the file)"}
    assert "777123" not in text
    assert "<code>" + "cd" * 32 in text
