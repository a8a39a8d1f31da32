"""Downloads whose hash is known, against a real HTTP server on this machine, see `lying_server`."""

import hashlib
import os
import stat
import threading

import pytest
import requests
from lying_server import CONTENTS, CORRUPT, IMPATIENT, QUICK, running

from tutti.data import transfer
from tutti.data.download import DownloadError, Source, fetch

SHA256 = "sha256:" + hashlib.sha256(CONTENTS).hexdigest()


@pytest.fixture
def server():
    with running() as server:
        yield server


def source(server, *paths, hash=SHA256, **options):
    return Source("data.bin", tuple(server.url(path) for path in paths), hash, **options)


def failure(server, folder, *paths, patience=QUICK, **options):
    """Message of the failed download; nothing may be left in the folder."""
    with pytest.raises(DownloadError) as caught:
        fetch(source(server, *paths, **options), folder, patience)
    assert list(folder.iterdir()) == []
    return str(caught.value)


@pytest.mark.parametrize("hash", [SHA256, SHA256.upper(), "md5:" + hashlib.md5(CONTENTS).hexdigest()])
@pytest.mark.parametrize("path", ["good", "moved", "declared-gzip", "says-nonsense"])
def test_good_file_arrives_whole_and_readable_for_all(server, tmp_path, path, hash):
    got = fetch(source(server, path, hash=hash), tmp_path / "new" / "folder", QUICK)
    assert got == tmp_path / "new" / "folder" / "data.bin"
    assert got.read_bytes() == CONTENTS
    assert list(got.parent.iterdir()) == [got]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(got.stat().st_mode) == 0o666 & ~umask


def test_a_file_that_is_there_is_used_without_asking_the_server(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(CONTENTS)
    assert fetch(source(server, "good"), tmp_path, QUICK).read_bytes() == CONTENTS
    assert server.requests == []


def test_a_wrong_file_is_fetched_again_aloud(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(CONTENTS[:-1])
    with pytest.warns(UserWarning, match=r"data\.bin: was not used \(sha256:\w+…, not sha256:\w+…\) and has"):
        fetch(source(server, "good"), tmp_path, QUICK)
    assert (tmp_path / "data.bin").read_bytes() == CONTENTS
    assert server.requests == ["good"]


def test_mirrors_are_tried_in_order(server, tmp_path):
    fetch(source(server, "forbidden", "corrupt", "breaks-off", "good", "busy"), tmp_path, QUICK)
    assert (tmp_path / "data.bin").read_bytes() == CONTENTS
    assert server.requests == ["forbidden", "corrupt", "breaks-off", "breaks-off", "good"]


def test_a_passing_failure_is_retried(server, tmp_path):
    fetch(source(server, "busy-once"), tmp_path, QUICK)
    assert server.requests == ["busy-once", "busy-once"]


def test_message_names_every_url_status_hash_and_the_way_by_hand(server, tmp_path):
    message = failure(server, tmp_path, "forbidden", "corrupt", "busy", "browser-check", "part", "gzipped")
    wrong, right = hashlib.sha256(CORRUPT).hexdigest()[:12], SHA256[7:19]
    for path, cause in {
        "forbidden": "HTTP 403 Forbidden",
        "corrupt": f"HTTP 200, but the {len(CONTENTS)} bytes received are not it: sha256:{wrong}…, "
        f"not sha256:{right}…",
        "busy": "HTTP 503 Service Unavailable (after 2 attempts)",
        "browser-check": "HTTP 202 Accepted, which brings no whole file",
        "part": "HTTP 206 Partial Content, which brings no whole file",
        "gzipped": "HTTP 200 (Content-Encoding gzip, not asked for), but the ",
    }.items():
        assert f"{server.url(path)}\n    {cause}" in message
    assert f"browser, save the file as {tmp_path / 'data.bin'} and run again" in message


@pytest.mark.parametrize("path", ["silent", "stops", "drips", "drips-headers"])
def test_a_stall_ends_in_the_stated_time(server, tmp_path, path):
    message = failure(server, tmp_path, path, patience=IMPATIENT)
    assert "less than 1000 bytes/s over 0.3 s (after 2 attempts)" in message


def test_what_comes_after_the_end_of_patience_leaves_nothing(server, tmp_path):
    before = set(threading.enumerate())
    failure(server, tmp_path, "late", patience=IMPATIENT)
    waiting = set(threading.enumerate()) - before
    server.released.set()
    for thread in waiting:
        thread.join(20)
    assert not any(thread.is_alive() for thread in waiting)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "cause"),
    [("breaks-off", "16000 more expected"), ("breaks-off-in-chunks", "ChunkedEncodingError")],
)
def test_a_broken_transfer_is_tried_again_and_ends_with_its_cause(server, tmp_path, path, cause):
    message = failure(server, tmp_path, path)
    assert cause in message and "(after 2 attempts)" in message
    assert server.requests == [path, path]


