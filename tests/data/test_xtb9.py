import json
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from tutti.chemistry.relaxer import Relaxer
from tutti.core.files import sha256
from tutti.core.structures import Structures
from tutti.data import xtb9
from tutti.data.enumerate import molecules
from tutti.data.xtb9 import EMBEDDED, Config, conformer_seed, make, ship

SHIPPED = "xtb9_6.npz"

# Makes a set, but is killed when it is about to write the fourth part.
DYING = """
import os, signal
from tutti.data import xtb9
from tutti.data.xtb9 import Config, Path, Structures

save, work = Structures.save, Path("work2")

def save_or_die(structures, path):
    if len(list(work.glob("[0-9a-f]*.npz"))) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    save(structures, path)

Structures.save = save_or_die
xtb9.CHUNK = 8
xtb9.make({config!r}, Path("killed.npz"), work, 1)
"""


@pytest.fixture(scope="module")
def shipped() -> Config:
    return Config(heavy_atoms=6, shipped=SHIPPED, shipped_sha256=sha256(EMBEDDED / SHIPPED))


@pytest.fixture(scope="module")
def demo(shipped: Config, tmp_path_factory: pytest.TempPathFactory) -> Structures:
    folder = tmp_path_factory.mktemp("demo")
    make(shipped, folder / "demo.npz", folder / "work", jobs=1)
    return Structures.load(folder / "demo.npz")


def test_bytes_depend_neither_on_jobs_nor_on_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tblite")
    monkeypatch.setattr(xtb9, "CHUNK", 8)
    config = Config(heavy_atoms=4)
    make(config, tmp_path / "whole.npz", tmp_path / "work1", jobs=2)

    code = DYING.format(config=config)
    process = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.DEVNULL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed.npz").exists()
    parts = sorted(tmp_path.glob("work2/[0-9a-f]*.npz"))
    assert len(parts) == 3

    kept = [part.stat().st_mtime_ns for part in parts]
    make(config, tmp_path / "killed.npz", tmp_path / "work2", jobs=1)
    assert [part.stat().st_mtime_ns for part in parts] == kept
    assert (tmp_path / "killed.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_bad_molecules_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tblite")
    monkeypatch.setattr(xtb9, "molecules", lambda *_: ["C", "F", "CO", "C1C2CC1C2", "O"])
    make(Config(), tmp_path / "few.npz", tmp_path / "work", jobs=2)
    structures = Structures.load(tmp_path / "few.npz")
    assert structures.columns["smiles"].tolist() == ["C", "CO", "O"]
    assert structures.columns["id"].tolist() == ["xtb9_000000", "xtb9_000002", "xtb9_000004"]
    source = json.loads(structures.source)
    assert source["tried"] == 5
    assert source["rejected"] == {"mmff94": 1, "xyz2mol_charge": 1}


def test_draw(tmp_path: Path) -> None:
    def drawn(seed: int) -> list[str]:
        tasks = xtb9._tasks(Config(heavy_atoms=4, count=20, seed=seed), "four", tmp_path)
        return [task.smiles for task in tasks]

    assert drawn(0) == drawn(0) != drawn(1)
    assert len(set(drawn(0))) == 20
    assert set(drawn(0)) < set(molecules(4))
    tasks = xtb9._tasks(Config(heavy_atoms=4, seed=7), "four", tmp_path)
    assert [task.seed for task in tasks] == [conformer_seed(7, task.smiles) for task in tasks]
    assert len({task.seed for task in tasks}) == len(tasks)
    with pytest.raises(ValueError, match="count is 1000, but there are only"):
        xtb9._tasks(Config(heavy_atoms=4, count=1000), "four", tmp_path)


