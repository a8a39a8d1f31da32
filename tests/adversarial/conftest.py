"""Fixtures of the adversarial corpus."""

from pathlib import Path

import pytest
from corpus import corpus


@pytest.fixture(scope="session")
def corpus_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folder of the files of every case of the corpus, by its name."""
    parent = tmp_path_factory.mktemp("corpus")
    return {case.name: case.write(parent) for case in corpus()}
