"""Units by name and the factors between them; inside the package energies are eV and lengths Å."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from ase import units

_ENERGIES = {
    "eV": 1.0,
    "meV": 1e-3,
    "Hartree": units.Hartree,
    "Ry": units.Rydberg,
    "kcal/mol": units.kcal / units.mol,
    "kJ/mol": units.kJ / units.mol,
    "cm^-1": units.invcm,
}
_LENGTHS = {"Å": 1.0, "bohr": units.Bohr, "nm": units.nm, "pm": 0.01}

UNITS: dict[str, tuple[str, float]] = {
    **{name: ("energy", factor) for name, factor in _ENERGIES.items()},
    **{name: ("length", factor) for name, factor in _LENGTHS.items()},
    **{f"{e}/{x}": ("force", _ENERGIES[e] / _LENGTHS[x]) for e in _ENERGIES for x in _LENGTHS},
    **{f"{e}/{x}³": ("stress", _ENERGIES[e] / _LENGTHS[x] ** 3) for e in _ENERGIES for x in _LENGTHS},
    "GPa": ("stress", units.GPa),
    **{f"{name}²": ("area", factor**2) for name, factor in _LENGTHS.items()},
    **{f"{name}³": ("volume", factor**3) for name, factor in _LENGTHS.items()},
    "e": ("charge", 1.0),
    "e·Å": ("dipole", 1.0),
    "D": ("dipole", units.Debye),
    "eV/K": ("heat capacity", 1.0),
    "cal/mol/K": ("heat capacity", 1e-3 * units.kcal / units.mol),
    "GHz": ("frequency", 1.0),
}
"""(dimension, factor to the dimension's base unit) by name."""

_SPELLINGS = {
    **{name: "Å" for name in ("A", "Ang", "angstrom", "Angstrom", "\N{ANGSTROM SIGN}")},
    **{name: "bohr" for name in ("Bohr", "a0")},
    **{name: "Hartree" for name in ("hartree", "Ha", "Eh")},
    "kcal": "kcal/mol",
    "Debye": "D",
}


def canonical(unit: str) -> str:
    """The name under which `unit` stands in `UNITS`: `Hartree/Bohr` gives `Hartree/bohr`.

    Raises:
        ValueError: when the unit is unknown, with the closest known ones.
    """
    name = unit.strip()
    energy, slash, length = name.rpartition("/")
    candidates = (
        name,
        _SPELLINGS.get(name, name),
        f"{_SPELLINGS.get(energy, energy)}{slash}{_SPELLINGS.get(length, length)}",
    )
    for candidate in candidates:
        if candidate in UNITS:
            return candidate
    close = difflib.get_close_matches(name, [*UNITS, *_SPELLINGS], n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else f"; known are {', '.join(UNITS)}"
    raise ValueError(f"unknown unit '{unit}'{hint}")


def factor(source: str, target: str) -> float:
    """The number by which a value in `source` is multiplied to have it in `target`.

    Raises:
        ValueError: when a unit is unknown or the two measure different things.
    """
    (dimension, value), (wanted, base) = UNITS[canonical(source)], UNITS[canonical(target)]
    if dimension != wanted:
        raise ValueError(f"'{source}' is a unit of {dimension}, '{target}' one of {wanted}")
    return value / base


@dataclass(frozen=True)
class Scales:
    """Factors from a file's units to eV, Å, eV/Å and eV/Å³."""

    energy: float
    length: float
    forces: float
    stress: float

    @classmethod
    def of(cls, given: Mapping[str, str], *, energy: str, length: str) -> Self:
        """Scales of the units `given` for `energy`, `length`, `forces` and `stress`, or else of the format.

        Forces are in energy per length and stresses in energy per volume unless given.

        Raises:
            ValueError: when a unit is unknown or measures something else.
        """
        energy, length = given.get("energy", energy), given.get("length", length)
        forces = given.get("forces", f"{canonical(energy)}/{canonical(length)}")
        stress = given.get("stress", f"{canonical(energy)}/{canonical(length)}³")
        return cls(factor(energy, "eV"), factor(length, "Å"), factor(forces, "eV/Å"), factor(stress, "eV/Å³"))