def test_a_server_that_does_not_answer_in_time(server, tmp_path):
    patience = transfer.Patience(timeout=0.2, retries=0)
    with pytest.raises(DownloadError, match=r"no answer within 0\.2 s \(after 1 attempts\)"):
        fetch(source(server, "silent"), tmp_path, patience)


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("longer-than-it-says", "the 1000 bytes received are not it"),
        ("says-too-much", "HTTP 200, but 1000000000000000 bytes, more than the 40000 allowed"),
        ("endless", "HTTP 200, but more than the 40000 bytes allowed"),
        ("endless-in-chunks", "HTTP 200, but more than the 40000 bytes allowed"),
        ("says-two-things", "InvalidHeader"),
        ("circle", "TooManyRedirects"),
        ("astray", "an address that is none: Invalid IPv6 URL"),
    ],
)
def test_what_asking_again_does_not_help(server, tmp_path, path, cause):
    assert cause in failure(server, tmp_path, path, max_bytes=40_000)
    assert len(server.requests) == (31 if path == "circle" else 1)


def test_no_server_at_all(tmp_path):
    with pytest.raises(DownloadError, match=r"http://127\.0\.0\.1:1/x\n +ConnectionError"):
        fetch(Source("data.bin", ("http://127.0.0.1:1/x",), SHA256), tmp_path, QUICK)


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/x", "x", "http://", "http://a b/", "http://\udc80/"])
def test_an_address_that_is_none(tmp_path, address):
    with pytest.raises(DownloadError, match="could not get"):
        fetch(Source("data.bin", (address,), SHA256), tmp_path, QUICK)


def test_a_wrong_file_put_by_hand_is_kept_and_named(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"<html>log in</html>")
    with pytest.raises(DownloadError) as caught:
        fetch(source(server, "forbidden"), tmp_path, QUICK)
    wrong = hashlib.sha256(b"<html>log in</html>").hexdigest()
    assert f"{tmp_path / 'data.bin'} is not used: sha256:{wrong[:12]}…, not sha256:" in str(caught.value)
    assert (tmp_path / "data.bin").read_bytes() == b"<html>log in</html>"


def test_a_disk_that_cannot_be_written_is_no_fault_of_the_server(server, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", str(tmp_path / "data.bin"))

    monkeypatch.setattr(transfer.tqdm, "update", full)
    with pytest.raises(OSError, match=r"data\.bin: no room: the disk is full"):
        fetch(source(server, "good", "good"), tmp_path, QUICK)
    assert server.requests == ["good"] and list(tmp_path.iterdir()) == []


class Encrypted(requests.adapters.BaseAdapter):
    """Stands for https and leads to `location`."""

    def __init__(self, location):
        super().__init__()
        self.location = location

    def send(self, request, **_):
        response = requests.Response()
        response.status_code, response.url, response.request = 302, request.url, request
        response.headers["Location"] = self.location
        response.raw = type("Nothing", (), {"read": lambda *_, **__: b"", "release_conn": lambda _: None})()
        return response

    def close(self):
        pass


def test_nobody_is_led_from_https_to_http_unless_the_hash_is_known(server, tmp_path, monkeypatch):
    original = requests.Session.get_adapter
    encrypted = Encrypted(server.url("good"))
    monkeypatch.setattr(
        requests.Session,
        "get_adapter",
        lambda self, url: encrypted if url.startswith("https:") else original(self, url),
    )
    unknown = Source("data.bin", ("https://secure/x",), None, check=lambda path: None)
    with pytest.raises(DownloadError, match="HTTP 302 leads from https to http, where others can change it"):
        fetch(unknown, tmp_path, QUICK)
    assert server.requests == []
    fetch(Source("data.bin", ("https://secure/x",), SHA256), tmp_path, QUICK)
    assert server.requests == ["good"]


def test_a_source_needs_a_hash_or_a_check():
    with pytest.raises(ValueError, match=r"data\.bin: neither a hash nor a check"):
        Source("data.bin", ("http://127.0.0.1:1/x",), None)
