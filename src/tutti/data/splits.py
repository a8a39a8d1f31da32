"""Division of a dataset into training, validation and test parts, tied to the dataset by its digest.

Examples of the literature, of the 130,831 molecules of QM9:
    generative models: SplitConfig(train=100_000, valid=17_748, test=13_083), as for EDM and Symphony
    properties: SplitConfig(train=110_000, valid=10_000, test="rest"), as for SchNet and PaiNN
"""

import hashlib
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from tutti.core import records
from tutti.core.files import short
from tutti.core.randomness import numpy_generator
from tutti.core.registry import closest
from tutti.core.structures import Structures
from tutti.data.leakage import leakage

PARTS = ("train", "valid", "test")
MARKS = {part: part for part in PARTS} | {"training": "train", "val": "valid", "validation": "valid"}
"""What a column may call the parts, in any case."""
Size = int | float | Literal["rest"]


@dataclass(frozen=True)
class SplitConfig:
    """Sizes of the parts.

    Attributes:
        train: an int is a number of structures, a float a fraction of all (rounded down), "rest" all that
            the other two leave.
        valid: likewise; may be 0.
        test: likewise; may be 0.
        seed: of the permutation whose first structures are the training set, the next the validation set
            and the next the test set. What the sizes leave over is used nowhere.
        column: name of a column of text that says where parts may be drawn from: each only from structures
            with its mark, see `MARKS`; where none is marked "valid", the validation set from those for
            training. Fractions and "rest" then refer to these.

    Raises:
        ValueError: when a size is negative, a fraction above 1, or "rest" stands twice without a column.
    """

    train: Size
    valid: Size
    test: Size
    seed: int = 0
    column: str | None = None

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in PARTS}
        if self.column is None:
            self._check_rest(PARTS)
        for name, size in sizes.items():
            if size == "rest":
                continue
            if isinstance(size, float) and not 0 <= size <= 1:
                raise ValueError(
                    f"{name}: {size} is no fraction; write a number of structures without a point"
                )
            if size < 0:
                raise ValueError(f"{name}: {size} is negative")

    def pools(self, marked: Collection[str]) -> dict[str | None, tuple[str, ...]]:
        """The parts that are drawn from the same structures, by the mark of these in the column.

        Args:
            marked: the marks of `PARTS` that occur in the column.
        """
        if self.column is None:
            return {None: PARTS}
        if "valid" in marked:
            return {part: (part,) for part in PARTS}
        return {"train": PARTS[:2], "test": PARTS[2:]}

    def _check_rest(self, names: Sequence[str]) -> None:
        if [getattr(self, name) for name in names].count("rest") > 1:
            raise ValueError(f"only one of {', '.join(names[:-1])} and {names[-1]} can be 'rest'")

    def counts(self, n: int, names: tuple[str, ...] = PARTS) -> tuple[int, ...]:
        """Structures in each of the parts `names`, which are drawn from n.

        Raises:
            ValueError: when they exceed the dataset, several are the rest, or no structure is left for
                training.
        """
        self._check_rest(names)
        sizes = {name: getattr(self, name) for name in names}
        # A hair is added because 0.29 * 100 is 28.999999999999996.
        counts = {k: int(s * n + 1e-9) if isinstance(s, float) else s for k, s in sizes.items()}
        given = sum(count for count in counts.values() if count != "rest")
        wanted = ", ".join(f"{name} {size}" for name, size in sizes.items())
        if given > n:
            marked = f" marked for it in column '{self.column}'" if self.column else ""
            raise ValueError(f"the split ({wanted}) needs {given} structures; the dataset has {n}{marked}")
        counts = {name: n - given if count == "rest" else count for name, count in counts.items()}
        if counts.get("train") == 0:
            raise ValueError(f"the split ({wanted}) of {n} structures leaves none for training")
        return tuple(counts.values())


