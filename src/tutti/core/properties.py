"""The properties that the package knows by name: what they are and in which unit they are kept."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """A property of a structure.

    Attributes:
        unit: unit of the column of this name, a name in `tutti.core.units.UNITS`.
        extensive: whether it grows with the number of atoms (then it may be predicted as a sum over atoms).
        description: what it is, for tables.
    """

    unit: str
    extensive: bool
    description: str


KEYS: dict[str, Key] = {
    "energy": Key("eV", True, "total energy"),
    "atomisation_energy": Key("eV", True, "energy minus that of the free atoms"),
    "dipole": Key("D", False, "norm of the dipole moment"),
    "charge": Key("e", True, "total charge"),
    # QM9, in the order of Ramakrishnan et al., Scientific Data 1, 140022 (2014), table 3
    "A": Key("GHz", False, "rotational constant A"),
    "B": Key("GHz", False, "rotational constant B"),
    "C": Key("GHz", False, "rotational constant C"),
    "mu": Key("D", False, "norm of the dipole moment"),
    "alpha": Key("bohr³", True, "isotropic polarisability"),
    "homo": Key("eV", False, "energy of the highest occupied orbital"),
    "lumo": Key("eV", False, "energy of the lowest unoccupied orbital"),
    "gap": Key("eV", False, "lumo minus homo"),
    "r2": Key("bohr²", True, "electronic spatial extent"),
    "zpve": Key("eV", True, "zero-point vibrational energy"),
    "U0": Key("eV", True, "internal energy at 0 K"),
    "U": Key("eV", True, "internal energy at 298.15 K"),
    "H": Key("eV", True, "enthalpy at 298.15 K"),
    "G": Key("eV", True, "free energy at 298.15 K"),
    "Cv": Key("cal/mol/K", True, "heat capacity at 298.15 K"),
    "U0_atom": Key("eV", True, "atomisation energy at 0 K"),
    "U_atom": Key("eV", True, "atomisation energy at 298.15 K"),
    "H_atom": Key("eV", True, "atomisation enthalpy at 298.15 K"),
    "G_atom": Key("eV", True, "atomisation free energy at 298.15 K"),
}
"""Known properties by the name of their column."""

QM9 = ("mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "U0", "U", "H", "G", "Cv")
"""The twelve properties of QM9 that papers report, in their order."""


def units(names: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Unit of each of the names that is a known property."""
    return {name: KEYS[name].unit for name in names if name in KEYS}
