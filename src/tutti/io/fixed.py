"""Whether files say that atoms are not to move, which no `Structures` holds: ASE's constraints."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tutti.core.columns import BOOLEANS
from tutti.io import comment, files_of, module_of
from tutti.io.text import FormatError, Lines

MASK = "move_mask"
"""Column of an extended xyz file, one or three truth values for each atom: whether it may move."""


def first_fixed(path: Path) -> str:
    """The place of the first structure with an atom that is not to move, `file:line`; empty: there is none.

    Known are ASE's `move_mask` in extended xyz, and constraints in its databases and trajectories.

    Args:
        path: file or folder that `tutti.io.read` reads.
    """
    looks = {"extxyz": _in_xyz, "ase_db": _in_database, "ase_traj": _in_trajectory}
    found = (place for file in files_of(path) for place in looks.get(module_of(file), _nowhere)(file))
    return next(found, "")


def _in_xyz(path: Path) -> Iterator[str]:
    with Lines(path) as lines:
        while header := lines.take(1):
            if not header[0].strip().isdigit():  # an empty line, or the tail of QM9's own format
                continue
            start, remark = lines.where(), "".join(lines.take(1))
            atoms = lines.take(int(header[0]))
            if MASK in remark and _any_fixed(remark, atoms, start):
                yield start


def _any_fixed(remark: str, atoms: Sequence[str], where: str) -> bool:
    parts = comment.pairs(remark, where).get("Properties", "").split(":")
    widths = dict(zip(parts[::3], map(int, parts[2::3]), strict=True)) if len(parts) > 1 else {}
    if MASK not in widths:
        return False
    first = sum(list(widths.values())[: list(widths).index(MASK)])
    flags = [flag for atom in atoms for flag in atom.split()[first : first + widths[MASK]]]
    if unknown := [flag for flag in flags if flag not in BOOLEANS]:
        raise FormatError(where, f"T or F in the column {MASK}", unknown[0])
    return not all(BOOLEANS[flag] for flag in flags)


def _in_database(path: Path) -> Iterator[str]:
    from ase.db import connect

    with connect(path, type="db", use_lock_file=False) as database:
        for row in database.select(sort="id"):
            if row.constraints:
                yield f"{path}: row {row.id}"


def _in_trajectory(path: Path) -> Iterator[str]:
    from ase.io.trajectory import TrajectoryReader

    with TrajectoryReader(str(path)) as frames:
        yield from (f"{path}: frame {i}" for i, atoms in enumerate(frames) if atoms.constraints)


def _nowhere(path: Path) -> Iterator[str]:
    yield from ()
