"""Public files: fetched from mirrors, and kept when their hash, or else their content, is right.

Of a file whose hash nobody has published, the first that stood the check of its content leaves its hash
beside it in `<name>.sha256`, sealed and in the format of sha256sum: no other bytes are taken for that file
afterwards.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pooch
import requests

from tutti.core.files import atomic_path, sha256, short
from tutti.core.seals import BLANK, DamagedFile, seal, verify
from tutti.data import transfer
from tutti.data.transfer import Patience, WrongBytes

MAX_BYTES = 32 << 30
PATIENCE = Patience()


class DownloadError(OSError):
    """No mirror gave the right file; the message says what each answered and how to get the file by hand."""


@dataclass(frozen=True)
class Source:
    """A public file.

    Attributes:
        name: file name on disk.
        urls: direct addresses of the same bytes, tried in this order.
        hash: "sha256:..." or "md5:...", hexadecimal; None where none is published.
        check: opens a file of unknown hash; raises a ValueError when its content is not what it should be.
        max_bytes: of the file; a server that sends more is not listened to.

    Raises:
        ValueError: when there is neither a hash nor a check.
    """

    name: str
    urls: tuple[str, ...]
    hash: str | None
    check: Callable[[Path], object] | None = None
    max_bytes: int = MAX_BYTES

    def __post_init__(self) -> None:
        if self.hash is None and self.check is None:
            raise ValueError(f"{self.name}: neither a hash nor a check of its content")


def fetch(source: Source, folder: Path, patience: Patience = PATIENCE) -> Path:
    """Path of the file in `folder`, downloaded unless it is already there and right.

    The file appears whole and checked, or not at all. One that was put there by hand or by an earlier version
    is looked at in the same way before it is used; when it is wrong, a warning says so once a right one has
    taken its place.

    Args:
        source: what to fetch.
        folder: where it belongs; made if need be.
        patience: how long each address is waited for.

    Raises:
        DownloadError: when no address gave the file, or the record of its hash is damaged.
    """
    target = Path(folder).absolute() / source.name
    expected = source.hash or _recorded(target)
    wrong = fault(target, source, expected) if target.is_file() else None
    if wrong is not None or not target.is_file():
        _download(source, target, expected, wrong, patience)
    if expected is None:
        _record(target)
    return target


def record_of(target: Path) -> Path:
    """Where the hash of a file is kept whose hash is not published."""
    return target.with_name(f"{target.name}.sha256")


def _record(target: Path) -> None:
    try:
        with atomic_path(record_of(target)) as temporary:
            temporary.write_text(f"# {BLANK}\n{sha256(target)}  {target.name}\n", encoding="utf-8")
            seal(temporary)
    except OSError as error:
        warnings.warn(f"{target}: its hash could not be recorded beside it ({error})", stacklevel=3)


def _recorded(target: Path) -> str | None:
    record = record_of(target)
    if not record.is_file():
        return None
    try:
        verify(record, "delete it, and the hash is recorded anew")
    except DamagedFile as error:
        raise DownloadError(str(error)) from error
    return f"sha256:{record.read_text(encoding='utf-8').splitlines()[1].split()[0]}"


def fault(path: Path, source: Source, expected: str | None) -> str | None:
    """What is wrong with a file, None when nothing is.

    Args:
        path: of the file.
        source: what it should be; `check` is used where no hash is expected.
        expected: hash of the file.
    """
    if expected is not None:
        algorithm = expected.partition(":")[0].lower()
        actual = f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"
        return None if actual == expected.lower() else f"{short(actual)}, not {short(expected)}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they come again when the file is read
            source.check(path)
    except ValueError as error:
        return str(error).replace(f"{path}: ", "").replace(str(path), source.name)
    return None


def _download(
    source: Source, target: Path, expected: str | None, wrong: str | None, patience: Patience
) -> None:
    """Put the file at `target`, in place of one that is `wrong`."""
    causes = []
    for url in source.urls:
        cause = _fetch_with_retries(source, url, target, expected, patience)
        if cause is None:
            if wrong is not None:
                warnings.warn(f"{target}: was not used ({wrong}) and has been fetched anew", stacklevel=3)
            return
        causes.append(f"  {url}\n    {cause}")
    raise DownloadError(_advice(source, target, expected, wrong, causes))


def _fetch_with_retries(
    source: Source, url: str, target: Path, expected: str | None, patience: Patience
) -> str | None:
    """None when `target` is in place, else the cause of the last failure."""
    for attempt in range(patience.retries + 1):
        try:
            _fetch_once(source, url, target, expected, patience)
            return None
        except WrongBytes as error:
            return str(error)
        except requests.HTTPError as error:
            status = error.response.status_code
            cause = f"HTTP {status} {error.response.reason}"
            if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS:
                return cause
        except transfer.TooSlow as error:
            cause = str(error)
        except requests.Timeout:
            cause = f"no answer within {patience.timeout:g} s"
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            cause = f"{type(error).__name__}: {error}"
        except requests.RequestException as error:  # an address or a redirect that leads nowhere
            return f"{type(error).__name__}: {error}"
        if attempt < patience.retries:
            time.sleep(patience.backoff * 2**attempt)
    return f"{cause} (after {patience.retries + 1} attempts)"


def _fetch_once(source: Source, url: str, target: Path, expected: str | None, patience: Patience) -> None:
    with atomic_path(target) as temporary:
        answer = transfer.receive(
            url, temporary, max_bytes=source.max_bytes, patience=patience, secure=expected is None
        )
        if wrong := fault(temporary, source, expected):
            size = temporary.stat().st_size
            raise WrongBytes(f"{answer}, but the {size} bytes received are not it: {wrong}")


def _advice(source: Source, target: Path, expected: str | None, wrong: str | None, causes: list[str]) -> str:
    lines = [f"could not get {source.name}; tried", *causes]
    if wrong is not None:
        lines.append(f"{target} is not used: {wrong}")
    if expected is not None and source.hash is None:
        record = record_of(target)
        lines.append(f"{short(expected)} was recorded in {record}: delete that file to take another one")
    lines.append(
        f"by hand: open one of these addresses in a browser, save the file as {target} and run again"
    )
    return "\n".join(lines)
