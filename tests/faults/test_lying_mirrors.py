"""Damaged bodies of downloads whose hash is not known, as a mirror that lies would send them."""

import pytest

from public_files import BODIES, misread

pytestmark = pytest.mark.faults
TIMES = 3000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BODIES)
def test_damage_is_refused_in_words_or_harmless(tmp_path, rng, name):
    """Formats with checksums are never read wrongly; of text, what is read has at least its magnitudes."""
    other = misread(tmp_path / name, rng, TIMES)
    print(f"{name}: {other} of {TIMES} damaged files were read as something else")
    assert other == 0 or name == "f.xyz"
