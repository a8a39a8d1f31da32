"""Whether files say constraints that no `Structures` holds: all but atoms fixed in every direction."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tutti.core.ase_atoms import fixes_atoms
from tutti.io import comment, files_of, module_of, move_mask
from tutti.io.text import Lines


def first_other(path: Path) -> str:
    """The place of the first structure with such a constraint, `file:line`; empty: there is none.

    Known are ASE's `move_mask` in extended xyz, and constraints in its databases and trajectories.

    Args:
        path: file or folder that `tutti.io.read` has read.
    """
    looks = {"extxyz": _in_xyz, "ase_db": _in_database, "ase_traj": _in_trajectory}
    found = (place for file in files_of(path) for place in looks.get(module_of(file), _nowhere)(file))
    return next(found, "")


def _in_xyz(path: Path) -> Iterator[str]:
    with Lines(path) as lines:
        while header := lines.take(1):
            if not header[0].strip().isdigit():  # an empty line, or the tail of QM9's own format
                continue
            start, remark, where = lines.number, "".join(lines.take(1)), lines.where()
            atoms = lines.take(int(header[0]))
            if move_mask.MASK in remark.lower() and _fixes_directions(remark, atoms, where, path, start + 2):
                yield where


def _fixes_directions(remark: str, atoms: Sequence[str], where: str, path: Path, first_line: int) -> bool:
    layout = comment.layout(comment.pairs(remark, where).get("Properties", comment.PLAIN), where)
    if layout.mask is None:
        return False
    moves = move_mask.movable([atom.split() for atom in atoms], layout.mask, path, first_line)
    return bool((moves.any(1) & ~moves.all(1)).any())


def _in_database(path: Path) -> Iterator[str]:
    from ase.db import connect

    with connect(path, type="db", use_lock_file=False) as database:
        for row in database.select(sort="id"):
            if not all(map(fixes_atoms, row.constraints)):
                yield f"{path}: row {row.id}"


def _in_trajectory(path: Path) -> Iterator[str]:
    from ase.io.trajectory import TrajectoryReader

    with TrajectoryReader(str(path)) as frames:
        for i, atoms in enumerate(frames):
            if not all(map(fixes_atoms, atoms.constraints)):
                yield f"{path}: frame {i}"


def _nowhere(path: Path) -> Iterator[str]:
    yield from ()
