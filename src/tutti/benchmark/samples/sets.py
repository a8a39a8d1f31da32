"""Sets of samples before they are judged: read from files, or controls made of real molecules."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tutti.benchmark.samples.controls import control
from tutti.chemistry.bonds.hydrogens import lacks_hydrogens
from tutti.chemistry.bonds.pool import SKELETON
from tutti.core import records
from tutti.core.elements import HYDROGEN
from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.io.samples import read_samples


def read(paths: Sequence[str | Path], charge: int = 0, folder: Path | None = None) -> Structures:
    """The samples of files and folders, see `numbered`.

    What cannot be read or judged, and files of a folder that are not looked at, are warned of. `charge` is
    the total charge of the samples whose file does not say one, `folder` where they lie if not in memory, see
    `tutti.io.samples.read_samples`.

    Raises:
        FormatError: when not a single sample can be read.
        FileNotFoundError: when a path does not exist.
    """
    structures = read_samples(paths, charge, folder)
    problems = structures.columns["unreadable"][structures.columns["unreadable"] != ""]
    if len(problems):
        text = f"{len(problems)} of {len(structures)} samples cannot be read; the first: {problems[0]}"
        warnings.warn(text, stacklevel=2)
    structures = numbered(structures)
    if SKELETON in structures.columns:
        number = int(structures.columns[SKELETON].sum())
        text = (
            f"{number} of {len(structures)} samples lack their hydrogens, without which bonds cannot be"
            " assigned: no validity (reason no_hydrogens); the assigner 'given' judges bonds that files bring"
        )
        warnings.warn(text, stacklevel=2)
    return structures


def of_generator(path: str | Path) -> Structures:
    """The samples of a generator that was trained here, see `read`; the record beside them has their hash.

    Raises:
        FileNotFoundError, DamagedFile: see `tutti.core.records.check`.
    """
    records.check(path, Path(path).with_suffix(".json"), "samples_sha256")
    return read([path])


def control_of_dataset(name: str, part: str, n: int, dataset: str | Path, splits: str | Path) -> Structures:
    """A control made of one split of a dataset or all of it, see `tutti.benchmark.samples.controls.control`.

    Args:
        name: of the control.
        part: "train", "test" or "all".
        n: molecules of an adversary.
        dataset: file of the dataset.
        splits: file of its splits.

    Raises:
        ValueError: when the dataset has a column `charge` that does not hold whole numbers.
    """
    structures = Structures.load(dataset)
    if part != "all":
        structures = structures[getattr(Splits.load(splits, structures), part)]
    molecules = control(name, structures, n)
    kept = {key: values for key, values in molecules.columns.items() if key in ("id", "charge")}
    if "charge" in kept:
        kept["charge"] = _whole(kept["charge"], dataset)
    bare = Structures(molecules.n_atoms, molecules.numbers, molecules.positions, source=molecules.source)
    return numbered(bare.with_columns(**kept))


def _whole(charges: np.ndarray, dataset: str | Path) -> np.ndarray:
    """Total charges as the assigners want them; a data set may have them with decimals."""
    numeric = charges.dtype.kind in "iuf"
    if not numeric or not (charges == np.round(charges)).all():
        shown = charges[charges != np.round(charges)][0] if numeric else charges[0]
        raise ValueError(f"{dataset}: the column 'charge' of a molecule is a whole number, not {shown}")
    return charges.astype(np.int64)


def numbered(structures: Structures) -> Structures:
    """With each sample's place as column `index`, and a name as column `id` where they have none.

    If no sample has a hydrogen atom and most lack theirs, the column `SKELETON` says which. In another set a
    sample without hydrogens is a sample like others.
    """
    places = np.arange(len(structures))
    named = {} if "id" in structures.columns else {"id": np.array([f"s{i:06d}" for i in places], dtype=str)}
    if not (structures.numbers == HYDROGEN).any():
        finite = structures.finite & (structures.n_atoms > 0)
        skeletons = np.array(
            [ok and lacks_hydrogens(*structures.frame(i)) for i, ok in enumerate(finite)], bool
        )
        if 2 * skeletons.sum() > finite.sum():
            named[SKELETON] = skeletons
    return structures.with_columns(index=places, **named)


def part_of(structures: Structures, part: str) -> Structures:
    """A part of a set: all of it where `part` is empty, of `-part2of4` the second of four equal ones."""
    if not part:
        return structures
    index, number = map(int, part.removeprefix("-part").split("of"))
    bounds = np.linspace(0, len(structures), number + 1).astype(int)
    return structures[bounds[index - 1] : bounds[index]]
