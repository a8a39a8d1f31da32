"""Weights that are taken in the place of a training."""

import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest

from tutti.core import records
from tutti.core.files import sha256
from tutti.core.seals import DamagedFile
from tutti.core.structures import Structures
from tutti.data.splits import SplitConfig, make_splits
from tutti.models import base, shipped
from tutti.models.adoption import adopt

WATER = ([8, 1, 1], [[0.0, 0.0, 0.0], [0.0, 0.76, 0.59], [0.0, -0.76, 0.59]])


@pytest.fixture
def data():
    """Six molecules of water, all a little different, and their splits."""
    positions = np.asarray(WATER[1])
    structures = Structures.from_frames([(WATER[0], positions * (1 + i / 100)) for i in range(6)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return structures, make_splits(structures, SplitConfig(train=3, valid=1, test=2))


def trained_on(folder, structures, splits):
    """A copy of EDM's folder whose record says that it was trained on these data."""
    shutil.copytree(shipped.SHIPPED / "edm", folder)
    record = records.read(folder / shipped.RECORD)
    record["data"] |= {"dataset": structures.digest, "splits": splits.training_digest}
    records.write(folder / shipped.RECORD, record)
    return folder


def test_weights_of_the_same_data_and_split_are_taken_without_a_remark(data, tmp_path, recwarn):
    folder = trained_on(tmp_path / "edm", *data)
    adopt(folder, *data, tmp_path / "out")
    assert not recwarn.list
    told = records.read(tmp_path / "out/train.json")
    assert told["given"] == {"weights": "edm", "remarks": []}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        ["weights.safetensors", "config.json", "train.json"]
    )
    for name in ("weights.safetensors", "config.json"):
        assert sha256(tmp_path / "out" / name) == sha256(folder / name)


def test_another_split_and_other_data_are_told(data, tmp_path):
    structures, splits = data
    folder = trained_on(tmp_path / "edm", *data)
    with pytest.warns(
        UserWarning, match="edm: trained on these data, but on another split of them; what counts"
    ):
        adopt(folder, structures, replace(splits, train=splits.train[::-1]), tmp_path / "out")
    with pytest.warns(
        UserWarning, match="edm: trained on other data than these, qm9 as of its provenance.json"
    ):
        adopt(shipped.SHIPPED / "edm", *data, tmp_path / "out")
    (remark,) = records.read(tmp_path / "out/train.json")["given"]["remarks"]
    assert remark.startswith("trained on other data")


def test_a_force_field_of_other_molecules_is_told_and_of_other_elements_refused(data, tmp_path):
    with pytest.warns(UserWarning, match=r"H2O: painn_ethanol was trained on C2H6O alone"):
        adopt(shipped.SHIPPED / "painn_ethanol", *data, tmp_path / "out")
    structures, splits = data
    sulphur = replace(structures, numbers=np.where(structures.numbers == 8, 16, structures.numbers))
    with pytest.raises(ValueError, match="the data hold S, which the model does not know"):
        adopt(shipped.SHIPPED / "painn_ethanol", sulphur, splits, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_generator_that_lacks_an_element_of_the_data_says_so(data, tmp_path):
    network = {"elements": ["H", "C"], "layers": 1, "channels": 4}
    base.create("generators", "edm", network, seed=0).save(tmp_path / "mine")
    with pytest.warns(UserWarning, match="it knows H, C alone, but the data hold O too"):
        adopt(tmp_path / "mine", *data, tmp_path / "out")
    told = records.read(tmp_path / "out/train.json")
    assert told["given"]["remarks"][0].startswith("nothing says what these weights were trained on")
    assert "trained" not in told


def test_damaged_weights_are_not_taken(data, tmp_path):
    folder = trained_on(tmp_path / "edm", *data)
    content = bytearray((folder / base.WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / base.WEIGHTS).write_bytes(content)
    with pytest.raises(DamagedFile):
        adopt(folder, *data, tmp_path / "out")
    assert not (tmp_path / "out").exists()