@dataclass(frozen=True)
class Splits:
    """Indices of the structures in each part, in the order of the permutation.

    Attributes:
        train: [n_train] int64; the first k are themselves a random training set of k.
        valid: [n_valid] int64.
        test: [n_test] int64.
        seed: of the permutation.
        digest: `Structures.digest` of the dataset.
        leakage: what occurs in two parts, see the function of that name.
        ids: [N] str, column `id` of the whole dataset, where it has one.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    seed: int
    digest: str
    leakage: dict[str, Any]
    ids: np.ndarray | None = None

    def save(self, path: str | Path) -> None:
        """Write as .json, atomically; the ids of each part stand in it beside the indices."""
        content: dict[str, Any] = {
            "dataset_digest": self.digest,
            "seed": self.seed,
            "sizes": {name: len(getattr(self, name)) for name in PARTS},
            "leakage": self.leakage,
        }
        content |= {name: getattr(self, name).tolist() for name in PARTS}
        if self.ids is not None:
            content |= {f"{name}_ids": self.ids[getattr(self, name)].tolist() for name in PARTS}
        records.write(path, content, flat=True)

    @classmethod
    def load(cls, path: str | Path, structures: Structures) -> Self:
        """Read what `save` wrote, for the dataset that it was made for.

        Raises:
            ValueError: when the file is no splits file, or belongs to another dataset.
        """
        content = records.read(path)
        try:
            parts = [np.array(content[name], dtype=np.int64) for name in PARTS]
            digest, seed, leaks = content["dataset_digest"], content["seed"], content["leakage"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a splits file written by tutti ({error!r})") from error
        if digest != structures.digest:
            raise ValueError(
                f"{path}: made for another dataset: its digest is {short(digest)}, that of the given one "
                f"({len(structures)} structures) is {short(structures.digest)}; make the splits again"
            )
        ids = structures.columns.get("id")
        return cls(*parts, seed=seed, digest=digest, leakage=leaks, ids=ids)

    @property
    def training_digest(self) -> str:
        """SHA-256 of what a training sees: the indices of the structures for training and validation."""
        indices = [np.asarray(part, dtype="<i8").tobytes() for part in (self.train, self.valid)]
        return hashlib.sha256(b"|".join(indices)).hexdigest()

    @property
    def example(self) -> np.ndarray:
        """[1] a structure to look at: the first that no model is trained on, where there is one.

        Raises:
            ValueError: when all parts are empty.
        """
        found = next((part[:1] for part in (self.test, self.valid, self.train) if len(part)), None)
        if found is None:
            raise ValueError("the splits are empty")
        return found

    def first(self, size: int | None) -> Self:
        """The same splits with only the first `size` structures to train on; None: all.

        Raises:
            ValueError: when there are not so many.
        """
        if size is not None and size > len(self.train):
            raise ValueError(f"{size} structures to train on, but the split has {len(self.train)}")
        return replace(self, train=self.train[:size])


def make_splits(structures: Structures, config: SplitConfig) -> Splits:
    """Divide a dataset at random, within what the column allows, and warn of all that occurs in two parts.

    Raises:
        ValueError: when the sizes do not fit the dataset, or it has no such column.
    """
    permutation = numpy_generator(config.seed, "splits").permutation(len(structures))
    parts: dict[str, np.ndarray] = {}
    marks = None if config.column is None else _marks(structures, config.column)
    for mark, names in config.pools(set() if marks is None else set(marks)).items():
        pool = permutation if marks is None else permutation[marks[permutation] == mark]
        counts = config.counts(len(pool), names)
        parts |= zip(names, np.split(pool[: sum(counts)], np.cumsum(counts)[:-1]), strict=True)
    leaks = leakage(structures, parts)
    _warn(leaks, parts)
    ids = structures.columns.get("id")
    return Splits(**parts, seed=config.seed, digest=structures.digest, leakage=leaks, ids=ids)


def _marks(structures: Structures, column: str) -> np.ndarray:
    """[N] the part of `PARTS` that each structure is marked for; others are empty, and warned of by name."""
    texts = structures.columns.get(column)
    if texts is None or texts.dtype.kind != "U":
        known = [name for name, values in structures.columns.items() if values.dtype.kind == "U"]
        raise ValueError(f"column: the dataset has no column of text {closest(column, known)}")
    values, places = np.unique(texts, return_inverse=True)
    parts = np.array([MARKS.get(value.lower(), "") for value in values.tolist()], dtype=str)
    others = [value for value, part in zip(values.tolist(), parts, strict=True) if value and not part]
    if others:
        count, shown = int(np.isin(texts, others).sum()), ", ".join(map(repr, others[:3]))
        what = f"{count} of {len(texts)} structures are in no part"
        warnings.warn(f"column '{column}': {what}: they are marked {shown}", stacklevel=3)
    return parts[places]


def _warn(leaks: dict[str, Any], parts: dict[str, np.ndarray]) -> None:
    what = {"structures": "a structure identical to one", "smiles": "the SMILES of one"}
    for kind, meaning in what.items():
        for pair, found in leaks.get(kind, {}).items():
            first, second = pair.split("-")
            if found["count"]:
                warnings.warn(
                    f"leakage: {found['count']} of {len(parts[second])} in {second} have {meaning} in "
                    f"{first}; indices (in {first}, in {second}): {found['examples'][:3]}",
                    stacklevel=3,
                )
