import numpy as np
import pytest

from tutti import io
from tutti.core.structures import Structures
from tutti.io import FormatError, extxyz

H2 = Structures.from_frames([([1, 1], [[0, 0, 0], [0, 0, 0.7]])], columns={"id": np.array(["h2"])})


def frame(comment: str) -> str:
    return f"1\nProperties=species:S:1:pos:R:3 {comment}\nH 0 0 0\n"


def test_a_folder_is_its_files_in_order(tmp_path):
    for name in ("b.xyz", "a.extxyz", "c.extxyz.gz", "D.XYZ"):
        extxyz.write(tmp_path / name, H2.with_columns(id=np.array([name])))
    H2.with_columns(id=np.array(["d.npz"])).save(tmp_path / "d.npz")
    (tmp_path / ".hidden.xyz").write_text("not a structure")
    (tmp_path / "folder.xyz").mkdir()
    structures = io.read(str(tmp_path))
    assert structures.columns["id"].tolist() == ["D.XYZ", "a.extxyz", "b.xyz", "c.extxyz.gz", "d.npz"]
    assert structures.source.startswith(f"{tmp_path.name}/ sha256:")
    (tmp_path / "b.xyz").rename(tmp_path / "e.xyz")
    assert io.read(tmp_path).source != structures.source


def test_types_are_those_of_the_whole_folder(tmp_path):
    for i, smiles in enumerate(("F", "CC", "T")):
        (tmp_path / f"{i}.xyz").write_text(frame(f"smiles={smiles} only{i}=1 energy={i}"))
    structures = io.read(tmp_path)
    assert structures.columns.keys() == {"smiles"} and structures.columns["smiles"].tolist() == [
        "F",
        "CC",
        "T",
    ]
    assert structures.energy.tolist() == [0.0, 1.0, 2.0]


def test_files_of_a_folder_that_do_not_fit(tmp_path):
    (tmp_path / "a.xyz").write_text(frame('energy=1 homo=1 units=\'_JSON {"homo": "eV"}\''))
    (tmp_path / "b.xyz").write_text(frame("homo=1"))
    with pytest.raises(
        FormatError, match=r"b.xyz:2: expected energy, as other structures have it, found none"
    ):
        io.read(tmp_path)
    (tmp_path / "b.xyz").write_text(frame('energy=1 homo=1 units=\'_JSON {"homo": "Hartree"}\''))
    with pytest.raises(FormatError, match=r"b.xyz:2: expected 'homo' in eV, as before, found it in Hartree"):
        io.read(tmp_path)


def test_real_files_that_do_not_fit(shared_data):
    with (
        pytest.raises(
            FormatError, match=r"isolated_atoms.xyz:2: expected forces, as other structures have it"
        ),
        pytest.warns(UserWarning, match="README.md"),
    ):
        io.read(shared_data / "ethanol_pbe")


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        io.read(tmp_path / "absent.xyz")
    with pytest.raises(FormatError, match=r"expected files named .*xyz.* found none in this folder"):
        io.read(tmp_path)
    for name, shown in (("x.md", "'.md'"), ("x", "no suffix")):
        (tmp_path / name).write_text("x")
        with pytest.raises(FormatError, match=rf"{name}: expected a file named \*.xyz.* found {shown}"):
            io.read(tmp_path / name)


def test_unknown_units_are_named(tmp_path):
    extxyz.write(tmp_path / "x.xyz", H2)
    with pytest.raises(ValueError, match="unknown unit 'kcal/mo'; did you mean kcal/mol"):
        io.read(tmp_path / "x.xyz", units={"energy": "kcal/mo"})


def test_every_suffix_has_its_module():
    for suffix, name in io.SUFFIXES.items():
        module = __import__(f"tutti.io.{name}", fromlist=["frames"])
        assert callable(module.frames), suffix
