"""Numbers that somebody has written into a text by hand."""

import re

UNITS = (
    r"%|‰|°|Å|ms|µs|s|min|h|hours?|minutes?|seconds?|days?|epochs?|GiB|MiB|kB|MB|GB|TB|fs|ps|ns|K|nat"
    r"|(?:m|k)?eV(?:/(?:atom|Å))?|kcal/mol|a\.?u\.?|bohr|×|times"
)
MEASURED = re.compile(rf"(?<![\w.,])[−-]?\d+(?:(?:,\d{{3}})+(?:\.\d+)?|\.\d+|\s?(?:{UNITS})(?![\w/]))")
"""A decimal number, one with thousands, or one with a unit."""
NO_MEASUREMENT = re.compile(
    r"95\s%\s(?:intervals?|confidence)|(?:Python|RDKit|torch)\s\d+(?:\.\d+)+|(?:[Ss]ections?|[Tt]ables?|[Ff]igures?)\s\d+(?:\.\d+)*"
)
OUTSIDE = [
    re.compile(pattern, re.S | re.M)
    for pattern in (
        r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}",  # Jinja's
        r"<!--.*?-->",
        r"^```.*?^```",
        r"`[^`\n]*`",
        r"\[[^\]]*\]\([^)\s]*\)",
        r"^#+ .*?$",
    )
]
"""What is no prose: expressions, comments, code, links, headings."""


def numbers(text: str) -> list[tuple[int, str]]:
    """Line and text of every number in the prose of a template or page that a measurement would give."""
    for pattern in [*OUTSIDE, NO_MEASUREMENT]:
        text = pattern.sub(_blank, text)
    return [(text.count("\n", 0, found.start()) + 1, found[0]) for found in MEASURED.finditer(text)]


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])
