"""A disk that fills at a random moment: a line names the file, and given room the same command goes on."""

import re
import subprocess
from contextlib import contextmanager

import pytest
from kills import evaluation, run

TOLD = re.compile(r"\S+: no room: the disk is full, or a quota; make room and repeat the command")


@contextmanager
def small_disk(folder, size):
    """A file system of so many bytes in place of a folder."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.faults
@pytest.mark.parametrize("name", ["evaluate", "run"])
def test_with_more_room_the_same_command_goes_on_to_the_same_tables(undisturbed, files, rng, tmp_path, name):
    def make(folder):
        return (
            evaluation(folder, files) if name == "evaluate" else run(folder, "symphony_tiny", "schnet_tiny")
        )

    tables, _ = undisturbed((name,), make)
    command = make(tmp_path / name)
    place = command.folder / command.tables.parts[0]
    size, told = 20_000, 0
    with small_disk(place, size):
        while command.attempt() != 0:
            shown = command.shown()
            print(size, TOLD.findall(shown)[-1], flush=True)
            assert "Traceback" not in shown
            told += 1
            size += int(rng.integers(100_000, 1_500_000))
            subprocess.run(["mount", "-o", f"remount,size={size}", place], check=True)
            (command.folder / command.log).unlink()
        assert told > 2
        assert command.contents() == tables
