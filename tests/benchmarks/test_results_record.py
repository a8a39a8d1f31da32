"""benchmarks/results.py record: what is taken of a run, and what is refused."""

import json

import pandas as pd
import pytest
import results
import yaml
from paper.catalogue import Entry
from paper.record import CONFIGURATION, FACTS, TRAININGS, record
from paper.study import Study

from tutti.core import records, sums, tidy
from tutti.core.files import sha256
from tutti.core.registry import ConfigError
from tutti.core.seals import BLANK, DamagedFile, seal
from tutti.models import base
from tutti.report import tables
from tutti.report.build import build
from tutti.statistics.estimate import Estimate, row, table_of

LOG = "step,epoch,split,loss\n5,0.5,train,3.0\n10,1.25,valid,2.5\n"
ENTRY = Entry("config/config.yaml", ("validity",), ("validity",))


def rows(value=0.8):
    """A small table: two subsets of one model."""
    made = [
        row("validity", "xyz2mol", Estimate(value, 0.75, 0.85), 500, "1", ""),
        row("validity", "lookup", Estimate(0.5, 0.4, 0.6), 500, "1", ""),
    ]
    return table_of(made, model="mine", dataset="few", seed=0)


def train(folder, processor_seconds):
    """A training as the workflow leaves it."""
    base.create("forcefields", "schnet", {"elements": ["H", "C"], "channels": 4, "layers": 1}, seed=0).save(
        folder
    )
    (folder / "log.csv").write_text(LOG)
    records.write(
        folder / "train.json",
        {
            "training": {"batch_size": 8},
            "step": 10,
            "best_loss": 2.5,
            "seconds": 12.5,
            **processor_seconds,
            "environment": {"device": "cpu (x86_64)", "torch_threads": 1, "versions": {"torch": "2.13.0"}},
            "log_sha256": sha256(folder / "log.csv"),
        },
    )


@pytest.fixture
def run(tmp_path):
    """A finished run: one table, one figure, two trainings, of which one has no processor time."""
    root = tmp_path / "results/small"
    tables.write_all({"validity": rows()}, root / "tables")
    figure = root / "figures/validity.svg"
    figure.parent.mkdir()
    figure.write_text(f'<svg xmlns="http://www.w3.org/2000/svg"><!-- {BLANK} --></svg>')
    seal(figure)
    figure.with_suffix(".png").write_bytes(b"pixels")
    splits = root / "data/few.splits.json"  # without a checksum of its own, as of earlier versions
    splits.parent.mkdir()
    splits.write_text(json.dumps({"sizes": {"train": 7, "valid": 2, "test": 3}}))
    train(root / "train/few/mine/seed0", {"processor_seconds": 11.5})
    train(root / "train/few/yours/seed1", {})
    times = root / "benchmarks/train/few/yours/seed1.tsv"
    times.parent.mkdir(parents=True)
    times.write_text("s\tcpu_time\n13.0\t12.25\n")
    config = {
        "run": "small",
        "datasets": {"few": {"folder": "/somewhere/of/mine"}},
        "generation": {"datasets": ["few"]},
    }
    page = root / "report/index.html"
    build(
        page,
        config=config,
        tables=[root / "tables/validity"],
        figures=[(figure, "")],
        sidecars=[],
        benchmarks=[],
    )
    finish(root)
    return root


def finish(root):
    """SHA256SUMS of all that there is."""
    names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    sums.write(root, (name for name in names if name != sums.NAME))


def test_what_is_taken_is_what_the_run_has(run, tmp_path):
    into = tmp_path / "runs/small"
    names = record(run, ENTRY, into)
    assert sorted(names) == sorted(["validity.csv", "validity.svg", TRAININGS, CONFIGURATION, FACTS])
    study = Study(into)
    pd.testing.assert_frame_equal(study.table("validity"), tidy.check(rows()))
    assert study.figure("validity").read_bytes() == (run / "figures/validity.svg").read_bytes()
    assert study.facts["structures"] == {"few": {"train": 7, "valid": 2, "test": 3}}
    assert study.facts["machine"].keys() >= {"processor", "cores", "commit"}
    configuration = yaml.safe_load((into / CONFIGURATION).read_text())
    assert configuration["datasets"] == {"few": {"folder": "mine"}}


