"""What a result was made with."""

import getpass
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tutti.core import hardware
from tutti.report import provenance


def test_versions_are_those_installed():
    versions = provenance.versions()
    assert versions["torch"] == torch.__version__
    assert versions["python"] == platform.python_version()
    assert "pytest" not in versions


def test_hardware_names_no_machine_and_no_person():
    described = " ".join(map(str, hardware.hardware().values())).lower()
    assert platform.node().lower() not in described
    assert getpass.getuser().lower() not in described.split()
    assert set(hardware.hardware()) == {"processor", "cores", "memory", "system", "gpu"}


def test_commit_is_that_of_this_checkout_only(tmp_path, monkeypatch):
    """A commit, `-dirty` after an edit or with untracked code, and nothing elsewhere."""

    def git(*arguments):
        identity = ("-c", "user.name=t", "-c", "user.email=t@t")
        return subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init")
    (tmp_path / "other").write_text("")
    git("add", ".")
    git("commit", "-m", "zero")
    file = tmp_path / "provenance.py"
    monkeypatch.setattr(provenance, "__file__", str(file))
    file.write_text("1")
    assert provenance.git_commit() is None
    git("add", ".")
    git("commit", "-m", "one")
    commit = provenance.git_commit()
    assert re.fullmatch("[0-9a-f]{40}", commit)
    assert commit == git("rev-parse", "HEAD")
    file.write_text("2")
    assert provenance.git_commit() == f"{commit}-dirty"
    file.write_text("1")
    assert provenance.git_commit() == commit
    (tmp_path / "notes.txt").write_text("no code")
    assert provenance.git_commit() == commit
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "new.py").write_text("untracked")
    assert provenance.git_commit() == f"{commit}-dirty"
    (tmp_path / ".gitignore").write_text("*.py")
    assert provenance.git_commit() == commit


def test_no_git_is_no_error(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance.git_commit() is None


def test_a_machine_without_gpu_is_described_without_torch():
    if any(Path("/dev", driver).exists() for driver in hardware.DRIVERS):
        pytest.skip("there is a GPU")
    code = (
        "import sys; from tutti.core import hardware as h; print(h.hardware()['gpu'], 'torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "none False\n"
