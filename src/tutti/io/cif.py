"""Crystals of CIF files, by ASE: all atoms of the unit cell, symmetry applied, in Å."""

import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import ase.io.cif as ase_cif

from tutti.core.elements import NUMBERS
from tutti.core.units import Scales
from tutti.io.ase_traj import of_atoms
from tutti.io.frames import Frame
from tutti.io.labels import Labels
from tutti.io.text import FormatError, open_text, shown

TYPES, LABELS = "_atom_site_type_symbol", "_atom_site_label"
OCCUPANCY = "_atom_site_occupancy"
FRACTIONAL = "_atom_site_fract_x"
OPERATIONS = (
    "_space_group_symop_operation_xyz",
    "_space_group_symop.operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
)
"""Of symmetry, under any of their names."""
MOST = 50_000
"""Sites times operations of symmetry; ASE compares all of them with each other."""


def frames(path: Path, units: Mapping[str, str]) -> Iterator[Frame]:
    """The structure of each data block, blocks without atoms (of references, say) are none.

    Raises:
        FormatError: when the file is malformed; when an atom is of no element, or where more than one
            arrangement is given (a site that is not fully occupied): nothing is guessed.
    """
    scales = Scales.of(units, energy="eV", length="Å")
    try:
        with open_text(path) as file, warnings.catch_warnings():
            warnings.simplefilter("error")  # what ASE warns of here are its guesses at broken syntax
            blocks = list(ase_cif.parse_cif(file))
    except MemoryError:
        raise
    except Exception as error:  # ASE's parser asserts, and raises errors of a dozen types
        raise FormatError(str(path), "a readable CIF file", repr(error)) from error
    for block in blocks:
        if TYPES in block or LABELS in block:
            yield _frame(block, f"{path}: data_{block.name}", scales)


def _frame(block: ase_cif.CIFBlock, where: str, scales: Scales) -> Frame:
    symbols = _listed(block, TYPES) or _listed(block, LABELS)
    for symbol in symbols:
        if _element(str(symbol)) not in NUMBERS:
            raise FormatError(
                where, f"elements as {TYPES}, or labels that begin with one", shown(str(symbol))
            )
    partial = [value for value in _listed(block, OCCUPANCY) if value not in (1, ".", "?")]
    if partial:
        raise FormatError(where, "sites that are fully occupied", f"an occupancy of {partial[0]}")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", module="ase.spacegroup")  # atoms in one place
            if any(name in block for name in OPERATIONS):
                warnings.filterwarnings("ignore", "crystal system")  # nothing is left to interpret
            images = len(symbols) * block.get_spacegroup(True).nsymop
            if images > MOST:
                raise FormatError(where, f"at most {MOST:,} images of its sites", f"{images:,}")
            # All sites are full; with their occupancies ASE would let two atoms share a place.
            atoms = block.get_atoms(fractional_occupancies=False)
    except (FormatError, MemoryError):
        raise
    except Exception as error:  # as above
        raise FormatError(where, "a crystal that ASE can read", repr(error)) from error
    if not atoms.cell.rank and FRACTIONAL in block:
        raise FormatError(where, "three lengths and three angles of the cell", "not all of them")
    atoms.info.clear()
    return of_atoms(atoms, where, scales, Labels(read=False))


def _listed(block: ase_cif.CIFBlock, name: str) -> list[object]:
    """Values of a name, which is one value where it stands in no loop."""
    found = block.get(name)
    return list(found) if isinstance(found, list) else [] if found is None else [found]


def _element(symbol: str) -> str:
    """What stands before charges and numbers: C of C1, Fe of Fe3+."""
    return re.match("[A-Za-z]*", symbol)[0]
