"""Ensembles that are made once give the verdicts of the library that makes each anew."""

import numpy as np
import pytest
from posebusters import PoseBusters
from posebusters.modules import energy_ratio

from known_molecules import known
from tutti.benchmark.metrics import ensembles, posebusters
from tutti.chemistry.bonds import xyz2mol
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(ensembles, "_known", {})


def test_repeats_in_any_order_and_shape_have_the_library_s_verdicts(monkeypatch):
    rng = np.random.default_rng(0)
    frames = []
    for name in ("CH3OH", "H2CO", "CH3CN"):
        numbers, positions = known(name)
        for scale in (0.0, 0.02):
            order = rng.permutation(len(numbers))
            frames.append((numbers[order], positions[order] + rng.normal(scale=scale, size=positions.shape)))
    structures = Structures.from_frames(frames)
    verdicts = assign_all(structures, "xyz2mol", 1, progress=False)
    assert verdicts["valid"].all() and verdicts["smiles"].nunique() == 3
    found = posebusters.check_all(structures, verdicts, jobs=2, progress=False)
    assert len(ensembles._known) == 3
    library = PoseBusters("mol")
    for i, passed in enumerate(found["internal_energy"]):
        energy_ratio.get_energies.cache_clear()
        row = library.bust(xyz2mol.molecule(*structures.frame(i))).iloc[0]
        assert bool(row["internal_energy"]) == passed
    # Every ensemble is known now: none is made again, whoever asks.
    monkeypatch.setattr(ensembles, "_make", None)
    again = posebusters.check_all(structures, verdicts, jobs=1, progress=False)
    assert again.drop(columns="seconds").equals(found.drop(columns="seconds"))


def test_the_mean_is_the_library_s_and_failures_are_kept(monkeypatch):
    inchi = "InChI=1S/CH4O/c1-2/h2H,1H3"
    expected = energy_ratio.get_average_energy(inchi, 50, 1)
    with ensembles.kept() as made:
        assert energy_ratio.get_average_energy(inchi, 50, 1) == expected
        assert made == [(f"50 {inchi}", expected)]
    with ensembles.kept() as made:
        assert energy_ratio.get_average_energy(inchi, 50, 1) == expected and made == []
        for _ in range(2):
            with pytest.raises(ValueError, match="no ensemble"):
                energy_ratio.get_energies("InChI=1S/nothing", 50, 1)
        assert [key for key, _ in made] == ["50 InChI=1S/nothing"]
    assert energy_ratio.get_energies is not ensembles._energies


def test_no_more_are_kept_than_wanted(monkeypatch):
    monkeypatch.setattr(ensembles, "MOST", 3)
    for i in range(10):
        ensembles.learn(str(i), i)
    assert list(ensembles._known) == ["7", "8", "9"]
