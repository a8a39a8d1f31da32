"""The folder of an evaluation: what is not ours is neither deleted nor overwritten."""

import json

import pytest

from tutti.core import records
from tutti.core.registry import ConfigError
from tutti.evaluation.folder import RECORD, Folder

MADE = {RECORD, "tables/a.csv", "figures/a.svg"}


def write(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def evaluated(path, inputs, made=MADE):
    folder = Folder(path, inputs)
    folder.claim(made, force=False)
    for name in made - {RECORD}:
        write(path / name, "ours")
    folder.drop_others(made)
    folder.write_record({}, made)
    return folder


def test_only_what_an_earlier_evaluation_made_is_deleted(tmp_path):
    mine = [
        tmp_path / name for name in ("tables/mine.csv", "tables/sub/deep.csv", "figures/b.svg", "notes.txt")
    ]
    for path in mine:
        write(path, "mine")
    evaluated(tmp_path, [tmp_path / "x.xyz"], MADE | {"tables/old.csv"})
    evaluated(tmp_path, [tmp_path / "x.xyz"])
    assert not (tmp_path / "tables/old.csv").exists()
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    assert json.loads((tmp_path / RECORD).read_text())["files"] == sorted(MADE)


@pytest.mark.parametrize("name", ["tables/a.csv", RECORD])
def test_a_file_of_unknown_origin_is_not_overwritten(tmp_path, name):
    write(tmp_path / name, "{}")
    with pytest.raises(ConfigError, match="was made by no evaluation; choose another --out, or give --force"):
        Folder(tmp_path, [tmp_path / "x.xyz"]).claim(MADE, force=False)
    assert (tmp_path / name).read_text() == "{}"
    Folder(tmp_path, [tmp_path / "x.xyz"]).claim(MADE, force=True)


def test_results_of_another_input_are_not_overwritten(tmp_path):
    evaluated(tmp_path, [tmp_path / "x.xyz"])
    other = Folder(tmp_path, [tmp_path / "elsewhere/x.xyz"])
    with pytest.raises(ConfigError, match=r"holds the results of x\.xyz; .*--force"):
        other.claim(MADE, force=False)
    other.claim(MADE, force=True)
    other.claim(MADE, force=False)


def test_an_evaluation_that_was_stopped_goes_on(tmp_path):
    """The record is there before the files, so that the same command finds them to be its own."""
    folder = Folder(tmp_path, [tmp_path / "x.xyz"])
    folder.claim(MADE, force=False)
    write(tmp_path / "tables/a.csv")
    folder.claim(MADE, force=False)


def test_a_damaged_record_is_refused_and_force_helps(tmp_path):
    folder = evaluated(tmp_path, [tmp_path / "x.xyz"])
    path = tmp_path / RECORD
    path.write_text(path.read_text().replace("tables/a.csv", "tables/b.csv"))
    write(tmp_path / "tables/b.csv", "mine")
    with pytest.raises(ConfigError, match=rf"{RECORD}: damaged.*; choose another --out, or give --force"):
        folder.claim(MADE, force=False)
    folder.claim(MADE, force=True)
    folder.drop_others(MADE)
    assert (tmp_path / "tables/b.csv").read_text() == "mine"


def test_a_record_cannot_name_files_elsewhere(tmp_path):
    write(tmp_path / "outside.txt", "mine")
    folder = evaluated(tmp_path / "out", [tmp_path / "x.xyz"])
    record = records.read(folder.path / RECORD)
    record["files"] += ["../outside.txt", str(tmp_path / "outside.txt")]
    records.write(folder.path / RECORD, record)
    folder.drop_others(MADE)
    assert (tmp_path / "outside.txt").read_text() == "mine"
