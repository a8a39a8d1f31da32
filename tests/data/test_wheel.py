"""Wheels fetched by pip from a folder that stands for the package index."""

import hashlib
import subprocess
import sys

import pytest
import qm9_mirrors

from tutti.data import wheel
from tutti.data.download import DownloadError, Source

NAME = "qm9pack-1.0.3-py3-none-any.whl"
CONTENTS = qm9_mirrors.wheel()
KNOWN = Source(NAME, (), "sha256:" + hashlib.sha256(CONTENTS).hexdigest())


def problem(folder):
    with pytest.raises(DownloadError) as caught:
        wheel.fetch(KNOWN, folder)
    message = str(caught.value)
    assert "pip download qm9pack==1.0.3" in message
    assert (
        f"pip download --no-deps qm9pack==1.0.3' where it works, put the file at {folder / NAME}" in message
    )
    assert [path.name for path in folder.iterdir() if path.name != NAME] == [], "something was left"
    return message


def test_pip_gets_it_and_installs_nothing(pip_finds, tmp_path):
    (pip_finds / NAME).write_bytes(CONTENTS)
    path = wheel.fetch(KNOWN, tmp_path / "work")
    assert path == tmp_path / "work" / NAME and path.read_bytes() == CONTENTS
    assert [file.name for file in (tmp_path / "work").iterdir()] == [NAME]
    shown = subprocess.run([sys.executable, "-m", "pip", "show", "qm9pack"], capture_output=True)
    assert shown.returncode != 0


def test_pip_is_not_asked_for_what_is_there(pip_finds, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENTS)
    assert wheel.fetch(KNOWN, tmp_path) == tmp_path / NAME


def test_what_pip_cannot_find(pip_finds, tmp_path):
    assert "No matching distribution found for qm9pack==1.0.3" in problem(tmp_path / "work")


def test_another_hash(pip_finds, tmp_path):
    other = CONTENTS + b"more"
    (pip_finds / NAME).write_bytes(other)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / NAME).write_bytes(b"half a file")
    message = problem(tmp_path / "work")
    assert f"sha256:{hashlib.sha256(other).hexdigest()[:12]}…, not {KNOWN.hash[:19]}…" in message
    assert f"{tmp_path / 'work' / NAME} is not used: sha256:" in message
    assert (tmp_path / "work" / NAME).read_bytes() == b"half a file"


def test_source_archives_are_refused(pip_finds, tmp_path):
    """pip would run their code."""
    (pip_finds / "qm9pack-1.0.3.tar.gz").write_bytes(b"not looked at")
    assert "No matching distribution" in problem(tmp_path / "work")


def test_a_wheel_of_another_name(pip_finds, tmp_path):
    (pip_finds / NAME.replace("py3", "py2.py3")).write_bytes(CONTENTS)
    assert "it gave qm9pack-1.0.3-py2.py3-none-any.whl" in problem(tmp_path / "work")


def test_no_pip(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    assert "python: No module named pip" in problem(tmp_path / "work")


def test_pip_that_hangs_is_ended(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(DownloadError, match=r"pip had not finished after 0\.2 s and was ended"):
        wheel.fetch(KNOWN, tmp_path / "work", deadline=0.2)
    assert not list((tmp_path / "work").iterdir())
