"""Real samples for the tests of bond assignment."""

from pathlib import Path

import pytest

from tutti import io
from tutti.core.structures import Structures


@pytest.fixture(scope="session")
def qm7(shared_data: Path) -> Structures:
    """The first 1,500 molecules of QM7."""
    return io.read(shared_data / "qm7.extxyz.gz")[:1500]
