"""`tutti evaluate` as its users meet it: files in, tables and a page out."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tutti.benchmark.metrics.validity import validity_table
from tutti.chemistry.bonds.pool import assign_all
from tutti.cli import app
from tutti.core import records, tidy
from tutti.core.files import sha256
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.evaluation.request import Request
from tutti.io import extxyz
from tutti.report.page import unpacked

FAST = "validity,assigner_agreement,geometry_with_hydrogens,against_n"


def tutti(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


@pytest.fixture(scope="module")
def molecules():
    """Real molecules without the columns of their dataset."""
    known = Structures.load(EMBEDDED / "qm9_6.npz")[np.arange(0, 783, 8)]
    return Structures(known.n_atoms, known.numbers, known.positions)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, molecules):
    """samples.xyz: 40 molecules, one broken; reference.extxyz: 50 others and 7 of them; test.extxyz."""
    folder = tmp_path_factory.mktemp("files")
    extxyz.write(folder / "samples.xyz", molecules[:40])
    lines = (folder / "samples.xyz").read_text().splitlines()
    row = int(np.sum(molecules.n_atoms[:5] + 2)) + 2
    lines[row] = "C zero 0 0"
    (folder / "samples.xyz").write_text("\n".join(lines) + "\n")
    extxyz.write(folder / "reference.extxyz", molecules[33:90])
    extxyz.write(folder / "test.extxyz", molecules[90:])
    return folder


@pytest.fixture(scope="module")
def judged(folder):
    """An evaluation without a reference of everything that is not costly."""
    result = tutti(folder / "samples.xyz", "--out", folder / "judged", "--only", FAST, "--jobs", 2)
    assert result.exit_code == 0, result.output
    return folder / "judged", result


def test_every_sample_has_a_row_per_assigner_in_input_order(judged):
    out, _ = judged
    table = pd.read_parquet(out / "molecules.parquet")
    assert len(table) == 3 * 40
    assert table["frame"].tolist() == [i for i in range(40) for _ in range(3)]
    assert table["assigner"].tolist() == ["xyz2mol", "openbabel", "lookup"] * 40
    broken = table[~table["valid"] & (table["reason"] == "unreadable")]
    assert broken["frame"].tolist() == [5] * 3
    assert broken["unreadable"].str.contains(r"samples\.xyz:\d+: expected a number").all()


def test_the_first_problem_is_told(judged):
    _, result = judged
    assert "1 of 40 samples cannot be read; the first: " in result.output


def test_tables_derive_from_the_rows(judged):
    out, _ = judged
    rows = pd.read_parquet(out / "molecules.parquet")
    table = tidy.read(out / "tables/validity.csv")
    for assigner in ("xyz2mol", "openbabel", "lookup"):
        names = {"model": "samples", "dataset": "none", "seed": 0, "assigner": assigner}
        mine = rows[rows["assigner"] == assigner]
        again = validity_table(mine, set(), mine["finished"].to_numpy(), **names)
        ours = table[table["subset"] == assigner].reset_index(drop=True)
        pd.testing.assert_frame_equal(ours.drop(columns="note"), again.drop(columns="note"), rtol=1e-6)
    assert set(table.loc[table["metric"] == "validity", "n"]) == {40}
    assert set(table.loc[table["metric"] == "validity_of_finished", "n"]) == {
        39
    }  # without the unreadable one


def test_everything_is_there(judged):
    out, result = judged
    names = sorted(path.stem for path in (out / "tables").glob("*.csv"))
    assert names == sorted(FAST.split(","))
    assert all((out / "tables" / f"{name}.md").read_text().startswith("| metric") for name in names)
    page = (out / "report/index.html").read_text()
    assert "http-equiv" not in page and "<script src" not in page
    assert "samples" in page and str(out.parent) not in page
    assert {path.suffix for path in (out / "figures").iterdir()} == {".svg", ".png"}
    assert str(out / "report/index.html") in result.output.replace("\n", "")


def test_the_same_command_again_computes_nothing_and_gives_the_same_tables(judged, folder, monkeypatch):
    out, _ = judged
    before = {path: path.read_bytes() for path in (out / "tables").iterdir()}
    monkeypatch.setattr("tutti.benchmark.samples.judge.assign_all", None)
    result = tutti(folder / "samples.xyz", "--out", out, "--only", FAST, "--jobs", 2)
    assert result.exit_code == 0, result.output
    assert {path: path.read_bytes() for path in (out / "tables").iterdir()} == before


def test_with_a_reference_there_are_novelty_distances_and_controls(folder):
    result = tutti(
        *(folder / "samples.xyz", "--reference", folder / "reference.extxyz", "--out", folder / "compared"),
        *("--test", folder / "test.extxyz"),
        *("--only", "validity,jsd,mmd_bond_length", "--published", "qm9"),
    )
    assert result.exit_code == 0, result.output
    table = tidy.read(folder / "compared/tables/validity.csv")
    novelty = table[(table["metric"] == "novelty") & (table["subset"] == "xyz2mol")].set_index("model")
    assert novelty.loc["samples", "value"] == pytest.approx(32 / 39)
    assert novelty.loc["copied_training", "value"] == 0
    assert {"jittered", "displaced_hydrogens", "test_split"} <= set(novelty.index)
    assert novelty.loc["test_split", "value"] == 1
    assert table.loc[table["model"] == "EDM", "published"].max() == pytest.approx(0.9995)
    jsd = tidy.read(folder / "compared/tables/jsd.csv").set_index(["model", "metric", "subset"])["value"]
    assert 0 < jsd.loc["samples", "jsd", "atom_types"] < 0.1
    assert jsd.loc["samples", "jsd_floor", "atom_types"] > 0
    assert (folder / "compared/figures/bond_lengths.svg").is_file()


def test_models_side_by_side(folder, tmp_path):
    result = tutti(
        *(folder / "samples.xyz", folder / "reference.extxyz", "--compare"),
        *("--out", tmp_path, "--only", "validity", "--assigners", "lookup"),
    )
    assert result.exit_code == 0, result.output
    table = tidy.read(tmp_path / "tables/validity.csv")
    names = {"samples", "reference_samples"}  # "reference" alone means something else
    assert set(table["model"]) == set(pd.read_parquet(tmp_path / "molecules.parquet")["model"]) == names
    ranks = tidy.read(tmp_path / "tables/validity_ranks.csv").set_index(["metric", "model"])["value"]
    assert ranks.loc["validity_rank"].to_dict() == {"reference_samples": 1, "samples": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.xyz"], "nowhere.xyz: no such file or folder"),
        (["bad.xyz"], "bad.xyz:1: expected the number of atoms"),
        (["bad.xyz", "--only", "validty"], "did you mean 'validity'?"),
        (["bad.xyz", "--assigners", "openbable"], "did you mean 'openbabel'?"),
        (["bad.xyz", "--only", "jsd"], "--reference FILE"),
        (["bad.xyz", "--only", "strain", "--assigners", "lookup"], "needs the assigner 'xyz2mol'"),
        (["bad.xyz", "--assigners", ","], "name at least one of given, lookup, openbabel, xyz2mol"),
        (["bad.xyz", "--published", "qm8"], "did you mean 'qm9'?"),
    ],
)
def test_errors_say_what_to_do(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.xyz").write_text("no number here\n")
    result = tutti(*arguments, "--out", "out")
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out/tables").exists()


def test_what_makes_a_library_fail_is_a_row_with_what_it_said(folder, tmp_path):
    places = 0.45 * np.stack(np.indices((4, 4, 4)), axis=-1).reshape(-1, 3)
    grid = "".join(f"C {x} {y} {z}\n" for x, y, z in places)
    (tmp_path / "samples.xyz").write_text((folder / "samples.xyz").read_text() + f"64\n\n{grid}")
    result = tutti(
        tmp_path / "samples.xyz", "--out", tmp_path / "out", "--only", "validity", "--assigners", "lookup"
    )
    assert result.exit_code == 0, result.output
    row = pd.read_parquet(tmp_path / "out/molecules.parquet").iloc[40]
    assert row["reason"] == "library_error"
    assert row["message"].startswith("RDKit: RuntimeError: Pre-condition Violation")
    page = unpacked((tmp_path / "out/report/index.html").read_text(encoding="utf-8"))
    assert page["browser"]["molecules"][40]["messages"] == {"lookup": row["message"]}


def test_a_killed_evaluation_goes_on_where_it_was_and_is_alone_in_its_folder(folder, tmp_path, judged):
    out = tmp_path / "killed"
    arguments = ["evaluate", folder / "samples.xyz", "--out", out, "--only", FAST, "--jobs", "2"]
    command = [sys.executable, "-c", "from tutti.cli import app; app()", *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        while not list(out.glob(".parts/[0-9a-f]*.parquet")) and process.poll() is None:
            time.sleep(0.002)
        for other in ("validity", FAST):
            refused = tutti(folder / "samples.xyz", "--out", out, "--only", other)
            assert refused.exit_code == 1
            assert f"error: {out}: in use by process {process.pid} (since" in refused.output
        os.killpg(process.pid, signal.SIGKILL)
    kept = {path: path.stat().st_mtime_ns for path in out.glob(".parts/[0-9a-f]*.parquet")}
    assert kept and not (out / "report").exists()
    assert tutti(*arguments[1:]).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    for path in (judged[0] / "tables").iterdir():
        assert (out / "tables" / path.name).read_bytes() == path.read_bytes()


def test_ctrl_c_says_that_the_same_command_goes_on(folder, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tutti.evaluation.run.judge_all", interrupt)
    result = tutti(folder / "samples.xyz", "--out", tmp_path)
    assert result.exit_code == 130
    assert "The same command goes on" in result.output


def test_help_has_an_example():
    result = tutti("--help")
    assert result.exit_code == 0
    assert "results/demo/samples/qm9_demo/symphony_demo/seed0.extxyz" in "".join(result.output.split())


def test_out_that_is_a_file(tmp_path, folder):
    (tmp_path / "out").write_text("")
    result = tutti(folder / "samples.xyz", "--out", tmp_path / "out")
    assert result.exit_code == 1 and "--out names a folder" in result.output


def test_samples_named_like_a_control_are_not_mistaken_for_it(folder, tmp_path):
    (tmp_path / "jittered.xyz").write_bytes((folder / "samples.xyz").read_bytes())
    result = tutti(
        *(tmp_path / "jittered.xyz", "--test", folder / "reference.extxyz"),
        *("--out", tmp_path / "out", "--only", "validity", "--assigners", "lookup"),
    )
    assert result.exit_code == 0, result.output
    validity = tidy.read(tmp_path / "out/tables/validity.csv").set_index(["metric", "model"])["value"]
    assert validity.loc["validity", "jittered_samples"] > 0.8 > validity.loc["validity", "jittered"]


def test_test_molecules_are_a_control(folder, tmp_path):
    result = tutti(
        *(folder / "samples.xyz", "--test", folder / "reference.extxyz"),
        *("--out", tmp_path, "--only", "validity", "--assigners", "lookup"),
    )
    assert result.exit_code == 0, result.output
    controls = {"test_split", "jittered", "displaced_hydrogens"}
    assert set(tidy.read(tmp_path / "tables/validity.csv")["model"]) == {"samples", *controls}


def test_adversaries_are_made_of_what_their_declaration_says(folder, tmp_path):
    """Copies of what the model learnt from; damaged molecules that it never saw. In the workflow as here."""
    given = {"--reference": "reference.extxyz", "--test": "test.extxyz"}
    made = {}
    for option, file in given.items():
        request = {"reference" if option == "--reference" else "test": folder / file}
        made[option] = Request(inputs=(folder / "samples.xyz",), out=tmp_path, **request).controls
    assert made == {
        "--reference": ["copied_training"],
        "--test": ["test_split", "jittered", "displaced_hydrogens"],
    }


def test_what_is_judged_anew_changes_the_tables(folder, tmp_path, monkeypatch):
    arguments = [folder / "samples.xyz", "--out", tmp_path, "--only", "validity", "--assigners", "lookup"]
    assert tutti(*arguments).exit_code == 0
    before = tidy.read(tmp_path / "tables/validity.csv")
    monkeypatch.setattr("tutti.core.cache._versions", lambda: ["another version"])
    monkeypatch.setattr(
        "tutti.benchmark.samples.judge.assign_all",
        lambda *arguments, **options: assign_all(*arguments, **options).assign(valid=False, smiles=None),
    )
    assert tutti(*arguments).exit_code == 0
    after = tidy.read(tmp_path / "tables/validity.csv")
    assert before.loc[0, "value"] > 0.8 and after.loc[0, "value"] == 0


def test_tables_of_an_earlier_request_do_not_stay_and_damaged_parts_are_made_again(folder, tmp_path):
    common = [folder / "samples.xyz", "--out", tmp_path, "--assigners", "lookup"]
    assert tutti(*common).exit_code == 0
    assert (tmp_path / "tables/reasons.csv").exists()
    before = (tmp_path / "tables/validity.csv").read_bytes()
    parts = list((tmp_path / ".parts").iterdir())
    for path in parts:
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 4
        path.write_bytes(content)
    result = tutti(*common, "--only", "validity")
    assert result.exit_code == 0 and (tmp_path / "tables/validity.csv").read_bytes() == before
    lines = [f"{path}: damaged since it was written; it is made again" for path in parts]
    assert {result.output.count(line) for line in lines} == {0, 1}  # those of the other table are not read
    assert {path.stem for path in (tmp_path / "tables").iterdir()} == {"validity", "SHA256SUMS"}
    listed = [line.split(maxsplit=1) for line in (tmp_path / "SHA256SUMS").read_text().splitlines()]
    made = records.read(tmp_path / "evaluation.json")["files"]
    assert sorted([*(name for _, name in listed), "SHA256SUMS"]) == made
    assert all(sha256(tmp_path / name) == digest for digest, name in listed)


def test_models_of_the_same_name_are_told_apart_by_their_folders(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.v1.xyz").write_text("1\n\nH 0 0 0\n")
    paths = tuple(tmp_path / name / "run.v1.xyz" for name in ("first", "second"))
    assert list(Request(inputs=paths, out=tmp_path, compare=True).sets) == ["first_run.v1", "second_run.v1"]
    assert list(Request(inputs=paths[:1], out=tmp_path).sets) == ["run.v1"]


def test_what_a_folder_holds_besides_is_told(tmp_path):
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/sub/a.xyz").write_text("1\n\nH 0 0 0\n")
    (tmp_path / "in/sub/notes.txt").write_text("")
    result = tutti(tmp_path / "in", "--out", tmp_path / "out", "--only", "validity", "--assigners", "lookup")
    assert result.exit_code == 0, result.output
    assert "1 file of another kind is not read: sub/notes.txt" in result.output
