"""Own data of any format."""

import numpy as np
import pytest

from tutti.core.registry import ConfigError, from_dict
from tutti.core.structures import Structures
from tutti.data import file
from tutti.io import FormatError, read

WATER = """3
Properties=species:S:1:pos:R:3:forces:R:3 energy=-10.0 label={label}
O 0.0 0.0 0.0 0 0.5 0.5
H 0.0 0.0 1.0 0 0 -0.5
H 0.0 1.0 0.0 0 -0.5 0
"""


def made(tmp_path, path, **options):
    file.make(file.Config(path, **options), tmp_path / "out.npz", tmp_path / "work", jobs=1)
    return Structures.load(tmp_path / "out.npz")


def test_file_and_folder(tmp_path):
    (tmp_path / "in").mkdir()
    for label in ("b", "a"):
        (tmp_path / "in" / f"{label}.extxyz").write_text(WATER.format(label=label))
    one = made(tmp_path, tmp_path / "in" / "a.extxyz")
    assert (len(one), one.columns["label"].tolist(), one.energy.tolist()) == (1, ["a"], [-10.0])
    both = made(tmp_path, tmp_path / "in")
    assert both.columns["label"].tolist() == ["a", "b"]
    assert "sha256:" in both.source


def test_units(tmp_path):
    (tmp_path / "in.extxyz").write_text(WATER.format(label="x"))
    structures = made(tmp_path, tmp_path / "in.extxyz", units={"energy": "kcal/mol", "length": "nm"})
    assert structures.energy[0] == pytest.approx(-0.4336410, abs=1e-7)
    np.testing.assert_allclose(structures.positions[1], [0, 0, 10.0])


def test_real_molecules(tmp_path, shared_data):
    path = shared_data / "qm9_first339.xyz"
    assert made(tmp_path, path).digest == read(path).digest


def test_what_is_missing_or_malformed_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.xyz"):
        made(tmp_path, tmp_path / "nothing.xyz")
    (tmp_path / "bad.xyz").write_text("two\n\nH 0 0 0\n")
    with pytest.raises(FormatError, match=r"bad\.xyz:1"):
        made(tmp_path, tmp_path / "bad.xyz")
    assert not (tmp_path / "out.npz").exists()


def test_only_some_elements(tmp_path):
    sulphide = "3\n\nS 0 0 0\nH 0 0 1.3\nH 0 1.3 0\n"
    (tmp_path / "in.xyz").write_text(sulphide + "2\n\nH 0 0 0\nH 0 0 0.74\n" + sulphide + "1\n\nO 0 0 0\n")
    kept = made(tmp_path, tmp_path / "in.xyz", elements=("H", "O"))
    assert [kept.frame(i)[0].tolist() for i in range(len(kept))] == [[1, 1], [8]]
    with pytest.raises(ValueError, match=r"in\.xyz: no structure is made of C, N only"):
        made(tmp_path, tmp_path / "in.xyz", elements=("C", "N"))
    with pytest.raises(ValueError, match="elements Zz: no such symbol"):
        file.Config(tmp_path, elements=("H", "Zz"))


def test_isolated_atoms_and_several_files(tmp_path):
    (tmp_path / "a.xyz").write_text("1\nenergy=-2041.5\nO 0 0 0\n" + 2 * WATER.format(label="a"))
    (tmp_path / "b.xyz").write_text(WATER.format(label="b"))
    (tmp_path / "atoms.xyz").write_text("1\nenergy=-13.6\nH 0 0 0\n")
    one = made(tmp_path, tmp_path / "a.xyz")
    assert one.free_atoms == {"O": -2041.5} and one.n_atoms.tolist() == [3, 3]
    paths = {"train": tmp_path / "a.xyz", "test": tmp_path / "b.xyz"}
    several = made(tmp_path, paths, free_atoms=tmp_path / "atoms.xyz")
    assert several.free_atoms == {"H": -13.6, "O": -2041.5}
    assert several.columns["split"].tolist() == ["train", "train", "test"]
    assert made(tmp_path, paths, elements=("H", "O")).columns["label"].tolist() == ["a", "a", "b"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            {"train": "a.xyz", "tset": "b.xyz"},
            r"x: path: no part of the data is called 'tset'; did you mean 'te",
        ),
        ({"test": "a.xyz"}, "no file to train on; name one as 'train'"),
        ({"train": 3}, r"x\.path\.train: expected Path, got 3"),
        (3, r"x\.path: expected Path or dict"),
    ],
)
def test_paths_that_are_none(path, message):
    with pytest.raises(ConfigError, match=message):
        from_dict(file.Config, {"path": path}, "x")


def test_energies_alone_are_asked_for(tmp_path):
    alone = "3\nenergy=-10.0 homo=-3\nO 0 0 0\nH 0 0 1\nH 0 1 0\n"
    (tmp_path / "in.extxyz").write_text(alone)
    with pytest.raises(ValueError, match=r"in\.extxyz: has energies but no forces; .*keys: \{forces: null\}"):
        made(tmp_path, tmp_path / "in.extxyz")
    assert not (tmp_path / "out.npz").exists()
    found = made(tmp_path, tmp_path / "in.extxyz", keys={"forces": None})
    assert found.energy.tolist() == [-10] and found.forces is None
    # A property is no energy.
    (tmp_path / "in.extxyz").write_text(alone.replace("energy=-10.0", "gap=1"))
    assert made(tmp_path, tmp_path / "in.extxyz").columns.keys() == {"gap", "homo"}


def test_other_names(tmp_path):
    renamed = WATER.replace("energy", "REF_energy").replace("forces", "REF_forces").format(label="x")
    (tmp_path / "in.extxyz").write_text(renamed)
    with pytest.raises(
        FormatError, match=r"in\.extxyz:2: .* keys: \{energy: REF_energy, forces: REF_forces\};"
    ):
        made(tmp_path, tmp_path / "in.extxyz")
    keys = {"energy": "REF_energy", "forces": "REF_forces"}
    settings = {"path": str(tmp_path / "in.extxyz"), "keys": keys}
    config = from_dict(file.Config, settings, "datasets.mine")
    file.make(config, tmp_path / "out.npz", tmp_path / "work", jobs=1)
    found = Structures.load(tmp_path / "out.npz")
    assert found.energy.tolist() == [-10] and found.forces[0].tolist() == [0, 0.5, 0.5]
    nothing = from_dict(file.Config, settings | {"keys": {"forces": None}}, "datasets.mine")
    assert nothing.keys == {"forces": None}
    with pytest.raises(
        ConfigError, match=r"datasets.mine: keys: unknown force; known are energy, forces, stress"
    ):
        from_dict(file.Config, settings | {"keys": {"force": "x"}}, "datasets.mine")


def test_isolated_atoms_under_other_names(tmp_path):
    """The usual file of MACE: the atoms have an energy, no forces."""
    renamed = WATER.replace("energy", "REF_energy").replace("forces", "REF_forces").format(label="x")
    alone = "1\nProperties=species:S:1:pos:R:3 REF_energy={} config_type=IsolatedAtom\n{} 0 0 0\n"
    (tmp_path / "in.xyz").write_text(alone.format(-0.5, "H") + alone.format(-9, "O") + renamed)
    keys = {"energy": "REF_energy", "forces": "REF_forces"}
    found = made(tmp_path, tmp_path / "in.xyz", keys=keys)
    assert found.energy.tolist() == [-10] and found.forces.shape == (3, 3)
    assert found.free_atoms == {"H": -0.5, "O": -9}
