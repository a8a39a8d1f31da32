"""A disk that is full: what was to be written is named, and nothing of it stays."""

import os
import subprocess

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from tutti.core import parquet
from tutti.core.files import DiskFullError, atomic_path, needs_room, write_text
from tutti.core.locks import Lock
from tutti.figures import new_figure
from tutti.io import extxyz

SIZE = 1 << 20


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A file system of a megabyte."""
    folder = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def tensors(save, path):
    with atomic_path(path) as temporary:
        save({"weights": torch.zeros(SIZE // 4)}, temporary)


def figure(path):
    with new_figure(path.with_suffix(""), 4, 3) as drawn:
        drawn.add_subplot().plot(np.random.default_rng(0).random(20_000))


WRITERS = {
    "npz": lambda path, structures: structures.save(path),
    "xyz": lambda path, structures: extxyz.write(path, structures),
    "parquet": lambda path, _: parquet.write(
        pd.DataFrame({"x": np.random.default_rng(0).random(SIZE)}), path
    ),
    "csv": lambda path, _: write_text(path, "a,b\n" * SIZE),
    "safetensors": lambda path, _: tensors(save_file, path),
    "ckpt": lambda path, _: tensors(torch.save, path),
    "svg": lambda path, _: figure(path),
}


@pytest.mark.parametrize("left", [0, 40_000])
@pytest.mark.parametrize("kind", WRITERS)
def test_what_does_not_fit_is_named_and_nothing_stays(disk, relaxed, kind, left):
    status = os.statvfs(disk)
    (disk / "full").write_bytes(bytes(status.f_bavail * status.f_frsize - left))
    path = disk / f"out.{kind}"
    with pytest.raises(DiskFullError, match=rf"^{path}: no room: .* repeat the command$"):
        WRITERS[kind](path, relaxed)
    assert [each.name for each in disk.iterdir()] == ["full"]
    (disk / "full").unlink()


def test_a_lock_that_cannot_be_written_is_named(disk):
    status = os.statvfs(disk)
    (disk / "full").write_bytes(bytes(status.f_bavail * status.f_frsize))
    with pytest.raises(DiskFullError, match=rf"^{disk}/lock: no room"):
        Lock(disk / "lock", "the folder").take()
    (disk / "full").unlink()


@pytest.mark.parametrize(
    "text", ["File too large", "error 28: No space left on device", "Disk quota exceeded"]
)
def test_errors_of_compiled_writers_are_known_by_their_text(tmp_path, text):
    with pytest.raises(DiskFullError, match="out: no room"), needs_room(tmp_path / "out"):
        raise RuntimeError(text)


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(RuntimeError, match="a bug"), needs_room(tmp_path / "out"):
        raise RuntimeError("a bug")
    with pytest.raises(PermissionError), needs_room(tmp_path / "out"):
        raise PermissionError(13, "Permission denied")
