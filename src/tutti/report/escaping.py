"""Names in tables for people: whatever a name holds, it is text, on one line, and all of it can be seen.

CSV is for programs: names stand in it as they are. None begins as a formula that a spreadsheet would run,
since such names of samples, models and datasets are refused (`tutti.core.names`).
"""

import re
import unicodedata

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\0": r"\0"}
_UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Cs"}
"""Categories of Unicode: control, format (which may turn the direction), line ends, surrogates."""

# What begins or ends a span, a link, HTML or an entity; `_` inside a word does not.
_MARKDOWN = re.compile(
    r"[\\`*<>|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#|\w+;)|\](?=[(\[:])|!(?=\[)|(?<=http):|(?<=https):|(?<=ftp):"
    r"|(?<=www)\.|(?<=\w)@(?=[\w-]+\.\w)",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"[#+=\[-]|\d+(?=[.)])")
"""What begins a heading, a list or a task at the start of a line."""

_LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "`": r"\textasciigrave{}",
        "–": "--",
        "Å": r"\AA{}",
        **{sign: rf"\textsuperscript{{{digit}}}" for digit, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    }
)


def visible(text: str) -> str:
    """The text on one line: what breaks it, hides or turns it is written as an escape, as `\\n`."""
    if text.isprintable():
        return text
    return "".join(
        _SHORT.get(c) or (f"\\u{ord(c):04x}" if unicodedata.category(c) in _UNSEEN else c) for c in text
    )


def markdown(text: str, begins_line: bool = False) -> str:
    """The text in GitHub's Markdown, in a cell of a table or in a paragraph.

    Args:
        text: to be read as it is.
        begins_line: whether a line, or an entry of a list, begins with it.
    """
    text = visible(text)
    start = _BLOCK.match(text) if begins_line else None
    escaped = _MARKDOWN.sub(r"\\\g<0>", text)
    if start is None:
        return escaped
    return rf"{start[0]}\{escaped[start.end() :]}" if start[0].isdigit() else rf"\{escaped}"


def latex(text: str) -> str:
    """The text in LaTeX, without its special characters, also where a row of a table begins with it."""
    escaped = visible(text).replace("--", "-\0-").replace("--", "-\0-").translate(_LATEX).replace("\0", "{}")
    return rf"{{[}}{escaped[1:]}" if escaped[:1] == "[" else escaped
