"""Public files: fetched from mirrors and checked against a known hash; archives read and extracted safely."""

import bz2
import gzip
import stat
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PureWindowsPath
from typing import IO

import pooch
import requests

from tutti.core.files import atomic_path, short

CHUNK = 1 << 20
MAX_BYTES = 32 << 30


class DownloadError(OSError):
    """No mirror gave the right file; the message says what each answered and how to get the file by hand."""


class ArchiveError(ValueError):
    """An archive is truncated, damaged, unsafe or larger than allowed."""


class _WrongBytes(Exception):
    """A server answered with something that is not the file."""


@dataclass(frozen=True)
class Source:
    """A public file.

    Attributes:
        name: file name on disk.
        urls: direct addresses of the same bytes, tried in this order.
        hash: "sha256:..." or "md5:...", hexadecimal; None where none is published. Then a transfer that is
            complete, not empty and no web page is taken for the file.
    """

    name: str
    urls: tuple[str, ...]
    hash: str | None


def fetch(
    source: Source, folder: Path, *, timeout: float = 30.0, retries: int = 2, backoff: float = 1.0
) -> Path:
    """Path of the file in `folder`, downloaded unless it is already there with the right hash.

    The file appears whole and checked, or not at all; one that was put there by hand is used once its hash
    has been checked.

    Args:
        source: what to fetch.
        folder: where it belongs; made if need be.
        timeout: seconds to wait for a connection, and for each further piece of the answer.
        retries: further attempts at one address after a failure that may pass (no connection, a stall, a
            broken transfer, HTTP 429 or 5xx). A refusal or a wrong hash goes on to the next address at once.
        backoff: seconds before the first retry, doubled before each further one.

    Raises:
        DownloadError: when no address gave the file.
    """
    target = Path(folder).absolute() / source.name
    if target.exists() and fault(target, source) is None:
        return target
    causes = []
    for url in source.urls:
        cause = _fetch_with_retries(source, url, target, timeout, retries, backoff)
        if cause is None:
            return target
        causes.append(f"  {url}\n    {cause}")
    raise DownloadError(_advice(source, target, causes))


def _fetch_with_retries(
    source: Source, url: str, target: Path, timeout: float, retries: int, backoff: float
) -> str | None:
    """None when `target` is in place, else the cause of the last failure."""
    for attempt in range(retries + 1):
        try:
            _fetch_once(source, url, target, timeout)
            return None
        except _WrongBytes as error:
            return str(error)
        except requests.HTTPError as error:
            status = error.response.status_code
            cause = f"HTTP {status} {error.response.reason}"
            if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS:
                return cause
        except requests.Timeout:
            cause = f"no answer within {timeout:g} s"
        except requests.RequestException as error:
            cause = f"{type(error).__name__}: {error}"
        if attempt < retries:
            time.sleep(backoff * 2**attempt)
    return f"{cause} (after {retries + 1} attempts)"


def _fetch_once(source: Source, url: str, target: Path, timeout: float) -> None:
    statuses: list[int] = []
    downloader = pooch.HTTPDownloader(
        progressbar=True,
        chunk_size=CHUNK,
        timeout=(timeout, timeout),
        # A server may declare a .gz file to be an encoding of its contents: it would be unpacked on the way.
        headers={"Accept-Encoding": "identity"},
        hooks={"response": lambda response, *_, **__: statuses.append(response.status_code)},
    )
    with atomic_path(target) as temporary:
        downloader(url, str(temporary), None)
        if wrong := fault(temporary, source):
            size = temporary.stat().st_size
            raise _WrongBytes(f"HTTP {statuses[-1]}, but the {size} bytes received have {wrong}")


def fault(path: Path, source: Source) -> str | None:
    """What a file has that is not the source's: another hash, or no data. None when nothing is wrong."""
    if source.hash is None:
        start = _magic(path)
        return None if start and not start.startswith(b"<") else "no data"
    algorithm = source.hash.partition(":")[0].lower()
    actual = f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"
    return None if actual == source.hash.lower() else short(actual)


def _advice(source: Source, target: Path, causes: list[str]) -> str:
    lines = [f"could not get {source.name}; tried", *causes]
    if source.hash is not None:
        lines.append(f"expected {short(source.hash)}")
    if target.exists():
        lines.append(f"{target} is not used: it has {fault(target, source)}")
    lines.append(
        f"by hand: open one of these addresses in a browser, save the file as {target} and run again"
    )
    return "\n".join(lines)


