"""Where the frames of an xyz file begin and end, also when some of them are broken."""

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from tutti.core.elements import number as atomic_number
from tutti.io.frames import Frame
from tutti.io.text import FILE_END, FormatError, Lines, number, shown

HEAD = 1 << 16  # bytes of a file that are looked at to tell what it is

# Atom lines read before looking whether the next frame has begun: bounds the cost of a false count.
LOOK_AHEAD = 128

Parse = Callable[[str, str, list[str], Lines], Frame]
"""Makes a frame of its header, comment and atom lines, which are the last lines read; may read more."""


def walk(lines: Lines, parse: Parse) -> Iterator[Frame | FormatError]:
    """Frames in order, and, if the lines are read with `recover`, the error in place of each broken one.

    A frame that is followed by more atoms than it announces is broken. A broken frame ends where its atoms
    end, or at a line that holds nothing but a number and is followed by a comment. Of a file that is damaged
    from some place on, one error stands for the rest.

    Raises:
        FormatError: the first one, if the lines are read without `recover`.
    """
    header = lines.next_filled()
    while header is not None:
        try:
            frame, header = _step(header, lines, parse)
        except FormatError as error:
            if not lines.recover:
                raise
            frame, header = error, _skip(lines, atoms_seen=_is_count(header))
        cut_off = header is None and lines.damage is not None
        if not (cut_off and isinstance(frame, FormatError)):
            yield frame
    if lines.damage is not None:
        yield lines.damage


def begins_like_xyz(path: Path) -> bool:
    """Whether a text file begins with a count, a comment and an atom, or with no atoms to come.

    A frame that breaks off after an empty comment counts too: it is for the reader to say what is wrong.

    Raises:
        OSError: when the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD).decode("utf-8-sig", errors="replace").lstrip().splitlines()
    if len(head) < 2 or not _is_count(head[0]):
        return False
    atoms = [line for line in head[2:] if line.strip()]
    return any(map(_is_atom, atoms)) or not (atoms or head[1].strip())


def _step(header: str, lines: Lines, parse: Parse) -> tuple[Frame, str | None]:
    """A frame, and the first line after it that is not blank."""
    if not _is_count(header):
        raise _no_count(header, lines)
    frame = _frame(header, lines, parse)
    following = lines.next_filled()
    if following is not None and not _is_count(following) and _is_atom(following):
        raise _no_count(following, lines)
    return frame, following


def _frame(header: str, lines: Lines, parse: Parse) -> Frame:
    start = lines.number
    # A count may claim anything; lines are taken only as far as the frame goes.
    count = min(int(header.strip()[:20]), sys.maxsize)
    remark = lines.next()
    if remark is None:
        raise FormatError(lines.where(start + 1), "a comment line", FILE_END)
    atoms, end = _atom_lines(lines, count)
    try:
        if len(atoms) < count:
            expected = f"{count} atom lines from line {start + 2} on"
            raise FormatError(lines.where(lines.number + 1), expected, f"{end} after {len(atoms)}")
        return parse(header, remark, atoms, lines)
    except FormatError:
        ahead = lines.take(1)
        found = _next_header([*atoms, *ahead])
        lines.give_back([*atoms, *ahead][len(atoms) if found is None else found :])
        raise


def _atom_lines(lines: Lines, count: int) -> tuple[list[str], str]:
    """`count` lines, or fewer if another frame or the end of the file comes first; and which it was."""
    atoms = lines.take(min(count, LOOK_AHEAD))
    while len(atoms) < count:
        header = _next_header(atoms)
        if header is not None:
            lines.give_back(atoms[header:])
            return atoms[:header], "the next frame"
        more = lines.take(min(count - len(atoms), len(atoms)))
        if not more:
            break
        atoms += more
    return atoms, FILE_END


def _next_header(lines: Sequence[str]) -> int | None:
    """Index of the first line that looks like a frame's first one; never the last line."""
    return next((i for i, pair in enumerate(pairwise(lines)) if _is_header(*pair)), None)


def _skip(lines: Lines, atoms_seen: bool) -> str | None:
    """The first line after a broken frame; None at the end of the file."""
    while (line := lines.next_filled()) is not None:
        if _is_count(line):
            ahead = lines.take(1)
            lines.give_back(ahead)
            if not ahead or _is_header(line, ahead[0]):
                return line
        elif _is_atom(line):
            atoms_seen = True
        elif atoms_seen:
            return line
    return None


def _is_header(line: str, following: str) -> bool:
    """Whether a frame begins with `line`; a lone number before an atom is a comment or a mutilated atom."""
    return _is_count(line) and (following.lstrip()[:1].isdigit() or not _is_atom(following))


def _is_count(line: str) -> bool:
    text = line.strip()
    return text.isascii() and text.isdigit()


def _is_atom(line: str) -> bool:
    cells = line.split(maxsplit=4)
    try:
        atomic_number(cells[0])
        return len([number(cell, "") for cell in cells[1:4]]) == 3
    except (IndexError, KeyError, FormatError):
        return False


def _no_count(line: str, lines: Lines) -> FormatError:
    return FormatError(lines.where(), "the number of atoms of the next frame", shown(line))
