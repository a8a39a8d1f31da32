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
from tutti.io.frames import Frame
from tutti.io.text import FormatError


def frames(path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    """Frames of a trajectory; energies and forces are those of its calculator, `info` becomes columns.

    Raises:
        FormatError: when the file is no trajectory of ASE, or damaged.
    """
    scales = Scales.of(units, energy="eV", length="Å")
    try:
        with TrajectoryReader(path) as trajectory:
            for i, atoms in enumerate(trajectory):
                yield of_atoms(atoms, f"{path}: frame {i}", scales)
    except OSError as error:
        raise FormatError(str(path), "a trajectory of ASE 3.9 or later", str(error)) from error
    except Exception as error:  # a damaged trajectory raises errors of a dozen types
        raise FormatError(str(path), "a readable ASE trajectory", repr(error)) from error


def of_atoms(atoms: ase.Atoms, where: str, scales: Scales) -> Frame:
    """The frame of an ASE object; it has a cell where any direction is periodic or any vector is not zero."""
    results = atoms.calc.results if atoms.calc else {}
    energy, forces = results.get("energy"), results.get("forces")
    periodic = bool(atoms.pbc.any() or atoms.cell.any())
    return Frame(
        numbers=atoms.numbers,
        positions=atoms.positions * scales.length,
        path=where,
        energy=None if energy is None else float(energy) * scales.energy,
        forces=None if forces is None else np.asarray(forces, dtype=float) * scales.forces,
        cell=atoms.cell.array * scales.length if periodic else None,
        pbc=atoms.pbc if periodic else None,
        fixed=fixed_atoms(atoms.constraints, len(atoms)),
        info=dict(atoms.info),
    )
