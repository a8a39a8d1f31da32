"""rMD17 from the files of single splits."""

import numpy as np
import pytest

from tutti.core.registry import from_dict
from tutti.core.structures import Structures
from tutti.core.units import factor
from tutti.data import rmd17
from tutti.data.expected import most_structures
from tutti.data.splits import SplitConfig, make_splits

ETHANOL = np.array([6, 6, 8, 1, 1, 1, 1, 1, 1], np.uint8)


def made(tmp_path, folder, molecule="ethanol", **options):
    config = from_dict(rmd17.Config, {"molecule": molecule, "folder": str(folder)} | options, "datasets.x")
    rmd17.make(config, tmp_path / "out.npz", tmp_path / "work", jobs=1)
    return Structures.load(tmp_path / "out.npz")


def write(folder, kind, split, indices, numbers=ETHANOL):
    """A file of frames whose energies are their places in MD17."""
    rng = np.random.default_rng(split)
    frames = (len(indices), len(numbers), 3)
    np.savez(
        folder / f"rmd17_ethanol_{kind}_{split:02d}.npz",
        nuclear_charges=numbers,
        coords=rng.normal(0, 1, frames),
        energies=np.array(indices, float),
        forces=rng.normal(0, 1, frames),
        old_indices=np.array(indices),
        old_energies=np.zeros(len(indices)),
    )


def test_real_files_are_the_published_split(shared_data, tmp_path):
    structures = made(tmp_path, shared_data / "rmd17")
    assert len(structures) == 2000
    splits = make_splits(structures, SplitConfig(train=950, valid=50, test="rest", column="split_1"))
    test = np.load(shared_data / "rmd17/rmd17_ethanol_test_01.npz")
    chosen = structures[np.sort(splits.test)]
    order = np.argsort(test["old_indices"])
    np.testing.assert_allclose(chosen.energy, test["energies"][order] * factor("kcal/mol", "eV"), rtol=1e-12)
    np.testing.assert_allclose(
        chosen.forces, test["forces"][order].reshape(-1, 3) * factor("kcal/mol", "eV"), rtol=1e-12
    )
    assert "rmd17_ethanol_train_01.npz sha256:" in structures.source
    assert not np.isin(splits.test, np.concatenate([splits.train, splits.valid])).any()


def test_a_frame_of_several_splits_is_there_once(tmp_path):
    write(tmp_path, "train", 1, [7, 3, 5])
    write(tmp_path, "test", 1, [1, 9])
    write(tmp_path, "train", 4, [9, 3, 2])
    write(tmp_path, "test", 4, [7])
    structures = made(tmp_path, tmp_path)
    np.testing.assert_allclose(structures.energy / factor("kcal/mol", "eV"), [1, 2, 3, 5, 7, 9])
    assert structures.columns["split_1"].tolist() == ["test", "", "train", "train", "train", "test"]
    assert structures.columns["split_4"].tolist() == ["", "train", "train", "", "test", "train"]


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ({}, FileNotFoundError, r"rmd17_ethanol_train_01\.npz: not found"),
        ({("train", 2): [1, 2]}, FileNotFoundError, r"rmd17_ethanol_test_02\.npz"),
        (
            {("train", 1): [1, 2], ("test", 1): [2, 3]},
            ValueError,
            r"test_01\.npz: a frame stands in train and",
        ),
    ],
)
def test_what_is_wrong_in_the_folder_is_said(tmp_path, files, error, message):
    for (kind, split), indices in files.items():
        write(tmp_path, kind, split, indices)
    with pytest.raises(error, match=message):
        made(tmp_path, tmp_path)


def test_another_molecule_under_the_name_is_refused(tmp_path):
    for kind in ("train", "test"):
        write(tmp_path, kind, 1, [ord(kind[1])], numbers=ETHANOL[:8])
    with pytest.raises(ValueError, match="8 atoms, C2H6O has 9"):
        made(tmp_path, tmp_path)


def test_how_many_frames_there_are_is_not_known_before(tmp_path):
    assert most_structures(rmd17.Config(molecule="ethanol", folder=tmp_path)) is None