def test_trainings_are_told_with_times_sizes_and_hashes(run, tmp_path):
    record(run, ENTRY, tmp_path / "runs/small")
    mine, yours = Study(tmp_path / "runs/small").trainings.itertuples()
    assert (mine.model, mine.seed, mine.steps, mine.epochs, mine.best_loss) == ("mine", 0, 10, 1.25, 2.5)
    assert (mine.processor_seconds, mine.wall_seconds) == (11.5, 12.5)
    assert (yours.model, yours.seed, yours.processor_seconds) == ("yours", 1, 12.25)
    weights = run / "train/few/mine/seed0/weights.safetensors"
    assert mine.weights_sha256 == sha256(weights)
    head = json.loads(weights.read_bytes()[8 : 8 + int.from_bytes(weights.read_bytes()[:8], "little")])
    parameters = dict(base.load(weights.parent).named_parameters())
    assert mine.parameters == sum(pd.Series(head[name]["shape"], dtype=int).prod() for name in parameters)


@pytest.mark.parametrize("trained", [True, False])
def test_weights_that_were_given_are_told_with_where_they_are_from(run, tmp_path, trained):
    folder = run / "train/few/yours/seed1"
    told = records.read(folder / "train.json")
    facts = {name: told[name] for name in ("step", "seconds", "environment")}
    facts |= {"batch_size": 4, "validation_loss": 1.5, "processor_seconds": 9.5}
    records.write(
        folder / "train.json",
        {"given": {"weights": "ship", "remarks": []}, **({"trained": facts} if trained else {})},
    )
    (folder / "log.csv").unlink()
    finish(run)
    record(run, ENTRY, tmp_path / "runs/small")
    mine, yours = Study(tmp_path / "runs/small").trainings.itertuples()
    assert (yours.given, yours.weights_sha256) == ("ship", sha256(folder / "weights.safetensors"))
    assert pd.isna(mine.given) and str(mine.steps) == "10" and pd.isna(yours.epochs)
    found = (yours.steps, yours.batch_size, yours.processor_seconds, yours.best_loss)
    assert found == (10, 4, 9.5, 1.5) if trained else all(map(pd.isna, found))


@pytest.mark.parametrize(
    "name", ["tables/validity.csv", "figures/validity.svg", "report/index.html", "data/few.splits.json",
             "train/few/mine/seed0/train.json", "train/few/mine/seed0/log.csv",
             "train/few/mine/seed0/weights.safetensors", "benchmarks/train/few/yours/seed1.tsv"],
)  # fmt: skip
def test_a_run_with_an_edited_file_is_refused_whole(run, tmp_path, name):
    content = bytearray((run / name).read_bytes())
    content[-3] ^= 1  # still JSON where it is JSON
    (run / name).write_bytes(content)
    with pytest.raises(DamagedFile, match=name.rpartition("/")[2]):
        record(run, ENTRY, tmp_path / "runs/small")
    assert not (tmp_path / "runs").exists()


def test_an_unfinished_run_is_refused(run, tmp_path):
    (run / sums.NAME).unlink()
    with pytest.raises(ConfigError, match="not finished"):
        record(run, ENTRY, tmp_path / "runs/small")


def test_a_missing_table_or_figure_is_named_with_the_closest(run, tmp_path):
    for entry in (Entry("", ("validty",)), Entry("", (), ("validty",))):
        with pytest.raises(ConfigError, match="did you mean 'validity'"):
            record(run, entry, tmp_path / "runs/small")


def test_rows_that_are_not_quoted_and_files_of_an_earlier_record_go(run, tmp_path, monkeypatch):
    into = tmp_path / "runs/small"
    record(run, ENTRY, into)
    (into / "notes.txt").write_text("mine")
    record(run, Entry("", ("validity",), rows={"validity": {"subset": ("lookup",)}}), into)
    assert Study(into).table("validity")["subset"].tolist() == ["lookup"]
    assert not (into / "validity.svg").exists() and (into / "notes.txt").exists()
    monkeypatch.setattr("paper.record.LARGEST", 100)
    with pytest.raises(ConfigError, match="bytes, more than 100"):
        record(run, ENTRY, into)


def test_large_figures_are_taken_as_pixels(run, tmp_path, monkeypatch):
    monkeypatch.setattr("paper.record.LARGEST_SVG", 10)
    record(run, ENTRY, tmp_path / "runs/small")
    assert Study(tmp_path / "runs/small").figure("validity").read_bytes() == b"pixels"


def test_an_edited_record_is_refused(run, tmp_path):
    into = tmp_path / "runs/small"
    record(run, ENTRY, into)
    for name, read in (("validity.csv", lambda s: s.table("validity")), (TRAININGS, lambda s: s.trainings)):
        (into / name).write_text((into / name).read_text().replace("5", "6"))
        with pytest.raises(DamagedFile, match=name):
            read(Study(into))


def test_the_command_says_what_is_wrong_in_one_line(run, capsys):
    assert results.main(["record", str(run)]) == 2
    assert "no run 'small'" in capsys.readouterr().err
