"""Structures written in the format that a file's name says."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tutti.core.files import write_text
from tutti.core.structures import Structures
from tutti.io import extxyz

EXTXYZ = (".xyz", ".extxyz", ".xyz.gz", ".extxyz.gz")
PDB = ".pdb"
SUFFIXES = (*EXTXYZ, PDB)
"""Ends of names that can be written."""


def check(path: str | Path, structures: Structures | None = None) -> None:
    """A look before long work: can a file of this name be written, and of structures like these?

    Raises:
        ValueError: when it cannot.
    """
    name = Path(path).name.lower()
    if not name.endswith(SUFFIXES):
        raise ValueError(f"{path}: expected a file named *{', *'.join(SUFFIXES)} to write")
    if name.endswith(PDB) and structures is not None:
        _check_pdb(Path(path), structures)


def write(path: str | Path, structures: Structures) -> None:
    """Write structures, atomically, as extended xyz or PDB by the end of the file's name.

    Extended xyz keeps all, see `tutti.io.extxyz.write`. A PDB file has each structure as a model, with three
    digits after the point; of what it has no place for, energies, forces, fixed atoms and columns, a warning
    says so.

    Raises:
        ValueError: for another name, and where a structure does not fit the format.
    """
    check(path, structures)
    path = Path(path)
    if not path.name.lower().endswith(PDB):
        extxyz.write(path, structures)
        return
    lost = [name for name in ("energy", "forces", "fixed") if getattr(structures, name) is not None]
    lost += sorted(structures.columns)
    if lost:
        warnings.warn(f"{path}: a PDB file has no place for {', '.join(lost)}", stacklevel=2)
    write_text(path, "".join(_models(structures)))


def _check_pdb(path: Path, structures: Structures) -> None:
    # The columns of a PDB file are as wide as -999.999, and 9999.999.
    bad = ~((structures.positions > -1000) & (structures.positions < 10000))
    if bad.any():
        value = structures.positions[bad][0]
        raise ValueError(f"{path}: coordinates of a PDB file are between -1000 and 10000 Å, found {value}")
    if structures.pbc is None:
        return
    if (structures.pbc.any(1) & ~structures.pbc.all(1)).any():
        raise ValueError(f"{path}: a PDB file is periodic in all directions or none")
    if structures.pbc.any() and not structures.pbc.all():
        # A cell holds for all models that come after it.
        raise ValueError(f"{path}: some structures of a PDB file are periodic and others not")


def _models(structures: Structures) -> Iterator[str]:
    """Each structure as a model; no END follows, which ASE reads as one more."""
    # Everything that reads would wait for ase.io, which takes longer to import than the rest.
    from ase.io.proteindatabank import write_proteindatabank

    for i, atoms in enumerate(structures.to_ase(), 1):
        if not atoms.pbc.any():
            atoms.cell = np.zeros((3, 3))
        # One by one: ASE takes the elements and the cell of all of them from the first.
        text = io.StringIO()
        write_proteindatabank(text, [atoms], write_arrays=False)
        yield text.getvalue().replace("MODEL     1\n", f"MODEL     {i:4d}\n")
