"""One transfer over HTTP into a file, of bounded size and of bounded patience."""

import threading
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit

import requests
from tqdm import tqdm

PIECE = 1 << 14


class WrongBytes(Exception):
    """A server answered with something that is not the file; asking it again would not help."""


class TooSlow(requests.Timeout):
    """A transfer brought less than the least number of bytes in a window of time."""


@dataclass(frozen=True)
class Patience:
    """How long an address is waited for.

    A silent server costs `timeout`, one that only drips at most two windows: by default the three attempts at
    an address end after six minutes without data, and the next address is asked.

    Attributes:
        timeout: seconds to wait for a connection, and for each further piece of the answer.
        retries: further attempts at one address after a failure that may pass: no connection, a stall, a
            broken transfer, HTTP 429 or 5xx. After a refusal, or anything but the file, the next address
            is asked.
        backoff: seconds before the first retry, doubled before each further one.
        slowest: bytes per second, averaged over a window; below it a transfer is broken off.
        window: seconds.
    """

    timeout: float = 30.0
    retries: int = 2
    backoff: float = 1.0
    slowest: float = 1000.0
    window: float = 60.0


@dataclass
class _Transfer:
    """What the thread that receives and the one that watches it share."""

    url: str
    file: IO[bytes]
    max_bytes: int
    received: int = 0
    answer: str = ""
    given_up: bool = False
    error: BaseException | None = field(default=None, repr=False)


def receive(url: str, path: Path, *, max_bytes: int, patience: Patience, secure: bool) -> str:
    """Write what an address answers to `path`, byte for byte as it is sent, and say how it answered.

    A server may declare a .gz file to be an encoding of its contents: nothing is unpacked on the way.

    Args:
        url: with http or https.
        path: of a file that may be overwritten; it is not whole when this raises.
        max_bytes: a larger answer is broken off, whatever its Content-Length says.
        patience: how long to wait.
        secure: refuse to be led from https to http.

    Raises:
        WrongBytes: when the answer cannot be the file.
        TooSlow: when it does not come as fast as `patience` asks.
        requests.RequestException: when the transfer fails, or brings fewer bytes than its Content-Length.
        OSError: when `path` cannot be written.
    """
    with path.open("wb") as file:
        transfer = _Transfer(url, file, max_bytes)
        try:
            _watch(transfer, patience, secure)
        finally:
            transfer.given_up = True
    if transfer.error is not None:
        raise transfer.error
    return transfer.answer


def _watch(transfer: _Transfer, patience: Patience, secure: bool) -> None:
    # A thread, because no time limit of a socket ends headers or chunks that come byte by byte. One that is
    # given up ends with its next piece, and with the process.
    thread = threading.Thread(target=_run, args=(transfer, patience.timeout, secure), daemon=True)
    thread.start()
    while thread.is_alive():
        before = transfer.received
        thread.join(patience.window)
        if thread.is_alive() and transfer.received - before < patience.slowest * patience.window:
            raise TooSlow(f"less than {patience.slowest:g} bytes/s over {patience.window:g} s")


def _run(transfer: _Transfer, timeout: float, secure: bool) -> None:
    try:
        _receive(transfer, timeout, secure)
    except BaseException as error:
        transfer.error = error


def _receive(transfer: _Transfer, timeout: float, secure: bool) -> None:
    with _answer(transfer.url, timeout, secure) as response:
        transfer.answer = _accepted(response, transfer.max_bytes)
        name, size = Path(urlsplit(transfer.url).path).name, response.raw.length_remaining
        with tqdm(desc=name, total=size, unit="B", unit_scale=True) as bar:
            for piece in response.iter_content(PIECE):
                if transfer.given_up:
                    return
                transfer.file.write(piece)
                transfer.received += len(piece)
                bar.update(len(piece))
                if transfer.received > transfer.max_bytes:
                    raise WrongBytes(
                        f"{transfer.answer}, but more than the {transfer.max_bytes} bytes allowed"
                    )


def _answer(url: str, timeout: float, secure: bool) -> requests.Response:
    try:
        return requests.get(
            url,
            stream=True,
            timeout=(timeout, timeout),
            headers={"Accept-Encoding": "identity"},
            hooks={"response": partial(_stay_secure, secure)},
        )
    except requests.RequestException:
        raise
    except ValueError as error:  # the library reads redirects with less care than addresses
        raise WrongBytes(f"an address that is none: {error}") from error


def _accepted(response: requests.Response, max_bytes: int) -> str:
    """The answer in words, of a response that may be the file."""
    response.raise_for_status()
    answer = f"HTTP {response.status_code}"
    if response.status_code != HTTPStatus.OK:
        raise WrongBytes(f"{answer} {response.reason}, which brings no whole file")
    size = response.raw.length_remaining
    if size is not None and size > max_bytes:
        raise WrongBytes(f"{answer}, but {size} bytes, more than the {max_bytes} allowed")
    # Without the header, requests gives the bytes as they were sent.
    encoding = response.raw.headers.pop("Content-Encoding", "identity")
    return answer if encoding == "identity" else f"{answer} (Content-Encoding {encoding}, not asked for)"


def _stay_secure(secure: bool, response: requests.Response, **_: object) -> None:
    """Refuse to follow a redirect that gives up https."""
    if not secure or not response.is_redirect:
        return
    target = urljoin(response.url, response.headers["Location"])
    schemes = urlsplit(response.url).scheme, urlsplit(target).scheme
    if schemes[0] == "https" != schemes[1]:
        raise WrongBytes(
            f"HTTP {response.status_code} leads from https to {schemes[1]}, where others can change it"
        )