def members(archive: Path, *, max_bytes: int = MAX_BYTES) -> Iterator[tuple[str, bytes]]:
    """(name, contents) of the regular files in a .tar, .tar.gz, .tar.bz2 or .zip, in their order.

    Everything is checked before it is handed out: names that lead out of the archive's own folder, links and
    devices are refused, and an archive that ends early raises. The largest member has to fit into memory.

    Args:
        archive: the file; its first bytes tell the format.
        max_bytes: most bytes that the archive may unpack to.

    Raises:
        ArchiveError: naming the archive and what is wrong with it.
    """
    archive = Path(archive)
    try:
        yield from _safe_entries(archive, max_bytes)
    except (EOFError, OSError, tarfile.TarError, zipfile.BadZipFile, zlib.error) as error:
        # The decompressors report damage as an OSError without a number; others are the file system's.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ArchiveError(
            f"{archive}: truncated or damaged ({error}); delete it to fetch it again"
        ) from error
    except ArchiveError as error:
        raise ArchiveError(f"{archive}: {error}") from error


def extract(archive: Path, folder: Path, *, max_bytes: int = MAX_BYTES) -> Path:
    """Unpack an archive into `folder`, which appears whole or not at all; one that exists is left as it is.

    Raises:
        ArchiveError: see `members`; also when two members have the same name.
    """
    folder = Path(folder)
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        whole = Path(temporary, "whole")
        whole.mkdir()
        for name, contents in members(archive, max_bytes=max_bytes):
            try:
                (whole / name).parent.mkdir(parents=True, exist_ok=True)
                with (whole / name).open("xb") as file:
                    file.write(contents)
            except (FileExistsError, NotADirectoryError) as error:
                raise ArchiveError(f"{archive}: holds '{name}' twice") from error
        whole.rename(folder)
    return folder


def _safe_entries(archive: Path, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    entries = _zip_entries if _magic(archive).startswith(b"PK") else _tar_entries
    for name, contents in entries(archive, max_bytes):
        path = PureWindowsPath(name)  # knows both kinds of slashes, and drives
        if path.anchor or ".." in path.parts:
            raise ArchiveError(f"refused: the name '{name}' leads out of the archive's folder")
        if contents is not None:
            yield "/".join(path.parts), contents


def _zip_entries(archive: Path, max_bytes: int) -> Iterator[tuple[str, bytes | None]]:
    """Names with contents; None for a folder."""
    with zipfile.ZipFile(archive) as file:
        if sum(info.file_size for info in file.infolist()) > max_bytes:
            raise ArchiveError(f"refused: unpacks to more than {max_bytes} bytes")
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ArchiveError(f"refused: '{info.filename}' is a link or a device")
            yield info.filename, None if info.is_dir() else file.read(info)


def _tar_entries(archive: Path, max_bytes: int) -> Iterator[tuple[str, bytes | None]]:
    """Names with contents; None for a folder. Read once from front to end: bz2 cannot seek."""
    with _open_decompressed(archive) as file:
        stream = _Bounded(file, max_bytes)
        # With one block per read, `stream.last` is the block at which tarfile stopped. It stops at damage
        # and at a missing end without a word; a whole archive ends in a block of zeros.
        with tarfile.open(fileobj=stream, mode="r|", bufsize=tarfile.BLOCKSIZE) as tar:
            for member in tar:
                if not member.isdir() and (not member.isreg() or member.issparse()):
                    raise ArchiveError(f"refused: '{member.name}' is a link, a device or a sparse file")
                yield member.name, None if member.isdir() else tar.extractfile(member).read()
        if stream.last != bytes(tarfile.BLOCKSIZE):
            raise EOFError("no end-of-archive mark")
        while stream.read(CHUNK):  # up to the decompressor's own checksum
            pass


def _open_decompressed(archive: Path) -> IO[bytes]:
    magic = _magic(archive)
    if magic == b"BZh":
        return bz2.open(archive)
    return gzip.open(archive) if magic.startswith(b"\x1f\x8b") else archive.open("rb")


def _magic(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(3)


class _Bounded:
    """The reading half of a file that refuses to give more than `max_bytes` and remembers the last piece."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self.file, self.max_bytes, self.left, self.last = file, max_bytes, max_bytes, b""

    def read(self, size: int) -> bytes:
        self.last = self.file.read(size)
        self.left -= len(self.last)
        if self.left < 0:
            raise ArchiveError(f"refused: unpacks to more than {self.max_bytes} bytes")
        return self.last
