"""Division of a dataset into training, validation and test parts, tied to the dataset by its digest.

Examples of the literature, of the 130,831 molecules of QM9:
    generative models: SplitConfig(train=100_000, valid=17_748, test=13_083), as for EDM and Symphony
    properties: SplitConfig(train=110_000, valid=10_000, test="rest"), as for SchNet and PaiNN
"""

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, islice
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from scipy.spatial import cKDTree

from tutti.files import write_text
from tutti.randomness import numpy_generator
from tutti.registry import closest
from tutti.structures import Structures

PARTS = ("train", "valid", "test")
# Å. Copies of a molecule that were relaxed independently differ by less; distinct ones differ by more: in
# the 7,101 molecules of QM7 the same 15 pairs are found for any tolerance from 0.001 to 0.1.
TOLERANCE = 0.01
EXAMPLES = 10
CANDIDATES = 8
CHUNK_PAIRS = 2_000_000

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
        column: name of a column of text that says where parts may be drawn from: training and validation set
            only from structures marked "train", the test set only from those marked "test". Fractions and
            "rest" then refer to these.

    Raises:
        ValueError: when a size is negative, a fraction above 1, or "rest" stands twice for the same
            structures.
    """

    train: Size
    valid: Size
    test: Size
    seed: int = 0
    column: str | None = None

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in PARTS}
        for names in self.pools.values():
            if [sizes[name] for name in names].count("rest") > 1:
                raise ValueError(f"only one of {', '.join(names[:-1])} and {names[-1]} can be 'rest'")
        for name, size in sizes.items():
            if size == "rest":
                continue
            if isinstance(size, float) and not 0 <= size <= 1:
                raise ValueError(
                    f"{name}: {size} is no fraction; write a number of structures without a point"
                )
            if size < 0:
                raise ValueError(f"{name}: {size} is negative")

    @property
    def pools(self) -> dict[str | None, tuple[str, ...]]:
        """The parts that are drawn from the same structures, by the mark of these in the column."""
        return {None: PARTS} if self.column is None else {"train": PARTS[:2], "test": PARTS[2:]}

    def counts(self, n: int, names: tuple[str, ...] = PARTS) -> tuple[int, ...]:
        """Structures in each of the parts `names`, which are drawn from n.

        Raises:
            ValueError: when they exceed the dataset, or no structure is left for training.
        """
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
        lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
        write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")

    @classmethod
    def load(cls, path: str | Path, structures: Structures) -> Self:
        """Read what `save` wrote, for the dataset that it was made for.

        Raises:
            ValueError: when the file is no splits file, or belongs to another dataset.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            parts = [np.array(content[name], dtype=np.int64) for name in PARTS]
            digest, seed, leaks = content["dataset_digest"], content["seed"], content["leakage"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a splits file written by tutti ({error!r})") from error
        if digest != structures.digest:
            raise ValueError(
                f"{path}: made for another dataset: its digest is {digest[:12]}..., that of the given one "
                f"({len(structures)} structures) is {structures.digest[:12]}...; make the splits again"
            )
        ids = structures.columns.get("id")
        return cls(*parts, seed=seed, digest=digest, leakage=leaks, ids=ids)

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
    for mark, names in config.pools.items():
        pool = permutation[_allowed(structures, config.column, mark)[permutation]]
        counts = config.counts(len(pool), names)
        parts |= zip(names, np.split(pool[: sum(counts)], np.cumsum(counts)[:-1]), strict=True)
    leaks = leakage(structures, parts)
    _warn(leaks, parts)
    ids = structures.columns.get("id")
    return Splits(**parts, seed=config.seed, digest=structures.digest, leakage=leaks, ids=ids)


def _allowed(structures: Structures, column: str | None, mark: str | None) -> np.ndarray:
    """[N] bool: which structures have that mark in the column; all where there is no column."""
    if column is None:
        return np.ones(len(structures), bool)
    marks = structures.columns.get(column)
    if marks is None or marks.dtype.kind != "U":
        known = [name for name, values in structures.columns.items() if values.dtype.kind == "U"]
        raise ValueError(f"column: the dataset has no column of text {closest(column, known)}")
    return marks == mark


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


def leakage(structures: Structures, parts: dict[str, np.ndarray]) -> dict[str, Any]:
    """What occurs in two parts at once.

    Two structures count as identical when they have the same elements and the sorted lists of their
    distances, one for each pair of elements, agree within TOLERANCE: then they are the same up to rotation,
    translation, reflection and the order of atoms. Periodic images are not considered: a copy wrapped
    otherwise is not found.

    Args:
        structures: the dataset.
        parts: indices of each part.

    Returns:
        {"tolerance": Å, "structures": {"train-test": {"count", "examples"}, ...}, "smiles": likewise, where
        the dataset has a column `smiles`}: how many structures of the second part have their like in the
        first, and up to ten index pairs (in the first, in the second).
    """
    pairs = list(combinations(parts, 2))
    found: dict[str, dict[str, list]] = {"structures": {f"{a}-{b}": [] for a, b in pairs}}
    for rows, prints in _fingerprints(structures):
        inside = {name: np.isin(rows, part) for name, part in parts.items()}
        for a, b in pairs:
            near = _candidates(prints[inside[a]], prints[inside[b]])
            hits = _confirmed(structures, rows[inside[a]], rows[inside[b]], near)
            found["structures"][f"{a}-{b}"] += hits
    if "smiles" in structures.columns:
        found["smiles"] = {f"{a}-{b}": _same_smiles(structures, parts[a], parts[b]) for a, b in pairs}
    return {"tolerance": TOLERANCE} | {
        kind: {
            pair: {"count": len(hits), "examples": sorted(hits)[:EXAMPLES]} for pair, hits in by_pair.items()
        }
        for kind, by_pair in found.items()
    }


def _candidates(known: np.ndarray, new: np.ndarray) -> np.ndarray:
    """[len(new), CANDIDATES] rows of `known` nearest to each of the new fingerprints; len(known) for none."""
    if not len(known) or not len(new):
        return np.full((len(new), CANDIDATES), len(known))
    return cKDTree(known).query(new, k=CANDIDATES, p=np.inf, distance_upper_bound=TOLERANCE)[1]


def _confirmed(
    structures: Structures, known: np.ndarray, new: np.ndarray, candidates: np.ndarray
) -> list[list[int]]:
    """[index in `known`, index in `new`] of each of the new structures that has an identical candidate."""
    hits = []
    for row in np.flatnonzero((candidates < len(known)).any(axis=1)):
        options = known[candidates[row][candidates[row] < len(known)]]
        same = (i for i in options if _identical(structures.frame(i), structures.frame(new[row])))
        hits += [[int(i), int(new[row])] for i in islice(same, 1)]
    return hits


def _identical(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether two structures of the same elements have the same distances."""
    difference = _sorted_distances(*first) - _sorted_distances(*second)
    return np.abs(difference).max(initial=0) <= TOLERANCE


def _sorted_distances(numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """[n (n - 1) / 2] distances (Å) of all pairs of atoms, sorted by the pair's elements and by distance."""
    i, j = np.triu_indices(len(numbers), 1)
    elements = np.sort(np.column_stack([numbers[i], numbers[j]]), axis=1)
    distances = np.linalg.norm(positions[i] - positions[j], axis=1)
    return distances[np.lexsort([distances, elements[:, 0], elements[:, 1]])]


def _same_smiles(structures: Structures, known: np.ndarray, new: np.ndarray) -> list[list[int]]:
    smiles = structures.columns["smiles"]
    first = {text: index for text, index in zip(smiles[known].tolist(), known.tolist(), strict=True) if text}
    texts = zip(smiles[new].tolist(), new.tolist(), strict=True)
    return [[first[text], index] for text, index in texts if text in first]


def _fingerprints(structures: Structures) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Descriptions that agree within TOLERANCE (Å) in every component for identical structures.

    Per atom, the mean and the root mean square of its distances to the others, each list sorted within an
    element; the element is part of every component (1000 times its atomic number), so that different
    compositions are far apart.

    Yields:
        (rows [M], descriptions [M, 2n]) for each number n of atoms that occurs.
    """
    for n in np.unique(structures.n_atoms):
        rows = np.flatnonzero(structures.n_atoms == n)
        step = max(1, CHUNK_PAIRS // max(1, n * n))
        chunks = [_moments(structures, rows[i : i + step], n) for i in range(0, len(rows), step)]
        yield rows, np.concatenate(chunks)


def _moments(structures: Structures, rows: np.ndarray, n: int) -> np.ndarray:
    atoms = structures.atom_rows(rows)
    positions = structures.positions[atoms].reshape(len(rows), n, 3)
    elements = 1000.0 * structures.numbers[atoms].reshape(len(rows), n)
    squares = ((positions[:, :, None] - positions[:, None]) ** 2).sum(-1)  # [M, n, n]
    others = max(1, n - 1)
    moments = np.sqrt(squares).sum(-1) / others, np.sqrt(squares.sum(-1) / others)
    return np.concatenate([np.sort(elements + moment, axis=1) for moment in moments], axis=1)
