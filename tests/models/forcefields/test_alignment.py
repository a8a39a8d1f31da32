"""Energies of another code on the scale of the data, against NumPy's least squares."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from tutti.core.structures import Structures
from tutti.models.forcefields.alignment import aligned, make_folder, shifts
from tutti.models.forcefields.calculator import open_calculator
from tutti.models.forcefields.predictions import predict, predict_to_file


def alloys(n=12):
    """Rattled crystals of copper, some with gold, with EMT's energies and 2.5 and -4 eV more per atom."""
    frames = []
    for seed in range(n):
        atoms = bulk("Cu", cubic=True)
        atoms.symbols[: seed % 4] = "Au"
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        atoms.get_forces()
        frames.append(atoms)
    found = Structures.from_ase(frames, source="alloys")
    gold = np.array([(atoms.numbers == 79).sum() for atoms in frames])
    return replace(found, energy=found.energy + 2.5 * (4 - gold) - 4.0 * gold), gold


def test_shifts_are_those_of_least_squares():
    data, gold = alloys()
    predicted = replace(data, energy=np.random.default_rng(0).normal(size=12))
    expected, *_ = np.linalg.lstsq(np.stack([4 - gold, gold], 1), data.energy - predicted.energy)
    found = shifts(data, predicted)
    assert list(found) == ["Cu", "Au"]
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-10)


def test_one_composition_is_shifted_by_the_mean():
    data = alloys()[0][::4]
    predicted = replace(data, energy=np.array([1.0, 2.0, 6.0]))
    found = shifts(data, predicted)
    assert 4 * found["Cu"] == pytest.approx(np.mean(data.energy - [1.0, 2.0, 6.0]))


def test_a_folder_is_aligned_to_its_training_split_and_forces_are_untouched(tmp_path):
    data, _ = alloys()
    make_folder("ase.calculators.emt:EMT", {}, data[:8], tmp_path)
    found = json.loads((tmp_path / "config.json").read_text())
    assert found["shifts"] == pytest.approx({"Cu": 2.5, "Au": -4.0}) and found["fitted_on"] == 8
    predict_to_file(tmp_path, data[8:], tmp_path / "test.npz", 3)
    predicted = Structures.load(tmp_path / "test.npz")
    np.testing.assert_allclose(predicted.energy, data.energy[8:], atol=1e-9)
    np.testing.assert_array_equal(predicted.forces, data[8:].forces)
    assert predicted.source == "alloys; energy predicted by ase.calculators.emt:EMT"


def test_stresses_are_those_of_the_calculator(tmp_path):
    data, _ = alloys(3)
    make_folder("ase.calculators.emt:EMT", {}, data, tmp_path)
    lone = replace(data, pbc=data.pbc & np.array([[True], [False], [True]]))
    found = predict(open_calculator(tmp_path), lone).columns["stress"].reshape(-1, 3, 3)
    for i, atoms in enumerate(lone.to_ase()):
        atoms.calc = EMT()
        expected = atoms.get_stress(voigt=False) if atoms.pbc.any() else np.full((3, 3), np.nan)
        np.testing.assert_allclose(found[i], expected, atol=1e-12)
    assert "stress" not in predict(open_calculator(tmp_path), replace(data, cell=None, pbc=None)).columns


def test_what_cannot_be_aligned_is_refused(tmp_path):
    data, _ = alloys(3)
    with pytest.raises(ValueError, match="the data have no energies to align: alloys"):
        make_folder("ase.calculators.emt:EMT", {}, replace(data, energy=None), tmp_path)
    with pytest.raises(ValueError, match="predicted energy of structure 1 is nan"):
        shifts(data, replace(data, energy=np.array([0.0, np.nan, 0.0])))


def test_a_failed_calculation_names_its_structure():
    carbon = Structures.from_frames([([29], [[0, 0, 0]]), ([26], [[0, 0, 0]])], source="mine.xyz")
    with pytest.raises(ValueError, match=r"mine\.xyz: structure 1: ase\.calculators\.emt:EMT: NotImpl"):
        make_folder("ase.calculators.emt:EMT", {}, carbon, "nowhere")


def test_predictions_are_aligned_to_the_same_structures():
    data, gold = alloys()
    predicted = replace(data, energy=np.random.default_rng(0).normal(size=12))
    counts = np.stack([4 - gold, gold], 1)
    fitted, *_ = np.linalg.lstsq(counts, data.energy - predicted.energy)
    found, rank = aligned(data, predicted)
    np.testing.assert_allclose(found.energy, predicted.energy + counts @ fitted, rtol=1e-10)
    assert rank == 2 and aligned(data[::4], predicted[::4])[1] == 1
    np.testing.assert_array_equal(found.forces, predicted.forces)
