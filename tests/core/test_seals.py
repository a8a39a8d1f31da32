"""Checksums inside files."""

import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest

from tutti.core import npz, parquet, records
from tutti.core.seals import BLANK, DamagedFile, seal, verify

MARKED = re.compile(rb"sha256-with-zeros-here:([0-9a-f]{64})")


def _parquet(path):
    parquet.write(pd.DataFrame({"id": ["a", "b"], "bonds": [[1, 2], []], "x": [0.5, np.nan]}), path)
    return lambda: parquet.read_one(path).to_dict("list")


def _npz(path):
    npz.write(path, {"x": np.arange(5.0), "column:Å": np.array(["a", "é"])})
    return lambda: {name: array.tolist() for name, array in npz.read(path).items()}


def _record(path):
    records.write(path, {"name": "é", "values": [1, 2.5, None], "nested": {"sha256": "0" * 64}})
    return lambda: records.read(path)


def _flat(path):
    records.write(path, {"name": "é", "values": [1, 2.5, None]}, flat=True)
    return lambda: records.read(path)


KINDS = {"parquet": _parquet, "npz": _npz, "json": _record, "splits.json": _flat}


@pytest.fixture(params=KINDS)
def kind(request, tmp_path):
    """(file, what reads it) of every kind."""
    path = tmp_path / f"a.{request.param}"
    return path, KINDS[request.param](path)


def test_the_checksum_is_that_of_the_bytes_with_zeros_in_its_place(kind):
    path, _ = kind
    content = path.read_bytes()
    ((said, at),) = [(match[1], match.span(1)) for match in MARKED.finditer(content)]
    blank = content[: at[0]] + b"0" * 64 + content[at[1] :]
    assert hashlib.sha256(blank).hexdigest().encode() == said


def test_the_same_contents_give_the_same_bytes(kind, tmp_path):
    path, _ = kind
    again = tmp_path / "again" / path.name
    KINDS[path.name.partition(".")[2]](again)
    assert again.read_bytes() == path.read_bytes()


def test_damage_is_noticed_or_harmless(kind):
    path, read = kind
    whole, before = path.read_bytes(), repr(read())
    flips = [(place // 8, 1 << place % 8) for place in range(0, 8 * len(whole), len(whole) // 20)]
    flipped = [whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :] for at, bit in flips]
    truncated = [whole[:size] for size in range(0, len(whole) - 2, len(whole) // 40)]
    noticed = 0
    for damaged in [*flipped, *truncated]:
        path.write_bytes(damaged)
        try:
            assert repr(read()) == before
        except DamagedFile as error:
            assert str(error).startswith(f"{path}: ")
            assert str(error).endswith("; delete it and repeat the command that made it")
            noticed += 1
    assert noticed > 0.9 * len(flipped) + 0.9 * len(truncated)


def test_a_mark_in_the_contents_is_contents(tmp_path):
    texts = [BLANK, f"x{BLANK}"]
    parquet.write(pd.DataFrame({"id": texts}), tmp_path / "a.parquet")
    assert parquet.read_one(tmp_path / "a.parquet")["id"].tolist() == texts
    npz.write(tmp_path / "a.npz", {"id": np.frombuffer(BLANK.encode(), np.uint8)})
    assert npz.read(tmp_path / "a.npz")["id"].tobytes() == BLANK.encode()
    records.write(tmp_path / "a.json", {"id": texts})
    assert records.read(tmp_path / "a.json") == {"id": texts}


def test_files_of_several_chunks(tmp_path):
    for n in (2**20 - 100, 2**20 - 23 - 64, 2**20, 3 * 2**20 + 1):
        content = b"PK" + b"x" * n + BLANK.encode()
        path = tmp_path / "a.npz"
        path.write_bytes(content)
        seal(path)
        assert MARKED.search(path.read_bytes())[1].decode() == hashlib.sha256(content).hexdigest()
        verify(path)


def test_no_place_for_a_checksum_is_an_error_of_ours(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(ValueError, match="no place"):
        seal(tmp_path / "a.json")


def test_what_people_may_write_needs_no_checksum_but_a_right_one(tmp_path):
    path = tmp_path / "config.json"
    records.write(path, {"kind": "x", "n": 1})
    path.write_text(path.read_text().replace('"n": 1', '"n": 2'))
    with pytest.raises(DamagedFile, match='train again; if you edited it, delete its line "seal"'):
        records.read(path, "train again", by_hand=True)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if '"seal"' not in line))
    assert records.read(path, by_hand=True) == {"kind": "x", "n": 2}
    with pytest.raises(DamagedFile, match="no checksum"):
        records.read(path)
    path.write_text(json.dumps({"seal": "sha256:1", "n": 2}))
    with pytest.raises(DamagedFile, match="its checksum is none"):
        records.read(path, by_hand=True)


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000])
def test_what_is_no_json_object_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DamagedFile, match=r"a\.json: no JSON"):
        records.read(tmp_path / "a.json", by_hand=True)


def test_of_an_archive_without_a_checksum_zip_s_own_are_compared(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(5))
    assert npz.read(path)["x"].tolist() == [0, 1, 2, 3, 4]
    content = bytearray(path.read_bytes())
    content[content.index(b"(5,)") + 1] = ord("4")
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match=r"more than its head says|CRC"):
        npz.read(path)


def test_files_that_are_not_there(tmp_path):
    for read in (npz.read, parquet.read_one, records.read):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "none")
