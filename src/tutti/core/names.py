"""Names of samples, models and datasets, which become names of files and cells of tables."""

import os
import unicodedata
from collections.abc import Iterable

LONGEST = 200
"""Bytes of a name; files are named after it, of which file systems take 255."""
FORMULAS = "=+-@"
"""What a spreadsheet runs where a cell begins with it."""
_UNSEEN = {"Cc", "Cf", "Zl", "Zp"}


def problem(name: str) -> str:
    """Why a name cannot be one of samples; empty: it can."""
    if not name or name != name.strip():
        return "is empty, or has spaces around it"
    if name[0] in FORMULAS or name[0] == ".":
        return (
            f"begins with {name[0]}, which hides files, is an option of commands or a formula of spreadsheets"
        )
    if any("\ud800" <= character <= "\udfff" for character in name):
        return "is no UTF-8"
    if any(unicodedata.category(character) in _UNSEEN for character in name):
        return "has a line break, or another character that is not seen"
    if "/" in name or "\\" in name:
        return "has a slash, which separates folders"
    if (size := len(os.fsencode(name))) > LONGEST:
        return f"has {size} bytes, more than the {LONGEST} that fit into names of files"
    return ""


def alike(names: Iterable[str]) -> list[str]:
    """The first names that differ in upper and lower case alone, which not all file systems tell apart."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        found.setdefault(unicodedata.normalize("NFC", name).casefold(), []).append(name)
    return next((same for same in found.values() if len(same) > 1), [])
