import hashlib
import stat
import subprocess
import sys

import pytest

from tutti.core.files import atomic_path, sha256, write_text


def test_text_is_written_whole_with_missing_folders(tmp_path):
    target = tmp_path / "a" / "b" / "Å.txt"
    write_text(target, "Å\n")
    assert target.read_bytes() == "Å\n".encode()
    assert [path.name for path in target.parent.iterdir()] == ["Å.txt"]


def test_an_error_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "table.csv"
    write_text(target, "old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_nothing_is_seen_before_the_end_and_the_suffix_is_kept(tmp_path):
    target = tmp_path / "data.npz"
    with atomic_path(target) as temporary:
        temporary.write_text("x")
        assert not target.exists()
        assert temporary.parent == tmp_path and temporary.suffix == ".npz"
    assert target.read_text() == "x"


def test_a_killed_process_leaves_the_old_file(tmp_path):
    target = tmp_path / "table.csv"
    write_text(target, "old")
    code = (
        "import os, sys; from tutti.core.files import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(target)], check=False).returncode == -9
    assert target.read_text() == "old"


def test_the_mode_is_that_of_an_ordinary_file(tmp_path):
    write_text(tmp_path / "ours", "x")
    (tmp_path / "ordinary").write_text("x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "ordinary")}
    assert len(modes) == 1


def test_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 100_000)
    assert sha256(tmp_path / "x") == hashlib.sha256(b"abc" * 100_000).hexdigest()
