"""Samples as arrays, gathered while they are read: `Structures` of as many as a disk holds."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from tutti.core.columns import BOOLEANS
from tutti.core.spool import Growing
from tutti.core.structures import Structures
from tutti.io.frames import Frame
from tutti.io.text import FormatError

# A column of text takes as much memory for every sample as for the longest.
MAX_REASON = 160


@dataclass(frozen=True, slots=True)
class Sample:
    """What was read, or why nothing could be, and where: file, its name for people, place in it from 0."""

    path: Path
    name: str
    index: int
    found: Frame | FormatError

    @property
    def frame(self) -> Frame | None:
        """What was read, if anything was."""
        return self.found if isinstance(self.found, Frame) else None


class Gathered:
    """Samples in order. Use it as a context manager.

    Args:
        charge: total charge of the samples that say none.
        folder: on whose disk they lie; None: in memory.

    Attributes:
        readable: whether any sample could be read.
    """

    def __init__(self, charge: int, folder: Path | None) -> None:
        self._charge, self._folder, self._stack = charge, folder, ExitStack()
        self._arrays = {
            "n_atoms": self._growing(np.int64),
            "numbers": self._growing(np.uint8),
            "positions": self._growing(float, 3),
            "formal_charges": self._growing(np.int8),
            "n_bonds": self._growing(np.int64),
            "bond_atoms": self._growing(np.int64, 2),
            "bond_orders": self._growing(float),
        }
        self._columns = {"frame": self._growing(np.int64), "charge": self._growing(np.int64)}
        self._finished = self._growing(bool)
        self._texts: dict[str, list[np.ndarray]] = {"file": [], "unreadable": [], "id": []}
        self.readable = self._is_charged = False
        self._all_named = self._all_say_finished = True

    def _growing(self, dtype: np.dtype | type, *shape: int) -> Growing:
        return self._stack.enter_context(closing(Growing(dtype, shape, self._folder)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, samples: Sequence[Sample]) -> None:
        """Append samples.

        Raises:
            ValueError: when an atomic number is not in 1 ... 118, or shapes do not fit.
        """
        packed = Structures.from_frames(
            [([], []) if s.frame is None else (s.frame.numbers, s.frame.positions) for s in samples]
        )
        arrays = {name: getattr(packed, name) for name in ("n_atoms", "numbers", "positions")}
        for name, array in (arrays | _bonds(samples)).items():
            self._arrays[name].add(array)
        self.readable |= any(sample.frame is not None for sample in samples)
        self._columns["frame"].add([sample.index for sample in samples])
        said = [None if sample.frame is None else sample.frame.info.get("charge") for sample in samples]
        self._is_charged |= any(charge is not None for charge in said)
        self._columns["charge"].add([self._charge if charge is None else charge for charge in said])
        self._add_texts(samples)
        if self._all_say_finished:
            finished = [_finished(sample) for sample in samples]
            self._all_say_finished = None not in finished
            self._finished.add(finished)

    def _add_texts(self, samples: Sequence[Sample]) -> None:
        self._texts["file"].append(np.array([sample.name for sample in samples], dtype=str))
        self._texts["unreadable"].append(np.array([_reason(sample) for sample in samples], dtype=str))
        if self._all_named:
            first = sum(map(len, self._texts["id"]))
            names = [_name(sample, first + i) for i, sample in enumerate(samples)]
            self._all_named = all(names)
            self._texts["id"].append(np.array(names, dtype=str))

    def structures(self, source: str) -> Structures:
        """All of them, see `tutti.io.samples.read_samples`; nothing can be added then."""
        arrays = {name: growing.whole() for name, growing in self._arrays.items()}
        if not len(arrays["bond_orders"]):
            for name in ("formal_charges", "n_bonds", "bond_atoms", "bond_orders"):
                del arrays[name]
        ids = self._ids(len(arrays["n_atoms"]))
        columns = {"id": ids, "file": self._text(self._texts["file"])}
        columns |= {
            "frame": self._columns["frame"].whole(),
            "unreadable": self._text(self._texts["unreadable"]),
        }
        if self._all_say_finished:
            columns["finished"] = self._finished.whole()
        if self._charge or self._is_charged:
            columns["charge"] = self._columns["charge"].whole()
        return Structures(**arrays, columns=columns, source=source)

    def _ids(self, n: int) -> np.ndarray:
        """Their own names where all have different ones, else numbers."""
        if self._all_named:
            names = self._text(self._texts["id"])
            if len(np.unique(names)) == n:
                return names
        return self._text([np.array([numbered(place) for place in range(n)])])

    def _text(self, parts: list[np.ndarray]) -> np.ndarray:
        """Parts of a column of text, each of which is as wide as its longest, as one."""
        column = self._growing(np.result_type(*parts))
        for part in parts:
            column.add(part)
        return column.whole()


def numbered(place: int) -> str:
    """The name of a sample that has none, by its place from 0."""
    return f"s{place:06d}"


def _bonds(samples: Iterable[Sample]) -> dict[str, np.ndarray]:
    """The fields of `Structures` for bonds."""
    frames = [sample.frame for sample in samples]
    bonds = [bond for frame in frames if frame is not None for bond in frame.bonds or ()]
    charges = [f.formal_charges or [0] * len(f.numbers) for f in frames if f is not None] if bonds else []
    n_atoms = sum(len(frame.numbers) for frame in frames if frame is not None)
    return {
        "formal_charges": np.array([c for each in charges for c in each]) if bonds else np.zeros(n_atoms),
        "n_bonds": np.array([0 if frame is None else len(frame.bonds or ()) for frame in frames]),
        "bond_atoms": np.array([ends for *ends, _ in bonds]),
        "bond_orders": np.array([order for *_, order in bonds]),
    }


def _finished(sample: Sample) -> bool | None:
    """Whether a sample says that it is; one that could not be read is not."""
    return False if sample.frame is None else BOOLEANS.get(str(sample.frame.info.get("finished")))


def _name(sample: Sample, place: int) -> str:
    """What a sample is called in its file, empty if it has no name there."""
    if sample.frame is None:
        return numbered(place)
    return str(sample.frame.info.get("id", "")).rstrip("\0")  # which arrays of text drop from their ends


def _reason(sample: Sample) -> str:
    """Why a sample could not be read."""
    if sample.frame is not None:
        return ""
    text = " ".join(str(sample.found).replace(str(sample.path), sample.name).splitlines())
    return text if len(text) <= MAX_REASON else text[: MAX_REASON - 3] + "..."
