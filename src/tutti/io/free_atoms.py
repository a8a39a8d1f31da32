"""Isolated atoms among the frames of a file: their energies, which are no structures to learn from.

Files that potentials are trained on bring them as frames of one atom, marked `config_type=IsolatedAtom`
(https://mace-docs.readthedocs.io, GAP's `isolated_atom`) or without any periodicity, often without forces.
"""

import re
from collections.abc import Iterable, Sequence

from tutti.core.elements import symbol
from tutti.io.frames import CHARGES, Frame
from tutti.io.text import FormatError

MARK = "config_type"
ISOLATED = re.compile(r"isolated(_?atoms?)?", re.IGNORECASE)
SAME = 1e-6
"""eV, up to which two energies of one element are the same."""

Energies = dict[str, tuple[float, str]]
"""By symbol the energy, eV, and the place it comes from."""


def taken_out(frames: Iterable[Frame], apart: Sequence[Frame] = ()) -> tuple[list[Frame], dict[str, float]]:
    """The frames without isolated atoms, and the energies of these.

    A frame is one of an isolated atom if it is marked so, or is a neutral atom with an energy and without
    periodicity. An archive of this package brings such energies beside its frames.

    Args:
        frames: of the data.
        apart: of files that hold nothing but isolated atoms, in cells or not.

    Returns:
        (the other frames, eV by symbol).

    Raises:
        FormatError: when two energies of one element differ, and when a frame marked as, or in a file of
            isolated atoms is none, or has no energy.
    """
    kept: list[Frame] = []
    found: Energies = {}
    for frame in frames:
        if _is_marked(frame) or _is_free(frame):
            _add(found, *_energy(frame), frame.where())
        else:
            kept.append(frame)
        for element, energy in frame.free_atoms.items():
            _add(found, element, energy, frame.path)
    for frame in apart:
        _add(found, *_energy(frame), frame.where())
    return kept, {element: energy for element, (energy, _) in sorted(found.items())}


def _is_marked(frame: Frame) -> bool:
    return ISOLATED.fullmatch(str(frame.info.get(MARK, ""))) is not None


def _is_free(frame: Frame) -> bool:
    periodic = frame.pbc is not None and frame.pbc.any()
    neutral = all(_is_zero(frame.info[name]) for name in CHARGES if name in frame.info)
    return len(frame.numbers) == 1 and frame.energy is not None and not periodic and neutral


def _is_zero(charge: object) -> bool:
    try:
        return float(charge) == 0
    except (TypeError, ValueError):
        return False


def _energy(frame: Frame) -> tuple[str, float]:
    if len(frame.numbers) != 1:
        raise FormatError(frame.where(), "an isolated atom", f"{len(frame.numbers)} atoms")
    if frame.energy is None:
        raise FormatError(frame.where(), "the energy of this isolated atom", "none")
    return symbol(int(frame.numbers[0])), frame.energy


def _add(found: Energies, element: str, energy: float, where: str) -> None:
    known, place = found.setdefault(element, (energy, where))
    if abs(known - energy) > SAME:
        expected = f"the energy of the isolated atom {element} in {place}, {known} eV"
        raise FormatError(where, expected, f"{energy} eV; keep one of the two")
