"""What a force field takes from its training set before it is trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from tutti.core import ragged
from tutti.core.properties import KEYS
from tutti.core.structures import Structures
from tutti.models.forcefields.config import ForceFieldConfig
from tutti.models.species import Species

NO_OFFSET = ("mu", "dipole", "r2")
"""Targets that are made of charges and positions: neither a sum over atoms nor around a mean."""


@dataclass(frozen=True)
class Statistics:
    """Of S species.

    Attributes:
        references: [S] float64, contribution of an atom of each species to an extensive target.
        offset: [] float64, mean of an intensive target.
        binding: [S], what an atom in a structure has on average beside its reference, where the references
            are of free atoms; else 0.
        scale: [S], size of what is left: for energies with forces the root mean square of each species' force
            components (eV/Å); else the standard deviation of the remainder, of extensive ones per √atoms.
        seen: [S] bool, species that occur.
    """

    references: np.ndarray
    offset: np.ndarray
    binding: np.ndarray
    scale: np.ndarray
    seen: np.ndarray

    @classmethod
    def of(cls, structures: Structures, species: Species, config: ForceFieldConfig) -> Self:
        """Statistics of a training set.

        Raises:
            ValueError: when it lacks the target, or a value is not finite.
        """
        values = target_values(structures, config.target)
        kinds, n_species = species.of(structures.numbers), len(species)
        owner = ragged.owners(structures.n_atoms)
        counts = np.bincount(owner * n_species + kinds, minlength=len(structures) * n_species)
        counts = counts.reshape(len(structures), n_species).astype(float)
        references, offset, rest = np.zeros(n_species), np.zeros(()), values
        if config.target == "energy" and (given := _given(structures, config)) is not None:
            references = np.array([given[symbol] for symbol in species.symbols])
            rest = values - counts @ references
        elif config.target in NO_OFFSET:
            pass
        elif KEYS[config.target].extensive:
            references = np.linalg.lstsq(counts, values, rcond=None)[0]
            rest = values - counts @ references
        else:
            offset = values.mean()
            rest = values - offset
        binding = _per_atom(rest, counts) if config.exact_free_atoms else np.zeros(n_species)
        rest = rest - counts @ binding
        scale = np.full(n_species, _scatter(rest, structures.n_atoms, KEYS[config.target].extensive))
        if config.target == "energy" and structures.forces is not None:
            scale = _force_scales(structures.forces, kinds, n_species)
        return cls(references, np.asarray(offset), binding, scale, counts.sum(0) > 0)


def _given(structures: Structures, config: ForceFieldConfig) -> Mapping[str, float] | None:
    """Reference energies by symbol; None where they are to be fitted."""
    if config.references == "isolated":
        return structures.free_atoms
    return config.references if isinstance(config.references, dict) else None


def target_values(structures: Structures, target: str) -> np.ndarray:
    """[N] the target of each structure.

    Raises:
        ValueError: when there is none, or one (or a force) is not finite; the message names the structure.
    """
    values = structures.energy if target == "energy" else structures.columns.get(target)
    if values is None:
        there = ", ".join([*(["energy"] if structures.energy is not None else []), *structures.columns])
        raise ValueError(f"the dataset has no '{target}' to learn (it has {there or 'positions only'})")
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ValueError(
            f"the '{target}' of structure {bad[0]} is {values[bad[0]]}; leave it out of the data"
        )
    if target == "energy" and structures.forces is not None:
        atoms = np.flatnonzero(~np.isfinite(structures.forces).all(axis=1))
        if len(atoms):
            broken = int(np.searchsorted(structures.offsets, atoms[0], side="right") - 1)
            raise ValueError(f"structure {broken} has a force that is not finite; leave it out of the data")
    return np.asarray(values, dtype=float)


def _force_scales(forces: np.ndarray, species: np.ndarray, n_species: int) -> np.ndarray:
    """Root mean square of the force components of each species; that of all atoms for those without any."""
    squares = np.square(forces).mean(1)
    counts = np.bincount(species, minlength=n_species)
    overall = squares.mean()
    mean = np.where(counts > 0, np.bincount(species, squares, n_species) / np.maximum(counts, 1), overall)
    mean = np.where(mean > 0, mean, overall)
    return np.sqrt(mean) if overall > 0 else np.ones(n_species)


def _per_atom(rest: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[S] least squares of the remainder, as near to one value for all elements as the data allow."""
    total = counts.sum(1)
    common = total @ rest / (total @ total)
    return common + np.linalg.lstsq(counts, rest - common * total, rcond=None)[0]


def _scatter(rest: np.ndarray, n_atoms: np.ndarray, extensive: bool) -> float:
    found = float(np.std(rest / np.sqrt(n_atoms) if extensive else rest))
    return found if found > 0 else 1.0
