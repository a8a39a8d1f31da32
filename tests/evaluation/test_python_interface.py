"""`tutti.evaluate`, `tutti.judge` and references by name."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ase
import numpy as np
import pandas as pd
import pytest
from ase.build import molecule
from typer.testing import CliRunner

import tutti
from tutti.cli import app
from tutti.core import extras, tidy
from tutti.core.registry import ConfigError
from tutti.core.structures import Structures
from tutti.data import named, qm9
from tutti.data.download import DownloadError
from tutti.data.shipped import EMBEDDED
from tutti.io import extxyz

CHEAP = {"only": ("validity",), "assigners": ("lookup",), "jobs": 1}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    known = Structures.load(EMBEDDED / "qm9_6.npz")[np.arange(300, 330)]
    extxyz.write(folder / "samples.xyz", Structures(known.n_atoms, known.numbers, known.positions))
    return folder / "samples.xyz"


def test_in_memory_it_is_what_the_command_writes(samples, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    found = tutti.evaluate(samples, reference="qm9_demo", only=("validity", "reasons"), jobs=1)
    assert found.report is None and found.models == ("samples",) and not list(scratch.iterdir())
    arguments = ["evaluate", str(samples), "--reference", "qm9_demo", "--only", "validity,reasons"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    for name, table in found.tables.items():
        written = tidy.read(tmp_path / f"out/tables/{name}.csv")
        pd.testing.assert_frame_equal(table.reset_index(drop=True), written, rtol=1e-7)
    rows = pd.read_parquet(tmp_path / "out/molecules.parquet").drop(columns="seconds")
    ours = found.molecules.drop(columns="seconds")
    assert ours["smiles"].tolist() == rows["smiles"].tolist() and len(ours) == 3 * 30
    assert list(ours.columns) == list(rows.columns)


def test_with_a_folder_everything_is_there(samples, tmp_path):
    found = tutti.evaluate([str(samples)], tmp_path / "out", **CHEAP)
    assert found.report == tmp_path / "out/report/index.html" and found.report.is_file()
    assert isinstance(found, tutti.Evaluation) and found.skipped == ()


def test_mistakes_are_errors(samples, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'lookup'"):
        tutti.evaluate(samples, assigners=("lokup",))
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        tutti.evaluate(tmp_path / "nothing.xyz")
    with pytest.raises(ConfigError, match="name at least one"):
        tutti.judge([molecule("H2O")], assigners=())
    with pytest.raises(ValueError, match="no molecules"):
        tutti.judge([])


def test_molecules_of_ase_one_row_each_and_assigner():
    broken = ase.Atoms("CH4", np.zeros((5, 3)))
    ammonium = ase.Atoms(
        "NH4", [[0, 0, 0], *(0.59 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]))]
    )
    ammonium.info["charge"] = 1
    given = [molecule("CH3CH2OH"), broken, ammonium]
    table = tutti.judge(iter(given))
    assert table["assigner"].tolist() == ["xyz2mol", "openbabel", "lookup"] * 3
    assert table["sample"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    rows = table.set_index(["sample", "assigner"])
    assert rows.loc[0, "smiles"].tolist() == ["CCO"] * 3
    assert rows.loc[1, "reason"].tolist() == ["overlapping_atoms"] * 3
    assert rows.loc[(2, "xyz2mol"), "smiles"] == "[NH4+]"
    assert rows.loc[(2, "lookup"), "reason"] == "charge"
    del ammonium.info["charge"]
    assert tutti.judge(ammonium, ["xyz2mol"], charge=1).loc[0, "smiles"] == "[NH4+]"
    assert not tutti.judge(ammonium, ["xyz2mol"]).loc[0, "valid"]
    one = tutti.judge(molecule("CH3CH2OH"), assigners=["lookup"])
    assert len(one) == 1 and one.loc[0, "valid"]


def test_names_of_molecules_are_kept_where_they_differ():
    frames = [molecule("H2O"), molecule("CH4")]
    for name, atoms in zip(("one", "two"), frames, strict=True):
        atoms.info["id"] = name
    assert tutti.judge(frames, assigners=["lookup"])["id"].tolist() == ["one", "two"]
    frames[1].info["id"] = "one"
    assert tutti.judge(frames, assigners=["lookup"])["id"].tolist() == ["s000000", "s000001"]


@pytest.fixture
def bare(monkeypatch):
    """Neither Open Babel nor tblite."""
    monkeypatch.setattr(extras, "is_installed", lambda library: False)


def test_what_is_not_installed_is_left_out_and_told(bare, samples):
    with pytest.warns(UserWarning) as told:
        found = tutti.evaluate(samples, molecules=1, jobs=1)
    left_out = [
        "no bonds by openbabel: Open Babel is not installed: pip install 'tutti[openbabel]'",
        "no strain: tblite is not installed: pip install 'tutti[xtb]'",
    ]
    assert list(found.skipped) == left_out == [str(each.message) for each in told]
    assert set(found.molecules["assigner"]) == {"xyz2mol", "lookup"} and "strain" not in found.tables
    assert set(tutti.judge([molecule("H2O")])["assigner"]) == {"xyz2mol", "lookup"}


def test_what_is_named_and_not_installed_is_an_error(bare, samples, monkeypatch):
    monkeypatch.setattr("tutti.evaluation.run.judge_all", None)  # before the first molecule
    with pytest.raises(ModuleNotFoundError, match=r"'openbabel': Open Babel is not installed"):
        tutti.evaluate(samples, assigners=("xyz2mol", "openbabel"))
    with pytest.raises(ModuleNotFoundError, match=r"'strain': tblite is not installed"):
        tutti.evaluate(samples, only=("validity", "strain"))
    with pytest.raises(ModuleNotFoundError, match="Open Babel is not installed"):
        tutti.judge([molecule("H2O")], assigners=["openbabel"])


def test_nothing_is_said_to_be_missing_that_was_not_asked_for(bare, samples):
    assert tutti.evaluate(samples, **CHEAP).skipped == ()


def test_a_file_of_the_name_comes_first(samples, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert named.file_of(Path("qm9")) is None
    (tmp_path / "qm9").mkdir()
    (tmp_path / "qm9/own.xyz").write_bytes(samples.read_bytes())
    assert named.fetch(Path("qm9")) == Path("qm9")
    found = tutti.evaluate(samples, reference="qm9", **CHEAP).tables["validity"]
    assert found.loc[found["metric"] == "novelty", "value"].iloc[0] == 0


def test_unknown_names_have_the_nearest_one(samples):
    with pytest.raises(FileNotFoundError, match=r"no file, folder or dataset 'qm8'; did you mean 'qm9'\?"):
        tutti.evaluate(samples, reference="qm8")
    with pytest.raises(FileNotFoundError, match=r"^qm9\.xyz: no such file or folder$"):
        tutti.evaluate(samples, test="qm9.xyz")


@pytest.fixture
def tiny_qm9(monkeypatch, tmp_path):
    """QM9 is ten molecules; the list of downloads grows."""
    downloads = []

    def make(config, path, work, jobs):
        downloads.append(path)
        Structures.load(EMBEDDED / "qm9_6.npz")[300:310].save(path)

    monkeypatch.setattr(qm9, "make", make)
    monkeypatch.setenv(named.CACHE, str(tmp_path / "cache"))
    return downloads


def test_qm9_is_fetched_once_into_the_users_cache(samples, tiny_qm9, tmp_path):
    for _ in range(2):
        found = tutti.evaluate(samples, reference="qm9", test="qm9_demo", **CHEAP).tables["validity"]
        novelty = found[found["metric"] == "novelty"].set_index("model")["value"]
        assert novelty["samples"] == pytest.approx(20 / 30, abs=0.05) and novelty["test_split"] > 0.9
        assert set(found["dataset"]) == {"qm9"}
    assert tiny_qm9 == [tmp_path / "cache/qm9.npz"]


def test_qm9_is_fetched_once_by_two_at_the_same_time(tiny_qm9, monkeypatch):
    make, begun = qm9.make, threading.Event()

    def slowly(*arguments, **named_ones):
        begun.set()
        time.sleep(0.3)
        make(*arguments, **named_ones)

    monkeypatch.setattr(qm9, "make", slowly)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(named.fetch, Path("qm9"))
        begun.wait()
        assert named.fetch(Path("qm9")) == first.result()
    assert len(tiny_qm9) == 1


def test_the_users_cache_is_where_the_system_has_it(monkeypatch, tmp_path):
    monkeypatch.delenv(named.CACHE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert named.cache() == tmp_path / "tutti"


def test_a_dataset_that_cannot_be_had_is_a_line(samples, tiny_qm9, tmp_path, monkeypatch):
    def fails(*arguments, **options):
        raise DownloadError("no mirror gave QM9")

    monkeypatch.setattr(qm9, "make", fails)
    arguments = ["evaluate", str(samples), "--reference", "qm9", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1 and "error: no mirror gave QM9" in result.output


def test_one_set_as_reference_and_test_is_warned_of(samples):
    with pytest.warns(UserWarning, match="qm9_demo is the reference and the test"):
        tutti.evaluate(samples, reference="qm9_demo", test="qm9_demo", **CHEAP)


def test_type_checkers_see_what_there_is():
    assert Path(tutti.__file__).with_suffix(".pyi").is_file()
    names = {"Calculator", "Evaluation", "evaluate", "judge", "__version__"}
    assert names <= set(dir(tutti)) and all(hasattr(tutti, name) for name in names)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tutti.nothing


def test_the_package_itself_imports_nothing_that_takes_long():
    code = "import sys, tutti; print([m for m in ('torch', 'ase', 'numpy', 'pandas') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
