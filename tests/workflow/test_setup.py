"""Set-up: what is missing is said, and a half-made environment never looks done."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A Python of version $VERSION, with or without venv, whose environments have a pip that does what $PIP says.
PYTHON = """#!/bin/sh
case "$*" in
    *"sys.version_info < "*) [ "${VERSION:-3.12}" != 3.9 ] ;;
    *"sys.version_info[:2]"*) echo "${VERSION:-3.12}" ;;
    *"import ensurepip"*) [ -z "$NO_VENV" ] ;;
    *libgomp*) [ -z "$NO_OPENMP" ] ;;
    --version) echo "Python ${VERSION:-3.12}" ;;
    "-m venv --clear .venv") rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python; echo venv >> calls ;;
    *"pip "*install*) echo pip >> calls; eval "$PIP" ;;
esac
"""


@pytest.fixture
def tree(tmp_path):
    """A copy of what set-up needs, and a function that runs `make setup` in it."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    return tmp_path


@pytest.fixture
def setup(tree):
    tools = tree / "bin"
    tools.mkdir()
    for name in (
        "bash",
        "cp",
        "df",
        "dirname",
        "grep",
        "awk",
        "make",
        "mkdir",
        "rm",
        "sh",
        "tee",
        "touch",
        "cat",
    ):
        (tools / name).symlink_to(shutil.which(name))
    executable(tools / "python3", PYTHON)

    def run(**environment):
        return subprocess.run(
            ["make", "setup"],
            cwd=tree,
            env={"PATH": str(tools), "HOME": os.environ.get("HOME", "/")} | environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    return run


def executable(path, text):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def calls(tree):
    path = tree / "calls"
    return path.read_text().split() if path.exists() else []


def test_a_second_set_up_does_nothing(tree, setup):
    assert setup().returncode == 0
    assert calls(tree) == ["venv", "pip", "pip"]
    assert "Nothing to be done" in setup().stdout
    assert calls(tree) == ["venv", "pip", "pip"]


def test_a_changed_lock_updates_the_environment(tree, setup):
    setup()
    later = (tree / ".venv/.complete").stat().st_mtime + 10
    os.utime(tree / "requirements.lock", (later, later))
    assert setup().returncode == 0
    assert calls(tree) == ["venv", "pip", "pip", "pip", "pip"]


def test_an_interrupted_set_up_starts_again(tree, setup):
    assert setup(PIP="kill -9 $PPID").returncode != 0
    assert not (tree / ".venv/.complete").exists()
    assert setup().returncode == 0
    assert calls(tree) == ["venv", "pip", "venv", "pip", "pip"]


def test_an_interrupted_update_starts_again(tree, setup):
    setup()
    later = (tree / ".venv/.complete").stat().st_mtime + 10
    os.utime(tree / "requirements.lock", (later, later))
    assert setup(PIP="false").returncode != 0
    assert not (tree / ".venv/.complete").exists()
    setup()
    assert calls(tree)[-3:] == ["venv", "pip", "pip"]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"NO_VENV": "1"}, "sudo apt-get install python3.12-venv"),
        ({"VERSION": "3.9"}, "Python 3.11 or newer is needed and python3 is Python 3.9"),
        ({"PYTHON": "/nowhere/python3"}, "Python 3.11 or newer is needed and /nowhere/python3 is missing"),
        (
            {"PIP": "echo 'NewConnectionError: Temporary failure in name resolution'; false"},
            "Is there a network?",
        ),
        ({"PIP": "echo 'OSError: [Errno 28] No space left on device'; false"}, "the disk is full"),
        ({"NO_OPENMP": "1"}, "sudo apt-get install libgomp1"),
        ({"PIP": "echo 'SSLError: CERTIFICATE_VERIFY_FAILED'; false"}, "PIP_CERT names the file"),
        (
            {"PIP": "echo 'Collecting connection_pool; something else'; false"},
            "pip failed; its messages are above",
        ),
    ],
)
def test_what_is_missing_is_said(tree, setup, environment, message):
    result = setup(**environment)
    assert result.returncode != 0
    assert message in result.stderr
    assert not (tree / ".venv/.complete").exists()


def test_too_small_a_disk_is_said(tree, setup):
    (tree / "bin/df").unlink()
    executable(tree / "bin/df", "#!/bin/sh\necho Head; echo 'disk 9000000 8000000 1048576 50% /'\n")
    result = setup()
    assert result.returncode != 0
    assert "4 GB of free disk are needed, there are 1 GB" in result.stderr
    assert calls(tree) == []
