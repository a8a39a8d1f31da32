"""SHA256SUMS, as sha256sum reads them, and tables that are compared with them."""

import shutil
import subprocess

import pytest

from tutti.core import records, sums
from tutti.core.seals import DamagedFile

NAMES = ["b.csv", "a/c d.svg", "back\\slash", "line\nbreak", "é.md"]


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    sums.write(tmp_path, NAMES)
    return tmp_path


def lines(folder):
    return (folder / "SHA256SUMS").read_text().splitlines()


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum")
def test_sha256sum_reads_them(folder):
    def check():
        command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode

    assert len(lines(folder)) == len(NAMES) and check() == 0
    (folder / "a/c d.svg").write_text("another")
    assert check() != 0


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_changed_is_named(folder, name):
    path = folder / name
    sums.check(path, folder)
    path.write_text("another")
    with pytest.raises(DamagedFile, match=r"damaged or edited: its SHA-256 is not in .*SHA256SUMS; delete"):
        sums.check(path, folder)


def test_a_file_that_is_not_listed_is_refused_and_a_folder_without_a_list_is_not(folder):
    (folder / "new").write_text("new")
    with pytest.raises(DamagedFile, match="new: damaged or edited"):
        sums.check(folder / "new", folder)
    (folder / "SHA256SUMS").unlink()
    sums.check(folder / "new", folder)


def test_a_file_whose_hash_a_record_has(tmp_path):
    path, record = tmp_path / "log.csv", tmp_path / "train.json"
    path.write_text("step\n1\n")
    records.write(record, {"log_sha256": sums.sha256(path)})
    records.check(path, record, "log_sha256")
    path.write_text("step\n2\n")
    with pytest.raises(DamagedFile, match=r"log\.csv: damaged or edited: its SHA-256 is not the log_sha256"):
        records.check(path, record, "log_sha256")
    with pytest.raises(DamagedFile, match=r"log\.csv"):
        records.check(path, record, "samples_sha256")
    record.write_text(record.read_text().replace("log", "lag"))
    with pytest.raises(DamagedFile, match=r"train\.json: damaged"):
        records.check(path, record, "log_sha256")
