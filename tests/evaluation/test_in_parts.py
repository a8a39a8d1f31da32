"""Samples that are read, judged and written part by part, on disk: the same as all at once, in memory."""

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from typer.testing import CliRunner

from tutti.benchmark.samples import judge, judged
from tutti.cli import app
from tutti.core import parquet, records
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.evaluation import rows
from tutti.io import extxyz, gathering, samples
from tutti.io.samples import read_samples
from tutti.io.text import FormatError


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Molecules of several kinds: with a broken frame, with bonds, charged, and a file of nothing."""
    folder = tmp_path_factory.mktemp("parts")
    known = Structures.load(EMBEDDED / "qm9_6.npz")[np.arange(0, 783, 13)]
    bare = Structures(known.n_atoms, known.numbers, known.positions)
    extxyz.write(folder / "a.xyz", bare[:30])
    text = (folder / "a.xyz").read_text().splitlines()
    text[int(np.sum(bare.n_atoms[:11] + 2)) + 2] = "C zero 0 0"
    (folder / "a.xyz").write_text("\n".join(text) + "\n")
    (folder / "b.sdf").write_text("nothing\n")
    charge = np.where(np.arange(20) == 7, 1, 0)
    names = np.array([f"name{i}" for i in range(20)])
    extxyz.write(folder / "c.xyz", bare[30:50].with_columns(charge=charge, id=names))
    bare[50:].save(folder / "d.npz")
    blocks = [
        Chem.MolToMolBlock(Chem.AddHs(Chem.MolFromSmiles(text))) for text in ("CCO", "C[NH3+]", "c1ccccc1")
    ]
    (folder / "e.sdf").write_text("\n$$$$\n".join(blocks) + "\n$$$$\n")
    return folder


def of_all(structures):
    return (structures.digest, structures.source, {k: v.dtype for k, v in structures.columns.items()})


@pytest.mark.parametrize("part", [1, 7, 1000])
@pytest.mark.parametrize("names", ["a.xyz", "c.xyz", "a.xyz b.sdf c.xyz d.npz", "a.xyz e.sdf", "."])
def test_reading(files, tmp_path, monkeypatch, part, names):
    paths = [files / name for name in names.split()]
    whole = read_samples(paths, charge=1)
    monkeypatch.setattr(samples, "PART", part)
    found = read_samples(paths, charge=1, folder=tmp_path)
    assert of_all(found) == of_all(whole)
    assert not found.positions.flags.writeable and not any(tmp_path.iterdir())


def test_names_that_two_parts_share_are_no_names(tmp_path, monkeypatch):
    water = Structures.from_frames([([8, 1, 1], np.eye(3))] * 4)
    monkeypatch.setattr(samples, "PART", 2)
    for names, kept in ((["a", "b", "c", "a"], False), (["a", "b", "c", "long"], True)):
        extxyz.write(tmp_path / "x.xyz", water.with_columns(id=np.array(names)))
        found = read_samples([tmp_path / "x.xyz"], folder=tmp_path).columns["id"].tolist()
        assert found == (names if kept else [gathering.numbered(i) for i in range(4)])


def test_the_first_problem_is_told_where_no_part_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "PART", 1)
    for name in ("a.xyz", "b.xyz"):
        (tmp_path / name).write_text("2\n\nC 0 0 0\n")
    with pytest.raises(FormatError, match=r"a\.xyz:4"):
        read_samples([tmp_path / "a.xyz", tmp_path / "b.xyz"], folder=tmp_path)


def evaluated(file, out):
    """What all tables, figures and the page hold, the record, and the rows but for their times."""
    options = ["--out", str(out), "--jobs", "1", "--only", "validity,geometry_with_hydrogens"]
    done = CliRunner().invoke(app, ["evaluate", str(file), *options])
    assert done.exit_code == 0, done.output
    kinds = (".csv", ".md", ".tex", ".svg", ".png", ".html")
    made = {path.name: path.read_bytes() for path in out.rglob("*") if path.suffix in kinds}
    molecules = pd.read_parquet(out / "molecules.parquet")
    rest = molecules.drop(columns=["seconds", "geometry_seconds"])
    return made, records.read(out / "evaluation.json", ""), rest


def test_an_evaluation(files, tmp_path, monkeypatch):
    """Every number, every figure, the page, the hashes and the rows."""
    whole, record, frame = evaluated(files / "a.xyz", tmp_path / "whole")
    for module, name in ((samples, "PART"), (judge, "CHUNK"), (rows, "PART"), (judged, "PART")):
        monkeypatch.setattr(module, name, 4)
    found, in_parts, other = evaluated(files / "a.xyz", tmp_path / "parts")
    assert found == whole and len(whole) > 10
    assert in_parts == record
    pd.testing.assert_frame_equal(other, frame)
    # Each assigner's verdicts in eight parts of four, where they were one.
    finished = [len(list((tmp_path / name / ".parts").iterdir())) for name in ("whole", "parts")]
    assert finished[1] - finished[0] == 3 * (8 - 1)


def test_the_bytes_of_a_file_do_not_tell_in_which_parts_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS", 10)
    lists = pd.Series([list(range(i % 4)) for i in range(47)], dtype=object)
    frame = pd.DataFrame({"id": [f"s{i}" for i in range(47)], "bonds": lists, "x": np.arange(47) / 7})
    parquet.write(frame, tmp_path / "whole.parquet")
    for size in (1, 4, 10, 46, 47):
        parts = (frame.iloc[start : start + size].copy() for start in range(0, 47, size))
        typed = (part.astype({"bonds": judge.LISTS["bond_first"]}) for part in parts)
        parquet.write_parts(typed, tmp_path / "parts.parquet")
        assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert pd.read_parquet(tmp_path / "whole.parquet")["bonds"].map(list).tolist() == lists.tolist()
