"""Fixtures for all tests."""

from pathlib import Path

import pytest

from tutti.core import registry
from tutti.core.structures import Structures
from tutti.data import qm9
from tutti.data.download import DownloadError
from tutti.data.shipped import EMBEDDED


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real molecules and DFT frames beside the repository; tests that need it skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real data not found: put it in ../shared/data beside the repository")
    return folder


@pytest.fixture(scope="session")
def relaxed() -> Structures:
    """The embedded molecules of QM9, in their B3LYP minima."""
    return Structures.load(EMBEDDED / "qm9_6.npz")


@pytest.fixture(scope="session")
def all_of_qm9(tmp_path_factory: pytest.TempPathFactory) -> Structures:
    """QM9, fetched through pip; for tests marked `qm9`, which skip where pip does not get it."""
    folder = tmp_path_factory.mktemp("qm9")
    try:
        qm9.make(qm9.Config(source="qm9pack"), folder / "qm9.npz", folder / "work", jobs=1)
    except DownloadError as error:
        pytest.skip(f"pip does not get the wheel: {error}")
    return Structures.load(folder / "qm9.npz")


@pytest.fixture
def toy_in_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy model is found by its name, like those of the package."""
    import toy_model

    find = registry.module
    monkeypatch.setattr(
        registry, "module", lambda kind, name: toy_model if name == "toy_model" else find(kind, name)
    )
