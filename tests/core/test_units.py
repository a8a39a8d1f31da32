import pytest
from scipy import constants

from tutti.core import properties
from tutti.core.units import UNITS, Scales, canonical, factor


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("Hartree", "eV", constants.value("Hartree energy in eV")),
        ("kcal/mol", "eV", constants.calorie * 1000 / constants.N_A / constants.e),
        ("kJ/mol", "meV", 1e6 / constants.N_A / constants.e),
        ("bohr", "Å", constants.value("Bohr radius") * 1e10),
        ("Ry", "Hartree", 0.5),
        ("cm^-1", "eV", constants.h * constants.c * 100 / constants.e),
        ("D", "e·Å", 1e-21 / constants.c / constants.e * 1e10),
        ("bohr³", "Å³", (constants.value("Bohr radius") * 1e10) ** 3),
        ("nm²", "Å²", 100.0),
        ("cal/mol/K", "eV/K", constants.calorie / constants.N_A / constants.e),
        (
            "Hartree/Bohr",
            "eV/Å",
            constants.value("Hartree energy in eV") / (constants.value("Bohr radius") * 1e10),
        ),
        ("kcal/mol/Ang", "kcal/mol/nm", 10.0),
        ("eV", "meV", 1000.0),
    ],
)
def test_factors_agree_with_codata(source, target, expected):
    # ASE's constants are those of CODATA 2014, SciPy's newer: they differ by a few 1e-8.
    assert factor(source, target) == pytest.approx(expected, rel=1e-7)
    assert factor(target, source) == pytest.approx(1 / expected, rel=1e-7)


@pytest.mark.parametrize(
    ("spelling", "name"), [("Ha", "Hartree"), ("A", "Å"), ("Angstrom", "Å"), ("Ha/a0", "Hartree/bohr")]
)
def test_other_spellings(spelling, name):
    assert canonical(spelling) == name


def test_an_unknown_unit_names_the_closest():
    with pytest.raises(ValueError, match="unknown unit 'kcal/mo'; did you mean kcal/mol"):
        factor("kcal/mo", "eV")
    with pytest.raises(ValueError, match="'bohr' is a unit of length, 'eV' one of energy"):
        factor("bohr", "eV")


def test_prefixes_are_told_apart_by_their_case():
    with pytest.raises(ValueError, match="unknown unit 'MeV'"):
        canonical("MeV")


def test_forces_follow_energy_and_length_unless_given():
    scales = Scales.of({"energy": "kcal/mol"}, energy="eV", length="bohr")
    assert scales.forces == pytest.approx(scales.energy / scales.length, rel=1e-15)
    assert Scales.of({"forces": "meV/Å"}, energy="eV", length="Å").forces == pytest.approx(1e-3)


def test_every_known_property_has_a_known_unit():
    assert all(canonical(key.unit) == key.unit for key in properties.KEYS.values())
    assert all(name in properties.KEYS for name in properties.QM9) and len(properties.QM9) == 12
    assert all(dimension for dimension, _ in UNITS.values())
