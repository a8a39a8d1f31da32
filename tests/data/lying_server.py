"""A real HTTP server on this machine that can refuse, stall, drip, break off, lead astray and lie."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tutti.data.transfer import Patience

CONTENTS = b"133885 molecules\n" * 1000
CORRUPT = CONTENTS.replace(b"133885", b"133884", 1)
PAGE = b"<!DOCTYPE html><html>log in</html>"
QUICK = Patience(timeout=20.0, retries=1, backoff=0.0, window=20.0)
IMPATIENT = Patience(timeout=20.0, retries=1, backoff=0.0, window=0.3)
"""For servers that bring next to nothing; a right one might be too slow for it on a busy machine."""
FIXED = {
    "good": CONTENTS,
    "corrupt": CORRUPT,
    "empty": b"",
    "html": PAGE,
    "html-bom": b"\xef\xbb\xbf" + PAGE,
    "html-late": b"\n\n  <!-- mirror -->\n" + PAGE,
    "json": b'{"error": "no such record"}',
}
"""Bodies of answers that are in order."""
PIECE = b"x" * 5000
CHUNKS = {"Content_Length": None, "Transfer_Encoding": "chunked"}
ANSWERS = {
    "browser-check": (202, b"", {}),
    "part": (206, CONTENTS[:1000], {"Content_Range": f"bytes 0-999/{len(CONTENTS)}"}),
    "breaks-off": (200, CONTENTS[:1000], {"Content_Length": len(CONTENTS)}),
    "breaks-off-unnoticed": (200, CONTENTS[:1000], {"Content_Length": None}),
    "breaks-off-in-chunks": (200, b"3e8\r\n" + CONTENTS[:500], CHUNKS),
    "longer-than-it-says": (200, CONTENTS, {"Content_Length": 1000}),
    "says-too-much": (200, CONTENTS, {"Content_Length": 10**15}),
    "says-nonsense": (200, CONTENTS, {"Content_Length": "9" * 5000}),
    "says-two-things": (200, CONTENTS, {"Content_Length": "1000, 17000"}),
    "gzipped": (200, gzip.compress(CONTENTS), {"Content_Encoding": "gzip"}),
    "declared-gzip": (200, CONTENTS, {"Content_Encoding": "gzip"}),
    "busy": (503, b"", {}),
    "moved": (302, b"", {"Location": "/good"}),
    "circle": (302, b"", {"Location": "/circle"}),
    "astray": (302, b"", {"Location": "http://[::1/good"}),
}
"""Status, body and headers of the others that are answered at once."""


class Server(ThreadingHTTPServer):
    """Answers by path; records the requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = dict(FIXED)
        self.requests: list[str] = []
        self.released = threading.Event()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def slowly(self, text):
        """Byte by byte until the test is over."""
        for byte in text * 10_000:
            if self.server.released.wait(0.02):
                return
            self.wfile.write(bytes([byte]))
            self.wfile.flush()

    def endlessly(self, **headers):
        self.answer(200, b"", **{"Content_Length": None, **headers})
        piece = b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if headers else PIECE
        for _ in range(10_000):  # to the end of the test's patience, should nobody break it off
            self.wfile.write(piece)

    def do_GET(self):
        path = self.path.removeprefix("/")
        self.server.requests.append(path)
        with suppress(BrokenPipeError, ConnectionResetError):
            self.reply(path)

    def reply(self, path):
        if path in self.server.files:
            self.answer(200, self.server.files[path])
        elif path in ANSWERS:
            status, body, headers = ANSWERS[path]
            self.answer(status, body, **headers)
        elif path == "busy-once" and self.server.requests.count(path) > 1:
            self.answer(200, CONTENTS)
        else:
            self.misbehave(path)

    def misbehave(self, path):
        match path:
            case "silent":
                self.server.released.wait(30)
            case "late":
                self.server.released.wait(30)
                self.answer(200, CONTENTS)
            case "stops":
                self.answer(200, CONTENTS[:1000], Content_Length=len(CONTENTS))
                self.server.released.wait(30)
            case "endless":
                self.endlessly()
            case "endless-in-chunks":
                self.endlessly(**CHUNKS)
            case "drips":
                self.answer(200, b"", Content_Length=10**6)
                self.slowly(b"1")
            case "drips-headers":
                self.slowly(b"HTTP/1.0 200 OK\r\nX-Waste: 1")
            case "busy-once":
                self.answer(503, b"")
            case _:
                self.answer(403, b"<html>no</html>")


@contextmanager
def running() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
