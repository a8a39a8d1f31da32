"""What pages have in common: templates, and files inside them."""

import base64
import binascii
import gzip
import io
import json
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from tutti.core import json_text
from tutti.core.seals import verify

MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".csv": "text/csv"}
POINTS_PER_REM = 12.0
_DATA = re.compile(r'<script id="data" type="text/plain">([^<]*)</script>')
_SIZE = re.compile(r'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"')


def template(name: str) -> jinja2.Template:
    """A template of this package; what it is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tutti.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name)


def data_uri(path: Path) -> str:
    """The file as an address that holds all of it.

    Raises:
        ValueError: when its suffix is not among `MEDIA_TYPES`.
        DamagedFile: when a figure (.svg) is not as it was drawn.
    """
    if path.suffix not in MEDIA_TYPES:
        raise ValueError(f"{path}: cannot be embedded, expected one of {', '.join(MEDIA_TYPES)}")
    if path.suffix == ".svg":
        verify(path)
    return f"data:{MEDIA_TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"


def size(path: Path) -> tuple[float, float] | None:
    """Width and height (rem) at which the text of an .svg figure is nearly as large as the page's.

    None for pictures that do not say their size.
    """
    match = _SIZE.search(path.read_text(encoding="utf-8")[:2000]) if path.suffix == ".svg" else None
    return (float(match[1]) / POINTS_PER_REM, float(match[2]) / POINTS_PER_REM) if match else None


def packed(data: Mapping[str, Any]) -> str:
    """Compressed JSON as text, which a page's script unpacks. Same data, same text."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def unpacked(page: str) -> dict[str, Any]:
    """The data in a page; empty for a page that has none, or none that can be read."""
    match = _DATA.search(page)
    try:
        return json_text.loads(_inflated(base64.b64decode(match[1]))) if match else {}
    except (binascii.Error, OSError, EOFError, zlib.error, ValueError):
        return {}


def _inflated(packed: bytes) -> bytes:
    """What gzip has packed, as far as JSON is read at all: a page that somebody sends may hold a bomb."""
    with gzip.open(io.BytesIO(packed)) as file:
        return file.read(json_text.MOST)
