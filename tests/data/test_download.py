"""Downloads against a real HTTP server on this machine, which can refuse, stall, break off and lie."""

import hashlib
import io
import os
import stat
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tutti.data.download import ArchiveError, DownloadError, Source, extract, fetch, members

CONTENTS = b"133885 molecules\n" * 1000
SHA256 = "sha256:" + hashlib.sha256(CONTENTS).hexdigest()
QUICK = {"timeout": 0.5, "retries": 1, "backoff": 0.0}


class Server(ThreadingHTTPServer):
    """Answers by path; counts the requests for each."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.released = threading.Event()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def do_GET(self):
        path = self.path.removeprefix("/")
        self.server.requests.append(path)
        match path:
            case "good":
                self.answer(200, CONTENTS)
            case "corrupt":
                self.answer(200, CONTENTS.replace(b"133885", b"133884", 1))
            case "browser-check":
                self.answer(202, b"")
            case "silent":
                self.server.released.wait(30)
            case "stops":
                self.answer(200, CONTENTS[:1000], length=len(CONTENTS))
                self.server.released.wait(30)
            case "breaks-off":
                self.answer(200, CONTENTS[:1000], length=len(CONTENTS))
            case "busy-once" if self.server.requests.count(path) > 1:
                self.answer(200, CONTENTS)
            case "busy-once" | "busy":
                self.answer(503, b"")
            case "moved":
                self.send_response(302)
                self.send_header("Location", "/good")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case _:
                self.answer(403, b"<html>no</html>")


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def source(server, *paths, hash=SHA256):
    return Source("data.bin", tuple(server.url(path) for path in paths), hash)


def failure(server, folder, *paths):
    """Message of the failed download; nothing may be left in the folder."""
    with pytest.raises(DownloadError) as caught:
        fetch(source(server, *paths), folder, **QUICK)
    assert list(folder.iterdir()) == []
    return str(caught.value)


@pytest.mark.parametrize("hash", [SHA256, SHA256.upper(), "md5:" + hashlib.md5(CONTENTS).hexdigest()])
@pytest.mark.parametrize("path", ["good", "moved"])
def test_good_file_arrives_whole_and_readable_for_all(server, tmp_path, path, hash):
    got = fetch(source(server, path, hash=hash), tmp_path / "new" / "folder", **QUICK)
    assert got == tmp_path / "new" / "folder" / "data.bin"
    assert got.read_bytes() == CONTENTS
    assert list(got.parent.iterdir()) == [got]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(got.stat().st_mode) == 0o666 & ~umask


def test_a_file_that_is_there_is_used_without_asking_the_server(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(CONTENTS)
    assert fetch(source(server, "good"), tmp_path, **QUICK).read_bytes() == CONTENTS
    assert server.requests == []


def test_a_wrong_file_is_fetched_again(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(CONTENTS[:-1])
    assert fetch(source(server, "good"), tmp_path, **QUICK).read_bytes() == CONTENTS
    assert server.requests == ["good"]


def test_mirrors_are_tried_in_order(server, tmp_path):
    fetch(source(server, "forbidden", "corrupt", "breaks-off", "good", "busy"), tmp_path, **QUICK)
    assert (tmp_path / "data.bin").read_bytes() == CONTENTS
    assert server.requests == ["forbidden", "corrupt", "breaks-off", "breaks-off", "good"]


def test_a_passing_failure_is_retried(server, tmp_path):
    fetch(source(server, "busy-once"), tmp_path, **QUICK)
    assert server.requests == ["busy-once", "busy-once"]


def test_message_names_every_url_status_hash_and_the_way_by_hand(server, tmp_path):
    message = failure(server, tmp_path, "forbidden", "corrupt", "busy", "browser-check")
    wrong = hashlib.sha256(CONTENTS.replace(b"133885", b"133884", 1)).hexdigest()
    for path, cause in {
        "forbidden": "HTTP 403 Forbidden",
        "corrupt": f"HTTP 200, but the {len(CONTENTS)} bytes received have sha256:{wrong[:12]}…",
        "busy": "HTTP 503 Service Unavailable (after 2 attempts)",
        "browser-check": "HTTP 202, but the 0 bytes received",
    }.items():
        assert f"{server.url(path)}\n    {cause}" in message
    assert f"expected {SHA256[:19]}…" in message
    assert f"browser, save the file as {tmp_path / 'data.bin'} and run again" in message


@pytest.mark.parametrize("path", ["silent", "stops", "breaks-off"])
def test_a_stalled_or_broken_transfer_ends_with_its_cause(server, tmp_path, path):
    message = failure(server, tmp_path, path)
    expected = {"silent": "no answer within 0.5 s", "stops": "timed out", "breaks-off": "16000 more expected"}
    assert expected[path] in message
    assert server.requests == [path, path]


def test_no_server_at_all(tmp_path):
    with pytest.raises(DownloadError, match=r"http://127\.0\.0\.1:1/x\n +ConnectionError"):
        fetch(Source("data.bin", ("http://127.0.0.1:1/x",), SHA256), tmp_path, **QUICK)


def test_a_wrong_file_put_by_hand_is_kept_and_named(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"<html>log in</html>")
    with pytest.raises(DownloadError) as caught:
        fetch(source(server, "forbidden"), tmp_path, **QUICK)
    wrong = hashlib.sha256(b"<html>log in</html>").hexdigest()
    assert f"{tmp_path / 'data.bin'} is not used: it has sha256:{wrong[:12]}…" in str(caught.value)
    assert (tmp_path / "data.bin").read_bytes() == b"<html>log in</html>"


# ---------------------------------------------------------------- archives

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
