"""One input of the adversarial corpus, and what must become of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geometries import Geometry, known

from tutti.core.elements import SYMBOLS

ASSIGNERS = ("xyz2mol", "openbabel", "lookup")
GOOD = {name: known(name) for name in ("CH4", "C6H6", "CH3CH2OH", "CH3CN", "HCOOH")}
"""Real molecules (geometries of ASE's G2 collection), valid by every assigner."""


@dataclass(frozen=True)
class Expected:
    """What must become of one sample.

    Attributes:
        reasons: allowed reasons by assigner; "" is valid.
        good: name of the molecule of `GOOD` that it is.
        line: line that the reader blames, 0 for none; only of what cannot be read.
        message: what the reader must say of it; empty for what can be read.
    """

    reasons: Mapping[str, frozenset[str]]
    good: str = ""
    line: int = 0
    message: str = ""


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        name: unique; also the name of its folder.
        why: what is wrong with it, or why not.
        files: contents by file name.
        expected: one entry per sample, in order; empty when the input must be refused.
        error: with which words and which `file:line`, if it must be.
    """

    name: str
    why: str
    files: Mapping[str, bytes]
    expected: Sequence[Expected] = ()
    error: str = ""

    def write(self, folder: Path) -> Path:
        """Write the files into a folder of that name; returns it."""
        target = folder / self.name.replace(" ", "_")
        target.mkdir(parents=True)
        for name, contents in self.files.items():
            (target / name).write_bytes(contents)
        return target


def judged(*reasons: str) -> Expected:
    """A sample with these reasons (any of `a|b`) by the `ASSIGNERS` in turn, or with one by all of them."""
    each = reasons * len(ASSIGNERS) if len(reasons) == 1 else reasons
    sets = [frozenset("" if r == "valid" else r for r in reason.split("|")) for reason in each]
    return Expected(dict(zip(ASSIGNERS, sets, strict=True)))


def good(*names: str) -> list[Expected]:
    """Molecules of `GOOD`, by default all of them."""
    return [Expected(judged("valid").reasons, good=name) for name in names or GOOD]


def unreadable(message: str, line: int = 0) -> Expected:
    """A sample that cannot be read: the reader blames `line` and says `message`."""
    return Expected(judged("unreadable").reasons, line=line, message=message)


def xyz(geometry: Geometry, comment: str = "") -> str:
    """A frame of plain xyz with all digits."""
    rows = zip(geometry[0].tolist(), geometry[1].tolist(), strict=True)
    atoms = [f"{SYMBOLS[z]} {' '.join(map(repr, position))}\n" for z, position in rows]
    return f"{len(atoms)}\n{comment}\n{''.join(atoms)}"