def test_shipped_set_is_complete(demo: Structures) -> None:
    source, enumerated = json.loads(demo.source), molecules(6)
    assert source["tried"] == len(enumerated)
    assert len(demo) == source["tried"] - sum(source["rejected"].values())
    assert len(demo) > 0.95 * len(enumerated)
    numbers = [int(name.removeprefix("xtb9_")) for name in demo.columns["id"]]
    assert demo.columns["smiles"].tolist() == [enumerated[i] for i in numbers]
    assert (EMBEDDED / SHIPPED).stat().st_size < 2e6


def test_shipped_values_are_plausible(demo: Structures) -> None:
    columns = demo.columns
    assert demo.units == {"atomisation_energy": "eV", "homo": "eV", "lumo": "eV", "gap": "eV", "dipole": "D"}
    np.testing.assert_array_equal(columns["gap"], columns["lumo"] - columns["homo"])
    assert np.isfinite(demo.positions).all()
    per_atom = -columns["atomisation_energy"] / demo.n_atoms
    assert 4 < per_atom.min() < per_atom.max() < 9
    by_smiles = {name: i for i, name in enumerate(columns["smiles"].tolist())}
    assert columns["dipole"][by_smiles["c1ccccc1"]] < 0.01
    assert 1.5 < columns["dipole"][by_smiles["O"]] < 2.5


def test_shipped_molecules_are_remade(demo: Structures) -> None:
    """Energies within 1e-6 eV, distances within 1e-4 Å (measured across kinds of CPU: 5e-9 and 4e-6)."""
    pytest.importorskip("tblite")
    with Relaxer() as relaxer:
        for i in np.linspace(0, len(demo) - 1, 24, dtype=int):
            smiles = str(demo.columns["smiles"][i])
            numbers, positions = demo.frame(i)
            remade = relaxer.relax(smiles, conformer_seed(0, smiles), 0.01, 60)
            assert remade.numbers == numbers.tolist()
            assert remade.energy == pytest.approx(demo.energy[i], abs=1e-6)
            assert remade.dipole == pytest.approx(demo.columns["dipole"][i], abs=1e-3)
            np.testing.assert_allclose(pdist(remade.positions), pdist(positions), atol=1e-4)


def test_every_shipped_molecule_is_what_its_smiles_says(demo: Structures) -> None:
    pytest.importorskip("tblite")
    from tutti.chemistry.xtb import check_graph

    assert Counter(len(np.unique(demo.columns[name])) for name in ("id", "smiles")) == {len(demo): 2}
    for i, smiles in enumerate(demo.columns["smiles"].tolist()):
        check_graph(smiles, *demo.frame(i))


def members(path: Path) -> list[tuple]:
    """Everything in an archive but the version of its format, which Python changed in 3.11.4."""
    with zipfile.ZipFile(path) as archive:
        return [
            (i.filename, i.date_time, i.compress_type, i.compress_size, i.CRC) for i in archive.infolist()
        ]


def test_ship_keeps_contents(demo: Structures, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo.save(tmp_path / "demo.npz")
    ship(tmp_path / "demo.npz", tmp_path / "small.npz")
    assert Structures.load(tmp_path / "small.npz").digest == demo.digest
    assert members(tmp_path / "small.npz") == members(EMBEDDED / SHIPPED)
    assert f"shipped_sha256: {sha256(tmp_path / 'small.npz')}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"shipped": "xtb9_60.npz"}, FileNotFoundError, SHIPPED),
        ({"shipped_sha256": "0" * 64}, ValueError, "SHA-256"),
        ({"heavy_atoms": 7}, ValueError, "heavy_atoms 6, not 7"),
        ({"seed": 1}, ValueError, "seed 0, not 1"),
    ],
)
def test_wrong_shipment(
    shipped: Config, changes: dict[str, object], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        make(replace(shipped, **changes), tmp_path / "demo.npz", tmp_path / "work", jobs=1)
    assert not (tmp_path / "demo.npz").exists()


def test_shipped_needs_its_hash() -> None:
    with pytest.raises(ValueError, match="shipped_sha256"):
        Config(shipped=SHIPPED)
