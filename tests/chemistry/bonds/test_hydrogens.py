"""Which samples are skeletons whose hydrogens were left out."""

import numpy as np
import pytest

from known_molecules import known
from tutti.chemistry.bonds.hydrogens import lacks_hydrogens
from tutti.io.samples import read_samples


@pytest.mark.parametrize("name", ["C6H6", "CH3CH2OH", "C5H5N", "CH3CONH2", "C3H8", "cyclobutane"])
def test_skeletons_lack_their_hydrogens(name):
    numbers, positions = known(name)
    heavy = numbers > 1
    assert lacks_hydrogens(numbers[heavy], positions[heavy])
    assert not lacks_hydrogens(numbers, positions)


@pytest.mark.parametrize(
    "name", ["CO", "CO2", "CF4", "N2", "C60", "C2F4", "CCl4", "OCS", "CS", "NF3", "SO2", "F2"]
)
def test_molecules_without_hydrogens_lack_nothing(name):
    assert not lacks_hydrogens(*known(name))


def test_the_skeletons_of_drugs(shared_data):
    file = shared_data.parent / "cases/H1_heavy_only/heavy.xyz"
    if not file.is_file():
        pytest.skip("the cases are not beside the repository")
    samples = read_samples([file])
    assert all(lacks_hydrogens(*samples.frame(i)) for i in range(len(samples)))


def test_nothing_is_no_skeleton():
    assert not lacks_hydrogens(np.empty(0, np.uint8), np.empty((0, 3)))
