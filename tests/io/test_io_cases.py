"""Files of public bug reports: what came out was wrong, and what is right is known."""

import numpy as np
import pytest

from tutti import io
from tutti.core.units import factor
from tutti.io.samples import read_samples


@pytest.fixture(scope="module")
def case(shared_data):
    def path(name: str):
        folder = shared_data.parent / "cases" / name
        if not folder.is_dir():
            pytest.skip("the cases are not beside the repository")
        return folder

    return path


def test_gpumd_keys_are_known_in_any_case(case):
    folder = case("20_gpumd")
    lower, usual = io.read(folder / "water_lower.extxyz"), io.read(folder / "water_ok.extxyz")
    assert lower.digest == usual.digest and lower.cell is not None and lower.forces is not None
    own = io.read(folder / "in.extxyz")
    assert own.cell[0].tolist() == (5 * np.eye(3)).tolist() and own.pbc.all()
    assert own.energy.tolist() == [-3] and own.forces[1].tolist() == [0.1, 0, -0.3]


def test_an_sgdml_archive_in_its_own_units(case):
    structures = io.read(case("40_sgdml_npz_eV") / "in.npz")
    assert structures.energy[0] == pytest.approx(-14.2654, abs=1e-4)
    with np.load(case("40_sgdml_npz_eV") / "in.npz") as archive:
        np.testing.assert_array_equal(structures.forces, archive["F"].reshape(-1, 3))


def test_a_schnetpack_database_in_its_own_units(case):
    structures = io.read(case("48_schnetpack_db") / "in.db")
    assert structures.energy[0] == pytest.approx(-14.265 * factor("kcal/mol", "eV"), abs=1e-4)
    assert structures.forces[0, 0] == pytest.approx(-1.25906553 * factor("kcal/mol", "eV"), abs=1e-8)


@pytest.mark.filterwarnings("ignore:.*not read. case.md")
def test_samples_that_edm_wrote(case):
    samples = read_samples([case("51_edm_txt")])
    assert samples.n_atoms.tolist() == [3, 3, 3] and samples.numbers.tolist() == [8, 1, 1] * 3
    assert samples.columns["file"].tolist() == [f"molecule_00{i}.txt" for i in range(3)]
    assert set(samples.columns["unreadable"]) == {""}
