"""Calculators of other codes, against ASE's own called directly."""

import json

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from forcefield_models import model

from tutti.core.structures import Structures
from tutti.models.forcefields.calculator import Calculator, open_calculator
from tutti.models.forcefields.external import External, ExternalCalculator, describe, make

PAIR = {"sigma": 1.2, "epsilon": 0.3, "rc": 6.0}


def copper():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    return atoms


def test_energy_is_shifted_and_its_derivatives_are_not(tmp_path):
    External("ase.calculators.emt:EMT", shifts={"Cu": 1.5}).save(tmp_path)
    ours, theirs = copper(), copper()
    ours.calc, theirs.calc = open_calculator(tmp_path), EMT()
    for _ in range(2):  # the second time after a step
        shifted = theirs.get_potential_energy() + 4 * 1.5
        assert ours.get_potential_energy() == pytest.approx(shifted, abs=1e-12)
        np.testing.assert_array_equal(ours.get_forces(), theirs.get_forces())
        np.testing.assert_array_equal(ours.get_stress(), theirs.get_stress())
        for atoms in (ours, theirs):
            atoms.positions[0] += 0.1


def test_nothing_of_other_atoms_is_left():
    calculator = ExternalCalculator(External("ase.calculators.emt:EMT"))
    calculator.get_stress(copper())
    calculator.calculate(copper(), ["energy"], ["positions"])
    assert calculator.results.keys() == {"energy"}


def test_arguments_reach_the_factory(tmp_path):
    describe("ase.calculators.lj:LennardJones", PAIR).save(tmp_path)
    ours, theirs = molecule("H2O"), molecule("H2O")
    ours.calc, theirs.calc = open_calculator(tmp_path), LennardJones(**PAIR)
    assert ours.get_potential_energy() == theirs.get_potential_energy() != 0
    assert ours.calc.name == "ase.calculators.lj:LennardJones" and ours.calc.parameters == PAIR


def test_a_folder_of_weights_is_a_trained_force_field(tmp_path):
    model().save(tmp_path)
    assert isinstance(open_calculator(tmp_path, "cpu"), Calculator)
    with pytest.raises(FileNotFoundError, match="train the model first"):
        open_calculator(tmp_path / "nothing")


def test_the_folder_says_where_the_calculator_is_from(tmp_path):
    (tmp_path / "network.bin").write_bytes(b"weights")
    arguments = {"paths": [str(tmp_path / "network.bin")], "device": "cpu"}
    describe("ase.calculators.emt:EMT", arguments).save(tmp_path / "made")
    found = json.loads((tmp_path / "made" / "config.json").read_text())
    assert found["kind"] == "calculator" and found["versions"].keys() == {"ase"}
    assert found["files"].keys() == {str(tmp_path / "network.bin")}
    (tmp_path / "network.bin").write_bytes(b"others")
    with pytest.raises(ValueError, match=r"network\.bin is not the file any more"):
        open_calculator(tmp_path / "made")


def test_a_damaged_description_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"kind": "calculator", "factory": 3}')
    with pytest.raises(ValueError, match=r"config\.json: .*expected str, got 3; make it again"):
        open_calculator(tmp_path)


def test_elements_whose_energies_were_not_aligned_are_refused():
    water = Structures.from_ase([molecule("H2O")], source="water.xyz")
    aligned = ExternalCalculator(External("ase.calculators.emt:EMT", shifts={"H": 1.0, "C": 2.0}))
    with pytest.raises(ValueError, match=r"water\.xyz: holds O, but the energies .* with H, C"):
        aligned.check_elements(water)
    ExternalCalculator(External("ase.calculators.emt:EMT")).check_elements(water)


@pytest.mark.parametrize(
    ("factory", "arguments", "error", "message"),
    [
        ("missing_code.ase:Fast", {}, ModuleNotFoundError, "missing_code.*pip install missing_code"),
        ("ase.calculators.emt:ETM", {}, ValueError, "has no 'ETM'; did you mean 'EMT'"),
        ("ase.calculators.emt", {}, ValueError, "expected module:callable"),
        ("ase.build:molecule", {"name": "H2O"}, ValueError, "gives Atoms, which is no ASE calculator"),
        ("ase.build:molecule", {"nane": "H2O"}, ValueError, r"molecule\(nane='H2O'\): TypeError"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(factory, arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        make(factory, arguments)
    assert "\n" not in str(caught.value)


def test_a_package_of_another_name_and_an_extra_are_named(monkeypatch):
    with pytest.raises(ModuleNotFoundError, match="pip install mace-torch"):
        make("mace.no_such_module:mace_off", {})
    monkeypatch.setitem(__import__("sys").modules, "tblite", None)
    with pytest.raises(ModuleNotFoundError, match=r"tutti\[xtb\]"):
        make("tblite.nothing:TBLite", {})
