"""Files that would eat the machine are refused in a line; honest ones are read within the limit."""

import os
import re
import resource
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from typer.testing import CliRunner

import tutti
from hostile_files import CHEAP, FRAME, outcome
from tutti import io
from tutti.cli import app
from tutti.core.memory import LimitError, limited
from tutti.io.samples import read_samples
from tutti.io.text import FormatError


@pytest.mark.parametrize("samples", [False, True])
@pytest.mark.parametrize("hostile", CHEAP, ids=lambda hostile: hostile.what)
def test_hostile_files_end_in_a_line(tmp_path, hostile, samples):
    path = tmp_path / hostile.name
    hostile.make(path)
    found = outcome(path, samples)
    assert found.expected, found
    assert "\n" not in found.text
    assert hostile.name in found.text or found.text.startswith("read")
    assert re.search((samples and hostile.samples) or hostile.said, found.text)


def test_the_kernel_s_limit_is_only_in_the_block():
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with limited(0.2):
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] < 2**40
        with pytest.raises(MemoryError):
            np.ones(10**8)
        np.ones(10**6)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    with pytest.raises(ValueError, match="--limit 0: must be a positive number"), limited(0):
        pass


@pytest.mark.parametrize(
    ("read", "limit"), [("tutti.io.read(path)", 0.01), ("tutti.io.samples.read_samples([path])", 0.001)]
)
def test_small_frames_of_a_small_limit(tmp_path, read, limit):
    path = tmp_path / "x.xyz"
    path.write_bytes(FRAME * 20_000)
    # In a process of its own, which has no freed memory that could be taken again.
    code = f"""
import sys
import tutti.io.samples, tutti.io.extxyz
from tutti.core.memory import LimitError, limited
path = sys.argv[1]
try:
    with limited({limit}):
        {read}
except LimitError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    (line,) = told.stdout.splitlines()
    assert line.startswith(
        f"{path}: its 220 kB take more memory, the limit is {limit:g} GB; if the file is sound,"
    )
    assert "give --limit 1 " in line


def test_a_file_that_grows_is_not_followed(tmp_path):
    path = tmp_path / "x.xyz"
    path.write_bytes(FRAME * 20_000)
    done = threading.Event()

    def grow():
        with path.open("ab", buffering=0) as file:
            while not done.is_set():
                file.write(FRAME * 1000)
                time.sleep(0.001)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with pytest.raises(FormatError, match=r"x\.xyz: expected a file that nothing writes to"):
            io.read(path)
        found = read_samples([path])
    finally:
        done.set()
        writer.join()
    assert "nothing writes to" in found.columns["unreadable"][-1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "x.xyz"
    path.write_bytes(FRAME)
    path.chmod(0)
    with pytest.raises(PermissionError, match=r"x\.xyz"):
        io.read(path)


def test_errors_in_the_middle_of_a_read_name_the_file(tmp_path):
    (tmp_path / "x.npz").symlink_to("/proc/self/mem")
    with pytest.raises((OSError, ValueError), match=r"x\.npz"):
        io.read(tmp_path / "x.npz")


def test_the_commands_take_a_limit(tmp_path):
    path = tmp_path / "x.xyz"
    path.write_bytes(b"1\n" + b"a" * 400 + b"\nH 0 0 0\n")
    said = r"x\.xyz: its 411 bytes take 411 bytes of memory or more, the limit is 1e-07 GB"
    calculator = ("--calculator", "ase.calculators.lj:LennardJones")
    for command, further in {
        "evaluate": ("--out", tmp_path / "out"),
        "relax": ("--out", tmp_path / "r.xyz", *calculator),
        "md": ("--out", tmp_path / "m.xyz", *calculator),
        "predict": ("--out", tmp_path / "p.xyz", *calculator),
        "score": calculator,
    }.items():
        told = CliRunner().invoke(app, [command, str(path), "--limit", "1e-7", *map(str, further)])
        assert told.exit_code == 1
        told = told.output.splitlines()[-1]
        assert re.fullmatch(f"error: .*{said}.*give --limit 1 .*", told)
    with pytest.raises(LimitError, match=said):
        tutti.evaluate(path, limit=1e-7)
