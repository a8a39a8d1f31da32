"""Energies against tblite's own calculator, distances against SciPy's, and what is said without energies."""

import ase.build
import numpy as np
import pandas as pd
import pytest
from scipy import stats

pytest.importorskip("tblite", reason="energies need the extra 'xtb'")

from tblite.ase import TBLite

from table_names import NAMES
from tutti.benchmark.metrics import energies, strain
from tutti.core.structures import Structures


def of_carbon(values: list[float] | np.ndarray) -> energies.Energies:
    """Molecules of one element; the mean of the reference's energies is what it has."""
    shares = np.zeros((len(values), 119))
    shares[:, 6] = 1
    return energies.Energies(np.array(values, float), shares)


def test_energies_are_those_of_tblites_own_calculator() -> None:
    strain.use_one_thread()

    def total(atoms: ase.Atoms, multiplicity: int, charge: int = 0) -> float:
        atoms.calc = TBLite(method="GFN2-xTB", multiplicity=multiplicity, charge=charge, verbosity=0)
        return atoms.get_potential_energy()

    atoms = [
        ase.build.molecule("CH3CH2OH"),
        ase.build.molecule("CN"),
        ase.Atoms("UF", [[0, 0, 0], [0, 0, 2]]),
    ]
    structures = Structures.from_frames(
        [(each.numbers, each.positions) for each in [*atoms, atoms[0]]],
        columns={"charge": np.array([0, -1, 0, 0])},
    )
    verdicts = pd.DataFrame({"id": list("abcd"), "valid": [True, True, True, False]})
    found = energies.check_all(structures, verdicts, 1, progress=False)
    free = {symbol: total(ase.Atoms(symbol), 1 + ase.Atoms(symbol).numbers[0] % 2) for symbol in "CHON"}
    expected = [
        (total(atoms[0], 1) - 2 * free["C"] - 6 * free["H"] - free["O"]) / 9,
        (total(atoms[1], 1, -1) - free["C"] - free["N"]) / 2,
    ]
    np.testing.assert_allclose(found[energies.ENERGY][:2], expected, atol=1e-5)
    assert -6 < expected[0] < -3
    assert found["reason"].tolist() == ["", "", "unsupported_element", ""]
    assert found["checked"].tolist() == [True, True, True, False]
    assert found[energies.ENERGY][2:].isna().all()


def test_distances_are_scipys() -> None:
    rng = np.random.default_rng(0)
    values = np.round(rng.normal(size=40), 1)  # with ties
    first, second = rng.integers(0, 3, size=(2, 150, 40))
    found = energies.distances(values, first, second)
    for i, (one, other) in enumerate(zip(first, second, strict=True)):
        sets = np.repeat(values, one), np.repeat(values, other)
        assert found[0, i] == pytest.approx(stats.wasserstein_distance(*sets), rel=1e-10)
        assert found[1, i] == pytest.approx(stats.ks_2samp(*sets).statistic, rel=1e-10)


def test_what_the_elements_have_on_average_is_taken_away() -> None:
    """Exactly, where energies are sums over atoms; an element that the reference lacks stays a free atom."""
    rng, of_element = np.random.default_rng(0), {1: -2.0, 6: -7.0, 8: -5.0}

    def molecules(elements: list[int], n: int) -> tuple[Structures, pd.DataFrame]:
        frames = [(rng.choice(elements, size).astype(np.uint8), np.zeros((size, 3))) for size in range(1, n)]
        per_atom = [np.mean([of_element.get(z, 0) for z in numbers.tolist()]) for numbers, _ in frames]
        return Structures.from_frames(frames), pd.DataFrame({energies.ENERGY: per_atom})

    structures, frame = molecules([1, 6, 8, 9], 20)
    frame.loc[3, energies.ENERGY] = None
    given = energies.Energies.of(structures, frame), energies.Energies.of(*molecules([1, 6, 8], 30))
    assert len(given[0].per_atom) == 18
    for values in energies.beyond_composition(*given):
        np.testing.assert_allclose(values, 0, atol=1e-9)


def test_a_shift_is_the_wasserstein_distance_and_no_chance() -> None:
    reference = np.random.default_rng(1).normal(-4, 0.1, 400)
    shifted = reference[:200] + 0.3
    table = energies.energy_table(of_carbon(shifted), of_carbon(reference), "", **NAMES).set_index("metric")
    value = table["value"]
    assert value["energy_wasserstein"] == pytest.approx(stats.wasserstein_distance(shifted, reference))
    assert value["energy_wasserstein"] > 0.25 > 10 * value["energy_wasserstein_floor"]
    assert table.loc["energy_wasserstein", "ci_low"] > 0.25
    assert value["energy_wasserstein_p_value"] == value["energy_kolmogorov_smirnov_p_value"] == 0.005
    assert table["unit"].tolist() == ["eV/atom", "eV/atom", "dimensionless", "1", "1", "dimensionless"]


def test_of_one_distribution_both_distances_are_at_their_floors() -> None:
    rng, p_values = np.random.default_rng(2), []
    for seed in range(20):
        ours, theirs = of_carbon(rng.normal(-4, 0.1, 60)), of_carbon(rng.normal(-4, 0.1, 120))
        table = energies.energy_table(ours, theirs, "", **NAMES | {"seed": seed}).set_index("metric")
        p_values.append(table["value"][["energy_wasserstein_p_value", "energy_kolmogorov_smirnov_p_value"]])
        assert 0.3 < table["value"]["energy_wasserstein"] / table["value"]["energy_wasserstein_floor"] < 3
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.2)


def test_molecules_without_an_energy_are_counted() -> None:
    given = of_carbon([-4.0, -4.1]), of_carbon([-4.0, -4.2, -4.1])
    table = energies.energy_table(*given, "1 scf, 1 timeout", **NAMES)
    assert (table["n"] == 2).all()
    assert table["note"].str.contains("left out, without an energy: 1 scf, 1 timeout").all()


@pytest.mark.parametrize("empty", ["samples", "reference"])
def test_nothing_to_compare(empty: str) -> None:
    sides = {"samples": of_carbon([-4.0]), "reference": of_carbon([-4.0])} | {empty: of_carbon([])}
    table = energies.energy_table(*sides.values(), "", **NAMES)
    assert len(table) == 6 and table["value"].isna().all()
    assert table["note"].str.startswith(f"undefined: no energies in the {empty}").all()
