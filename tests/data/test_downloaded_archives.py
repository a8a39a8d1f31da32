"""Archives: read member by member, extracted whole or not at all, refused when they are not safe."""

import hashlib
import io
import stat
import tarfile
import zipfile

import pytest

from tutti.data.archives import ArchiveError, extract, members

FILES = {"folder/a.txt": b"a" * 512, "folder/deep/b.txt": b"b" * 700, "empty.txt": b""}
FORMATS = ["tar", "tar.gz", "tar.bz2", "zip"]


def make_tar(path, entries):
    mode = {"tar": "w", "gz": "w:gz", "bz2": "w:bz2"}[path.name.rpartition(".")[2]]
    with tarfile.open(path, mode) as tar:
        for entry, contents in entries:
            if isinstance(entry, str):
                entry = tarfile.TarInfo(entry)
            entry.size = len(contents)
            tar.addfile(entry, io.BytesIO(contents))
    return path


def make_zip(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, contents in entries:
            file.writestr(name, contents)
    return path


def make(path, entries):
    return (make_zip if path.suffix == ".zip" else make_tar)(path, entries)


def with_folder(entries):
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    return [(folder, b""), *entries]


@pytest.mark.parametrize("format", FORMATS)
def test_extracts_and_reads_members_in_order(tmp_path, format):
    archive = make(tmp_path / f"archive.{format}", FILES.items())
    assert list(members(archive)) == list(FILES.items())
    folder = extract(archive, tmp_path / "new" / "out")
    assert {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == FILES
    assert list(folder.parent.iterdir()) == [folder]


def test_folder_entries_are_no_members(tmp_path):
    archive = make_tar(tmp_path / "archive.tar.gz", with_folder(FILES.items()))
    assert dict(members(archive)) == FILES
    archive = make_zip(tmp_path / "archive.zip", [("folder/", b""), *FILES.items()])
    assert dict(members(archive)) == FILES


def test_an_existing_folder_is_left_as_it_is(tmp_path):
    (tmp_path / "out").mkdir()
    assert extract(tmp_path / "no-such-archive.tar", tmp_path / "out") == tmp_path / "out"


def refusal(archive, **options):
    """Message of the refused extraction; nothing may be written anywhere."""
    before = sorted(archive.parent.parent.rglob("*"))
    with pytest.raises(ArchiveError) as caught:
        extract(archive, archive.parent / "out", **options)
    assert sorted(archive.parent.parent.rglob("*")) == before
    assert str(archive) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:\\evil", "C:evil"])
def test_names_that_lead_out_are_refused(tmp_path, format, name):
    (tmp_path / "sub").mkdir()
    archive = make(tmp_path / "sub" / f"archive.{format}", [*FILES.items(), (name, b"evil")])
    assert f"the name '{name}' leads out" in refusal(archive)


@pytest.mark.parametrize("kind", ["SYMTYPE", "LNKTYPE", "CHRTYPE", "BLKTYPE", "FIFOTYPE"])
def test_links_and_devices_in_tars_are_refused(tmp_path, kind):
    entry = tarfile.TarInfo("odd")
    entry.type, entry.linkname = getattr(tarfile, kind), "folder/a.txt"
    archive = make_tar(tmp_path / "archive.tar.bz2", [*FILES.items(), (entry, b"")])
    assert "'odd' is a link, a device" in refusal(archive)


def test_links_in_zips_are_refused(tmp_path):
    entry = zipfile.ZipInfo("odd")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    archive = make_zip(tmp_path / "archive.zip", [*FILES.items(), (entry, b"/etc/passwd")])
    assert "'odd' is a link" in refusal(archive)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9])
def test_truncated_archives(tmp_path, format, part):
    entries = [(f"{i}.bin", hashlib.sha512(str(i).encode()).digest() * 16) for i in range(50)]
    archive = make(tmp_path / f"archive.{format}", entries)
    archive.write_bytes(archive.read_bytes()[: int(part * archive.stat().st_size)])
    assert "truncated or damaged" in refusal(archive)


def test_a_tar_cut_between_two_members_is_no_whole_tar(tmp_path):
    archive = make_tar(tmp_path / "archive.tar", [("a", b"a" * 512), ("b", b"b" * 512)])
    archive.write_bytes(archive.read_bytes()[:1024])
    assert "no end-of-archive mark" in refusal(archive)


@pytest.mark.parametrize("format", FORMATS)
def test_damage_inside_is_noticed(tmp_path, format):
    entries = [(f"{i}.bin", hashlib.sha512(str(i).encode()).digest() * 16) for i in range(50)]
    archive = make(tmp_path / f"archive.{format}", entries)
    damaged = bytearray(archive.read_bytes())
    # The header of a plain tar's member has a checksum; its contents have none.
    position = 25 * 1536 + 10 if format == "tar" else len(damaged) // 2
    damaged[position] ^= 0xFF
    archive.write_bytes(damaged)
    assert "truncated or damaged" in refusal(archive)


@pytest.mark.parametrize("format", ["tar.gz", "tar.bz2"])
@pytest.mark.parametrize("change", [lambda b: b[:-2], lambda b: b[:-6] + bytes([b[-6] ^ 0xFF]) + b[-5:]])
def test_the_checksum_at_the_end_is_read(tmp_path, format, change):
    archive = make(tmp_path / f"archive.{format}", FILES.items())
    archive.write_bytes(change(archive.read_bytes()))
    assert "truncated or damaged" in refusal(archive)


@pytest.mark.parametrize("format", FORMATS)
def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, format):
    archive = make(tmp_path / f"archive.{format}", [("zeros", bytes(10**7))])
    assert "unpacks to more than 1000000 bytes" in refusal(archive, max_bytes=10**6)


def test_a_zip_that_declares_less_than_it_holds_gives_no_more(tmp_path):
    archive = make_zip(tmp_path / "archive.zip", [("zeros", bytes(10**7))])
    lying = archive.read_bytes().replace((10**7).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    archive.write_bytes(lying)
    assert "truncated or damaged (Bad CRC-32" in refusal(archive, max_bytes=10**6)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [(8, 1, "is encrypted"), (10, 77, "compression method is not supported"), (28, 0, "damaged")],
)
def test_what_a_zip_says_of_a_member_is_not_believed(tmp_path, place, value, message):
    archive = make_zip(tmp_path / "archive.zip", [("a", b"a" * 100)])
    contents = bytearray(archive.read_bytes())
    contents[contents.index(b"PK\x01\x02") + place] = value
    archive.write_bytes(contents)
    assert message in refusal(archive)


def test_the_same_name_twice(tmp_path):
    archive = make_tar(tmp_path / "archive.tar", [("a", b"1"), ("a", b"2")])
    assert "holds 'a' twice" in refusal(archive)
    archive = make_tar(tmp_path / "archive.tar", [("a", b"1"), ("a/b", b"2")])
    assert "holds 'a/b' twice" in refusal(archive)


def test_no_archive(tmp_path):
    page = tmp_path / "page.tar.bz2"
    page.write_text("<html>403</html>")
    assert "truncated or damaged" in refusal(page)
    with pytest.raises(FileNotFoundError):
        list(members(tmp_path / "missing.tar"))
