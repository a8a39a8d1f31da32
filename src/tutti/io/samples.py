"""Samples of any generator, read so that broken ones become samples with a reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np

from tutti.core import memory
from tutti.core.columns import BOOLEANS
from tutti.core.elements import SYMBOLS
from tutti.core.structures import Structures
from tutti.io import files_of, frames_of, module_of, settled, source_of
from tutti.io.folders import name_of, warn_of
from tutti.io.frames import CHARGES, Frame
from tutti.io.labels import Labels
from tutti.io.text import FILE_END, FormatError, OtherContent, number

# A column of text takes as much memory for every sample as for the longest.
MAX_REASON = 160
ELEMENTS = np.arange(1, len(SYMBOLS))


@dataclass(frozen=True, slots=True)
class _Sample:
    """What was read, or why nothing could be, and where: file, its name for people, place in it from 0."""

    path: Path
    name: str
    index: int
    found: Frame | FormatError


def read_samples(paths: Sequence[str | Path], charge: int = 0) -> Structures:
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
        return _read(paths, charge)


def _read(paths: Sequence[str | Path], charge: int) -> Structures:
    samples, sources = [], []
    for path in map(Path, paths):
        try:
            files = files_of(path)
        except FormatError as error:
            samples.append(_Sample(path, name_of(path), 0, error))
            continue
        if path.is_dir():
            samples += _of_folder(path, files)
        else:
            samples += _of_file(path, name_of(path))
        sources.append(source_of(path, files))
    errors = [sample.found for sample in samples if isinstance(sample.found, FormatError)]
    if len(errors) == len(samples):
        raise errors[0] if errors else ValueError("no files of samples are given")
    return Structures.from_frames(
        [_atoms(sample.found) for sample in samples],
        **_bonds(samples),
        columns=_columns(samples) | _charges(samples, charge),
        source=" + ".join(sources),
    )


def _of_folder(folder: Path, files: Sequence[Path]) -> list[_Sample]:
    """Samples of all files, but of those that hold something else where other files hold samples."""
    found = {file: _of_file(file, name_of(file, folder)) for file in files}
    others = [file for file, samples in found.items() if isinstance(samples[0].found, OtherContent)]
    if len(others) < len(files):
        warn_of(others, folder)
        found = {file: samples for file, samples in found.items() if file not in others}
    return [sample for samples in found.values() for sample in samples]


def _of_file(path: Path, name: str) -> list[_Sample]:
    found = list(_found(path))
    if not any(isinstance(item, Frame) for item in found):
        # How many frames such a file was meant to hold is anybody's guess.
        found = found[:1] or [FormatError(f"{path}:1", "a structure", FILE_END)]
    return [_Sample(path, name, index, item) for index, item in enumerate(found)]


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


def _atoms(found: Frame | FormatError) -> tuple[Sequence[int] | np.ndarray, Sequence | np.ndarray]:
    return ([], []) if isinstance(found, FormatError) else (found.numbers, found.positions)


def _charges(samples: Sequence[_Sample], default: int) -> dict[str, np.ndarray]:
    """The column `charge`, if there is anything to say."""
    said = [
        sample.found.info.get("charge") if isinstance(sample.found, Frame) else None for sample in samples
    ]
    if not default and all(charge is None for charge in said):
        return {}
    charges = [default if charge is None else charge for charge in said]
    return {"charge": np.array(charges, dtype=np.int64)}


def _bonds(samples: Sequence[_Sample]) -> dict[str, np.ndarray]:
    """The fields of `Structures` for bonds, if any sample has some."""
    frames = [sample.found for sample in samples if isinstance(sample.found, Frame)]
    bonds = [bond for frame in frames for bond in frame.bonds or ()]
    if not bonds:
        return {}
    charges = [frame.formal_charges or [0] * len(frame.numbers) for frame in frames]
    counts = [len(sample.found.bonds or ()) if isinstance(sample.found, Frame) else 0 for sample in samples]
    return {
        "formal_charges": np.array([charge for each in charges for charge in each], dtype=np.int8),
        "n_bonds": np.array(counts, dtype=np.int64),
        "bond_atoms": np.array([ends for *ends, _ in bonds], dtype=np.int64),
        "bond_orders": np.array([order for *_, order in bonds], dtype=float),
    }


def _columns(samples: Sequence[_Sample]) -> dict[str, np.ndarray]:
    columns = {
        "id": np.array(_ids(samples), dtype=str),
        "file": np.array([sample.name for sample in samples], dtype=str),
        "frame": np.array([sample.index for sample in samples], dtype=np.int64),
        "unreadable": np.array([_reason(sample) for sample in samples], dtype=str),
    }
    finished = [
        BOOLEANS.get(str(sample.found.info.get("finished"))) if isinstance(sample.found, Frame) else False
        for sample in samples
    ]
    return columns if None in finished else columns | {"finished": np.array(finished, dtype=bool)}


def _ids(samples: Sequence[_Sample]) -> list[str]:
    numbered = [f"s{index:06d}" for index in range(len(samples))]
    own = [  # without what arrays of text drop from their ends
        str(sample.found.info["id"]).rstrip("\0")
        if isinstance(sample.found, Frame) and "id" in sample.found.info
        else ""
        for sample in samples
    ]
    ids = [
        default if isinstance(sample.found, FormatError) else name
        for sample, name, default in zip(samples, own, numbered, strict=True)
    ]
    return ids if all(ids) and len(set(ids)) == len(ids) else numbered


def _reason(sample: _Sample) -> str:
    if isinstance(sample.found, Frame):
        return ""
    text = " ".join(str(sample.found).replace(str(sample.path), sample.name).splitlines())
    return text if len(text) <= MAX_REASON else text[: MAX_REASON - 3] + "..."
