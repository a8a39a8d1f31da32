"""ASE trajectories (.traj), in ASE's units: eV and Å unless others are given.

Nothing is unpickled: the container, ulm, is JSON text and raw numbers (`ase.io.ulm`), and the JSON reader
makes objects of a fixed list (`ase.io.jsonio`). The pickled trajectories of ASE before 3.9 begin otherwise,
and are refused.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import ase
import numpy as np
from ase.io.trajectory import TrajectoryReader

from tutti.core.ase_atoms import fixed_atoms
from tutti.core.units import Scales
from tutti.io.frames import Frame, stress_matrix
from tutti.io.labels import KEYS, Labels
from tutti.io.text import FormatError, number


def frames(path: Path, units: Mapping[str, str], labels: Labels) -> Iterator[Frame]:
    """Frames of a trajectory; energies and forces are those of its calculator, `info` becomes columns.

    Other names of them are looked up in the calculator's results, `info` and the atoms' arrays.

    Raises:
        FormatError: when the file is no trajectory of ASE, or damaged.
    """
    scales = Scales.of(units, energy="eV", length="Å")
    try:
        with TrajectoryReader(path) as trajectory:
            for i, atoms in enumerate(trajectory):
                yield of_atoms(atoms, f"{path}: frame {i}", scales, labels)
    except (FormatError, MemoryError):
        raise
    except OSError as error:
        raise FormatError(str(path), "a trajectory of ASE 3.9 or later", str(error)) from error
    except Exception as error:  # a damaged trajectory raises errors of a dozen types
        raise FormatError(str(path), "a readable ASE trajectory", repr(error)) from error


def of_atoms(atoms: ase.Atoms, where: str, scales: Scales, labels: Labels) -> Frame:
    """The frame of an ASE object; it has a cell where any direction is periodic or any vector is not zero."""
    results = dict(atoms.calc.results) if atoms.calc else {}
    arrays = {name: array for name, array in atoms.arrays.items() if name not in ("numbers", "positions")}
    values = {**atoms.info, **arrays, **results}
    energy, forces, stress = (labels.take(label, values) for label in KEYS)
    periodic = bool(atoms.pbc.any() or atoms.cell.any())
    frame = Frame(
        numbers=atoms.numbers,
        positions=atoms.positions * scales.length,
        path=where,
        cell=atoms.cell.array * scales.length if periodic else None,
        pbc=atoms.pbc if periodic else None,
        fixed=fixed_atoms(atoms.constraints, len(atoms)),
        info={name: values[name] for name in atoms.info if name in values},
        scalars=tuple(name for name in results if name in values and np.size(values[name]) == 1),
        vectors=vectors(values, len(atoms)),
    )
    set_labels(frame, scales, energy, forces, stress)
    return frame


def vectors(values: Mapping[str, object], n_atoms: int) -> tuple[str, ...]:
    """Names of the values that are three real numbers for each atom."""
    arrays = {name: np.asarray(value) for name, value in values.items()}
    return tuple(name for name, a in arrays.items() if a.shape == (n_atoms, 3) and a.dtype.kind == "f")


def set_labels(frame: Frame, scales: Scales, energy: object, forces: object, stress: object) -> None:
    """Give a frame its labels, of which each may be None, in eV and Å.

    Raises:
        FormatError: when one has another shape.
    """
    if energy is not None:
        frame.energy = number(str(np.asarray(energy).item()), frame.where()) * scales.energy
    if forces is not None:
        frame.forces = np.asarray(forces, dtype=float) * scales.forces
        if frame.forces.shape != np.shape(frame.positions):
            raise FormatError(frame.where(), "three numbers of forces for each atom", str(frame.forces.shape))
    if stress is not None:
        frame.info["stress"] = stress_matrix(stress, frame.where()) * scales.stress
        frame.units = {**frame.units, "stress": "eV/Å³"}
