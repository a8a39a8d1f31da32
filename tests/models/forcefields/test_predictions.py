"""Predictions for whole sets."""

import dataclasses

import numpy as np
import pytest
from forcefield_models import model

from tutti.core.files import sha256
from tutti.core.structures import Structures
from tutti.models.forcefields.base import ForceField
from tutti.models.forcefields.predictions import predict, predict_to_file


@pytest.fixture
def structures():
    """Seven molecules of several sizes, without energies."""
    rng = np.random.default_rng(0)
    frames = [(rng.choice([1, 6, 8], n), 4 * rng.random((n, 3))) for n in (3, 1, 5, 2, 4, 6, 3)]
    return Structures.from_frames(frames, columns={"id": np.array(list("abcdefg"))}, source="here")


def test_batches_give_what_all_at_once_gives(structures):
    schnet = model()
    found = schnet.energy_and_forces(schnet.collate(structures, np.arange(7)))
    for size in (1, 3, 7, 100):
        predicted = predict(schnet, structures, size)
        np.testing.assert_allclose(predicted.energy, found.energy, rtol=1e-13)
        np.testing.assert_allclose(predicted.forces, found.forces, atol=1e-12)
    np.testing.assert_array_equal(predicted.positions, structures.positions)
    assert predicted.columns["id"].tolist() == list("abcdefg")


def test_references_have_no_influence(structures):
    schnet = model()
    known = dataclasses.replace(structures, energy=np.full(7, np.nan), forces=np.full((24, 3), np.nan))
    np.testing.assert_array_equal(predict(schnet, known, 3).forces, predict(schnet, structures, 3).forces)
    assert np.isnan(known.energy).all()


def test_periodic_structures():
    cell = np.tile(4 * np.eye(3), (2, 1, 1))
    positions = np.array([[0.0, 0, 0], [1.2, 0, 0]])
    both = Structures.from_frames(
        [([6, 8], positions), ([6, 8], positions + 3.0)], cell=cell, pbc=np.ones((2, 3), bool)
    )
    predicted = predict(model(), both, 1)
    assert predicted.energy[0] == pytest.approx(predicted.energy[1], abs=1e-9)
    open_ones = dataclasses.replace(both, pbc=np.zeros((2, 3), bool))
    assert abs(predict(model(), open_ones, 1).energy[0] - predicted.energy[0]) > 1e-5


def test_stresses_are_of_what_is_periodic():
    cell, positions = np.tile(4 * np.eye(3), (2, 1, 1)), np.array([[0.0, 0, 0], [1.2, 0, 0]])
    pbc = np.array([[True] * 3, [False] * 3])
    both = Structures.from_frames([([6, 8], positions)] * 2, cell=cell, pbc=pbc)
    schnet = model()
    expected = schnet.energy_and_forces(schnet.collate(both, np.arange(2))).stress[0].detach()
    found = predict(schnet, both, 2).columns["stress"]
    np.testing.assert_allclose(found[0].reshape(3, 3), expected, rtol=1e-12)
    assert np.isnan(found[1]).all()
    assert "stress" not in predict(schnet, both[1:], 2).columns


def test_a_property_is_a_column_in_its_unit(structures):
    schnet = model(target="homo")
    predicted = predict(schnet, structures, 3)
    expected = schnet.properties(schnet.collate(structures, np.arange(7))).detach()
    np.testing.assert_allclose(predicted.columns["homo"], expected, rtol=1e-12)
    assert predicted.units["homo"] == "eV"
    assert predicted.energy is None and predicted.forces is None


def test_only_one_batch_goes_through_the_model_at_a_time(structures, monkeypatch):
    sizes, evaluate = [], ForceField.energy_and_forces

    def counted(self, batch):
        sizes.append(len(batch))
        return evaluate(self, batch)

    monkeypatch.setattr(ForceField, "energy_and_forces", counted)
    schnet = model()
    predict(schnet, structures, 3)
    assert sizes == [3, 3, 1]
    assert all(len(memory.structures) <= 3 for memory in schnet._memories)


def test_no_structures_give_none(structures):
    assert len(predict(model(), structures[:0], 3)) == 0


def test_bad_input_is_refused(structures):
    with pytest.raises(ValueError, match=r"batch_size \(0\) must be positive"):
        predict(model(), structures, 0)
    sulphur = Structures.from_frames([([16], np.zeros((1, 3)))], source="mine.xyz")
    with pytest.raises(ValueError, match=r"mine\.xyz: holds S"):
        predict(model(), sulphur, 1)


def test_the_file_is_whole_and_names_its_weights(structures, tmp_path):
    schnet = model()
    schnet.save(tmp_path / "schnet")
    predict_to_file(tmp_path / "schnet", structures, tmp_path / "out" / "predicted.npz", 2, "cpu")
    found = Structures.load(tmp_path / "out" / "predicted.npz")
    np.testing.assert_allclose(found.forces, predict(schnet, structures, 7).forces, atol=1e-12)
    digest = sha256(tmp_path / "schnet" / "weights.safetensors")
    assert found.source == f"here; energy predicted by schnet, weights sha256:{digest}"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["predicted.npz"]
