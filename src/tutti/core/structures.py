"""The one data type of the pipeline: many structures packed into ragged arrays."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import ase
import numpy as np

from tutti.core import ase_atoms, json_text, npz, ragged
from tutti.core.elements import SYMBOLS

ROWS = {
    "n_atoms": ("structures", ()),
    "numbers": ("atoms", ()),
    "positions": ("atoms", (3,)),
    "energy": ("structures", ()),
    "forces": ("atoms", (3,)),
    "cell": ("structures", (3, 3)),
    "pbc": ("structures", (3,)),
    "fixed": ("atoms", ()),
    "formal_charges": ("atoms", ()),
    "n_bonds": ("structures", ()),
    "bond_atoms": ("bonds", (2,)),
    "bond_orders": ("bonds", ()),
}
"""Arrays of `Structures`: what their rows are of, and the shape of a row."""
TOGETHER = (("cell", "pbc"), ("formal_charges", "n_bonds", "bond_atoms", "bond_orders"))
"""Arrays that are there together or not at all."""


@dataclass(frozen=True)
class Structures:
    """N structures with ΣN atoms in all.

    Attributes:
        n_atoms: [N] int64, atoms in each structure (0 is allowed: a sample may be empty).
        numbers: [ΣN] uint8, atomic numbers.
        positions: [ΣN, 3] float, Å. May hold NaN for samples of a generator; readers of data refuse it.
        energy: [N] float, eV.
        forces: [ΣN, 3] float, eV/Å.
        cell: [N, 3, 3] float, Å, rows are the cell vectors.
        pbc: [N, 3] bool.
        fixed: [ΣN] bool, atoms that relaxations and simulations may not move.
        formal_charges: [ΣN] int8, of the atoms in a file that says which are bonded.
        n_bonds: [N] int64, bonds of each structure that the file says; 0 where it says nothing.
        bond_atoms: [ΣB, 2] int64, places of a bond's atoms in their structure, the lower one first.
        bond_orders: [ΣB] float, 1, 1.5 (aromatic), 2 or 3.
        columns: further arrays of length N by name (`smiles`, `homo`, `finished`, ...).
        units: unit of every column that has one; energies are eV and lengths Å throughout.
        free_atoms: eV by symbol, energies of isolated atoms by the method that the energies are of.
        source: where the data come from, with the hash of the raw file or of the recipe.

    Raises:
        ValueError: when the arrays do not fit each other.
    """

    n_atoms: np.ndarray
    numbers: np.ndarray
    positions: np.ndarray
    energy: np.ndarray | None = None
    forces: np.ndarray | None = None
    cell: np.ndarray | None = None
    pbc: np.ndarray | None = None
    fixed: np.ndarray | None = None
    formal_charges: np.ndarray | None = None
    n_bonds: np.ndarray | None = None
    bond_atoms: np.ndarray | None = None
    bond_orders: np.ndarray | None = None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    free_atoms: Mapping[str, float] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        n = len(self.n_atoms)
        totals = {"structures": n, "atoms": int(np.sum(self.n_atoms))}
        totals["bonds"] = 0 if self.n_bonds is None else int(np.sum(self.n_bonds))
        for name, (of, shape) in ROWS.items():
            array, expected = getattr(self, name), (totals[of], *shape)
            if array is not None and array.shape != expected:
                raise ValueError(f"Structures.{name} has shape {array.shape}, expected {expected}")
        for names in TOGETHER:
            if len({getattr(self, name) is None for name in names}) > 1:
                given = " and ".join(f"Structures.{name}" for name in names)
                raise ValueError(f"{given} are given together or not at all")
        if self.n_bonds is not None and ragged.no_pairs(self.bond_atoms, self.n_bonds, self.n_atoms).any():
            raise ValueError(
                "Structures.bond_atoms has a bond that is no two atoms of its structure in order"
            )
        for name, column in self.columns.items():
            if not isinstance(column, np.ndarray) or column.dtype.hasobject:
                raise ValueError(f"Structures column '{name}' is no array of numbers, truth values or text")
            if column.shape[:1] != (n,):
                raise ValueError(f"Structures column '{name}' has shape {column.shape}, expected ({n}, ...)")

    @cached_property
    def offsets(self) -> np.ndarray:
        """[N + 1] int64: the atoms of structure i are rows offsets[i] ... offsets[i + 1] - 1."""
        return ragged.offsets(self.n_atoms)

    @cached_property
    def finite(self) -> np.ndarray:
        """[N] bool: structures all of whose positions are finite numbers."""
        owners = ragged.owners(self.n_atoms)
        return np.bincount(owners, ~np.isfinite(self.positions).all(1), minlength=len(self)) == 0

    def __len__(self) -> int:
        return len(self.n_atoms)

    def __getitem__(self, index: slice | np.ndarray | Sequence[int]) -> Self:
        """Structures of a slice (step 1: views, nothing is copied), of indices or of a boolean mask.

        Raises:
            TypeError: for a single index; use `frame(i)` or a slice of length one.
            IndexError: when an index or the mask's length does not fit.
        """
        if isinstance(index, slice) and index.step in (None, 1):
            start, stop, _ = index.indices(len(self))
            rows = slice(start, max(start, stop))
        else:
            if np.ndim(index) == 0 and not isinstance(index, slice):
                raise TypeError(f"Structures[{index}]: use frame({index}), or a slice of length one")
            # An empty list would otherwise be an array of floats.
            chosen = index if isinstance(index, slice) or len(index) else np.empty(0, np.int64)
            rows = np.arange(len(self))[chosen if isinstance(chosen, slice) else np.asarray(chosen)]
        return self._select(rows)

    def atom_rows(self, rows: np.ndarray) -> np.ndarray:
        """Row numbers, in the per-atom arrays, of all atoms of the structures `rows`, in that order."""
        return ragged.rows_of(rows, self.offsets)

    def _select(self, rows: slice | np.ndarray) -> Self:
        of = {"structures": rows, "atoms": ragged.rows_of(rows, self.offsets)}
        if self.n_bonds is not None:
            of["bonds"] = ragged.rows_of(rows, self._bond_offsets)
        arrays = {name: getattr(self, name) for name in ROWS}
        chosen = {name: a[of[ROWS[name][0]]] for name, a in arrays.items() if a is not None}
        return replace(self, **chosen, columns={name: column[rows] for name, column in self.columns.items()})

    @cached_property
    def _bond_offsets(self) -> np.ndarray:
        return ragged.offsets(self.n_bonds)

    def frame(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """(numbers [n], positions [n, 3]) of structure i, as views."""
        atoms = slice(self.offsets[i], self.offsets[i + 1])
        return self.numbers[atoms], self.positions[atoms]

    def bonds(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """(atoms [b, 2], orders [b], formal charges [n]) of structure i, as views; None without bonds."""
        if self.n_bonds is None or not self.n_bonds[i]:
            return None
        bonds = slice(self._bond_offsets[i], self._bond_offsets[i + 1])
        atoms = slice(self.offsets[i], self.offsets[i + 1])
        return self.bond_atoms[bonds], self.bond_orders[bonds], self.formal_charges[atoms]

    def with_columns(self, units: Mapping[str, str] | None = None, **columns: np.ndarray) -> Self:
        """A copy with further (or replaced) columns and their units."""
        return replace(self, columns={**self.columns, **columns}, units={**self.units, **(units or {})})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all contents: the identity of a dataset in splits and in provenance."""
        digest = hashlib.sha256(json.dumps(dict(self.units), sort_keys=True).encode())
        if self.free_atoms:
            digest.update(json.dumps(dict(self.free_atoms), sort_keys=True).encode())
        for name, array in sorted(self._arrays().items()):
            digest.update(f"{name}{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {name: getattr(self, name) for name in ROWS}
        arrays |= {f"column:{name}": column for name, column in self.columns.items()}
        return {name: array for name, array in arrays.items() if array is not None}

    def save(self, path: str | Path) -> None:
        """Write one uncompressed .npz, atomically. Same contents give the same bytes."""
        said = {"units": dict(self.units), "source": self.source}
        said |= {"free_atoms": dict(self.free_atoms)} if self.free_atoms else {}
        metadata = json.dumps(said, sort_keys=True)
        npz.write(path, {"metadata": np.array(metadata), **self._arrays()})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote. Never unpickles.

        Raises:
            FileNotFoundError: when there is no such file.
            ValueError: when the file is no .npz of this package, or damaged.
        """
        arrays = npz.read(path)
        try:
            metadata = json_text.loads(str(arrays.pop("metadata")))
            own = {name.removeprefix("column:"): arrays.pop(name) for name in list(arrays) if ":" in name}
            return cls(**arrays, columns=own, **metadata)
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"{path}: not a structures file written by tutti ({error})") from error

    @classmethod
    def from_frames(cls, frames: Sequence[tuple[np.ndarray, np.ndarray]], **fields: object) -> Self:
        """Pack (numbers [n], positions [n, 3]) pairs; `fields` are further fields of the class.

        Raises:
            ValueError: when an atomic number is not in 1 ... 118, or shapes do not fit.
        """
        numbers = [np.asarray(z) for z, _ in frames]
        packed = np.concatenate([np.empty(0, np.uint8), *numbers])
        if len(packed) and not 1 <= packed.min() <= packed.max() < len(SYMBOLS):
            raise ValueError(f"atomic numbers go from 1 to 118, found {packed.min()} to {packed.max()}")
        positions = [np.asarray(x, dtype=float) for _, x in frames]
        return cls(
            n_atoms=np.array([len(z) for z in numbers], dtype=np.int64),
            numbers=packed.astype(np.uint8),
            positions=np.concatenate(
                [np.empty((0, 3)), *(x if x.ndim == 2 else x.reshape(-1, 3) for x in positions)]
            ),
            **fields,
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """One after another. Only fields and columns that all parts have, with the same units, are allowed.

        Raises:
            ValueError: when the parts differ in fields, columns, units or free atoms, or when there are none.
        """
        if not parts:
            raise ValueError("nothing to concatenate")
        first = parts[0]
        arrays = [part._arrays() for part in parts]
        if any(a.keys() != arrays[0].keys() for a in arrays) or any(p.units != first.units for p in parts):
            raise ValueError("the structures to concatenate differ in their fields, columns or units")
        if any(part.free_atoms != first.free_atoms for part in parts):
            raise ValueError("the structures to concatenate differ in the energies of their free atoms")
        for name in arrays[0]:
            kinds = {a[name].dtype.kind for a in arrays}
            # Numbers and text would be joined as text.
            if "U" in kinds and len(kinds) > 1:
                raise ValueError(f"'{name}' is text in some of the structures to concatenate, not in all")
        sources = " + ".join(dict.fromkeys(part.source for part in parts))
        joined = {name: np.concatenate([a[name] for a in arrays]) for name in arrays[0]}
        own = {name.removeprefix("column:"): joined.pop(name) for name in list(joined) if ":" in name}
        said = {"units": first.units, "free_atoms": first.free_atoms, "source": sources}
        return cls(**joined, columns=own, **said)

    @classmethod
    def from_ase(cls, frames: Sequence[ase.Atoms], source: str = "") -> Self:
        """Pack ASE atoms: what `tutti.core.ase_atoms.fields` finds in them."""
        packed = [(atoms.numbers, atoms.positions) for atoms in frames]
        return cls.from_frames(packed, **ase_atoms.fields(frames), source=source)

    def to_ase(self) -> Iterator[ase.Atoms]:
        """Structures as ASE atoms, see `tutti.core.ase_atoms.atoms_of`."""
        return ase_atoms.atoms_of(self)
