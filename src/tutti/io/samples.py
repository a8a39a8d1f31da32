"""Samples of any generator, read so that broken ones become samples with a reason."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import chain, islice
from pathlib import Path

import numpy as np

from tutti.core import memory
from tutti.core.elements import SYMBOLS
from tutti.core.structures import Structures
from tutti.io import files_of, frames_of, module_of, settled, source_of
from tutti.io.folders import name_of, warn_of
from tutti.io.frames import CHARGES, Frame
from tutti.io.gathering import Gathered, Sample
from tutti.io.labels import Labels
from tutti.io.text import FILE_END, FormatError, OtherContent, number

PART = 4096
"""Samples that are held as they were read; of more their arrays are."""
ELEMENTS = np.arange(1, len(SYMBOLS))


def read_samples(paths: Sequence[str | Path], charge: int = 0, folder: Path | None = None) -> Structures:
    """All samples of files and folders, in the order given; what cannot be read is a sample without atoms.

    A folder stands for the files in it and below it whose names end like a known format, in natural order:
    s2 before s10; other files are named in a warning, and so are archives in it that hold no molecules. NaN
    and inf are let through. Energies, forces, cells and other columns are not read; bonds and formal charges
    of SD and mol2 files are. Lengths are Å, unless a file says its unit.

    In xyz, SD, mol2 and PDB files a bad frame costs only itself. In the other formats, and in a text file cut
    in the middle of its compression, one unreadable sample stands for all that follows. A file without any
    readable frame is one unreadable sample.

    Args:
        paths: files and folders.
        charge: total charge of the samples whose files do not say one. A file says it as `charge` or
            `total_charge`, or as the sum of its formal charges where it has bonds or such a charge.
        folder: on whose disk the samples lie, not in memory, and are to be read only; None: in memory.

    Returns:
        The samples, without cells, energies and forces, with bonds and formal charges where any file says
        bonds, and with the columns

        - `id`: unique text, the samples' own `id` or title when all that could be read have different ones;
          the others, or else all, are numbered in their order: `s000000` and so on;
        - `file`: the file's name, or its path below the folder that was given, with `/`;
        - `frame`: the place in the file, from 0;
        - `unreadable`: empty, or the reason with file and line, shortened to 160 characters;
        - `finished`: truth values, where all that could be read have them; unreadable samples are not;
        - `charge`: of the whole, in elementary charges, where any sample's is said or `charge` is not 0.

    Raises:
        FormatError: the first problem, when not a single frame is readable.
        FileNotFoundError: when a path does not exist.
        ValueError: when no paths are given.
        LimitError: when the memory does not suffice, see `tutti.core.memory.limited`.
    """
    with memory.reading(next(iter(paths), "")):
        return _read(paths, charge, folder)


def require_one(paths: Sequence[str | Path]) -> None:
    """Refuse at once what `read_samples` will refuse: it is read as far as its first readable frame.

    Raises:
        FormatError, FileNotFoundError, LimitError: see `read_samples`.
    """
    first: FormatError | None = None
    with warnings.catch_warnings(), memory.reading(next(iter(paths), "")):
        warnings.simplefilter("ignore")  # `read_samples` gives them
        for sample in _of_paths(map(Path, paths), []):
            if not isinstance(sample.found, FormatError):
                return
            first = first or sample.found
    if first is not None:
        raise first


def _read(paths: Sequence[str | Path], charge: int, folder: Path | None) -> Structures:
    sources: list[str] = []
    samples = _of_paths(map(Path, paths), sources)
    first: FormatError | None = None
    with Gathered(charge, folder) as gathered:
        while part := list(islice(samples, PART)):
            first = first or next((s.found for s in part if isinstance(s.found, FormatError)), None)
            gathered.add(part)
        if not gathered.readable:
            raise first or ValueError("no files of samples are given")
        return gathered.structures(" + ".join(sources))


def _of_paths(paths: Iterable[Path], sources: list[str]) -> Iterator[Sample]:
    """Samples of files and folders, as they are read; what was read is appended to `sources`."""
    for path in paths:
        try:
            files = files_of(path)
        except FormatError as error:
            yield Sample(path, name_of(path), 0, error)
            continue
        yield from _of_folder(path, files) if path.is_dir() else _of_file(path, name_of(path))
        sources.append(source_of(path, files))


def _of_folder(folder: Path, files: Sequence[Path]) -> Iterator[Sample]:
    """Samples of all files, but of those that hold something else where other files hold samples."""
    others = {}
    for file in files:
        samples = _of_file(file, name_of(file, folder))
        first = next(samples)
        if isinstance(first.found, OtherContent):
            others[file] = [first, *samples]
        else:
            yield first
            yield from samples
    if len(others) < len(files):
        warn_of(list(others), folder)
    else:
        yield from chain.from_iterable(others.values())


def _of_file(path: Path, name: str) -> Iterator[Sample]:
    """At least one sample: how many frames a file without a readable one was meant to hold is a guess."""
    found = _found(path)
    broken = []  # that come before the first frame
    for item in found:
        if isinstance(item, Frame):
            in_order = chain(broken, [item], found)
            yield from (Sample(path, name, index, each) for index, each in enumerate(in_order))
            return
        broken.append(item)
    first = broken[0] if broken else FormatError(f"{path}:1", "a structure", FILE_END)
    yield Sample(path, name, 0, first)


def _found(path: Path) -> Iterator[Frame | FormatError]:
    module = import_module(f"tutti.io.{module_of(path)}")
    try:
        bare = Labels(read=False)
        with settled(path):
            items = module.samples(path) if hasattr(module, "samples") else frames_of(path, {}, bare)
            for item in memory.watched(path, items):
                yield _bare(item) if isinstance(item, FormatError) else _with_charge(_checked(item))
    except FormatError as error:
        yield _bare(error)
    except OSError as error:
        yield FormatError(str(path), "a file that can be read", error.strerror or str(error))


def _bare(error: FormatError) -> FormatError:
    """The error without its history, which would keep all lines of the frame in memory."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def _checked(frame: Frame) -> Frame | FormatError:
    """The frame, or an error where an archive or a database holds something else than atoms."""
    if frame.line:  # readers of text leave no doubt
        return frame
    numbers, positions = np.asarray(frame.numbers), frame.positions
    if numbers.dtype.kind not in "iuf" or positions.dtype.kind != "f":
        found = f"{numbers.dtype} and {positions.dtype}"
        return FormatError(frame.where(), "numbers as atomic numbers and positions", found)
    elements = np.isin(numbers, ELEMENTS)
    if elements.all():
        return frame
    return FormatError(frame.where(), "atomic numbers from 1 to 118", str(numbers[~elements][0]))


def _with_charge(found: Frame | FormatError) -> Frame | FormatError:
    """The frame with the total charge that it says, or an error where that is none."""
    if isinstance(found, FormatError):
        return found
    try:
        charge = _charge(found)
    except FormatError as error:
        return _bare(error)
    return found if charge is None else replace(found, info={**found.info, "charge": charge})


def _charge(frame: Frame) -> int | None:
    """The total charge that a frame says; None where it says nothing."""
    said = {number(str(frame.info[name]), frame.where()) for name in CHARGES if name in frame.info}
    if frame.bonds or any(frame.formal_charges or ()):
        said.add(sum(frame.formal_charges))
    if not said:
        return None
    charge = min(said)
    # Nuclei cannot lose more electrons than they have protons, nor hold twice as many.
    if len(said) > 1 or not abs(charge) <= np.sum(frame.numbers) or charge != int(charge):
        found = " and ".join(f"{value:g}" for value in sorted(said))
        raise FormatError(frame.where(), "one total charge, a whole number up to that of the nuclei", found)
    return int(charge)
