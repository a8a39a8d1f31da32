"""Traps of published tables: what a number is to be compared with, and what it must not depend on."""

import numpy as np
import pandas as pd
import pytest

from table_names import NAMES
from tutti import io
from tutti.benchmark.metrics import bond_lengths
from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.mmd_protocols import BATCH, paper
from tutti.benchmark.metrics.permolecule import Failure
from tutti.benchmark.samples import against_n, mmd_bispectrum, mmd_bond_length, strain, validity
from tutti.benchmark.samples.judged import Judged
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.elements import SYMBOLS
from tutti.core.structures import Structures
from tutti.statistics.observations import Observations

CENTRES = (6, 7, 8, 9, 14, 15, 16, 17, 5, 35, 53, 34)  # twelve elements, the one with most copies first


def bent(numbers: tuple[int, int, int], length: float, angle: float) -> tuple[np.ndarray, np.ndarray, bool]:
    """Three atoms, the first bonded to the two others, as (numbers, positions, valid)."""
    ends = [[1.0, 0.0, 0.0], [np.cos(angle), np.sin(angle), 0.0]]
    return np.array(numbers, np.uint8), length * np.array([[0.0, 0.0, 0.0], *ends]), True


def judged(molecules: list[tuple[np.ndarray, np.ndarray, bool]]) -> Judged:
    """Samples of three atoms with the two bonds of `bent`, judged by xyz2mol."""
    structures = Structures.from_frames([(numbers, positions) for numbers, positions, _ in molecules])
    verdicts = pd.DataFrame({"valid": [valid for *_, valid in molecules]})
    for name, values in {"bond_first": [0, 0], "bond_second": [1, 2], "bond_order": [1.0, 1.0]}.items():
        verdicts[name] = pd.Series([values] * len(molecules), dtype=object)
    return Judged(structures, {"xyz2mol": verdicts})


def dihydrides(rng: np.random.Generator, copies: dict[int, int]) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """XH2, by the number of copies of each X."""
    return [
        bent((centre, 1, 1), rng.normal(1.2, 0.02), rng.normal(1.8, 0.1))
        for centre, n in copies.items()
        for _ in range(n)
    ]


@pytest.mark.parametrize("module", [mmd_bond_length, mmd_bispectrum])
def test_keys_are_the_most_frequent_ones_of_the_reference(module):
    rng = np.random.default_rng(0)
    copies = {centre: 15 - rank for rank, centre in enumerate(CENTRES)}
    reference = judged(dihydrides(rng, copies))
    nitrogens = [bent((7, 7, 7), 1.4, rng.normal(1.8, 0.1)) for _ in range(100)]
    samples = judged(nitrogens + dihydrides(rng, dict.fromkeys(CENTRES[-2:], 10)))
    found = module.table(samples, reference, **NAMES)["subset"].unique().tolist()
    expected = {
        mmd_bond_length: ["-".join(sorted((SYMBOLS[centre], "H"))) + ":1.0" for centre in CENTRES[:10]],
        mmd_bispectrum: [f"{SYMBOLS[centre]}:H2" for centre in CENTRES[:10]],
    }
    assert found == [*expected[module], "mean"]


def test_only_the_first_valid_molecules_enter_the_papers_protocol_of_bispectra(monkeypatch):
    assert mmd_bispectrum.PAPER_MOLECULES == 1000
    monkeypatch.setattr(mmd_bispectrum, "PAPER_MOLECULES", 5)
    rng = np.random.default_rng(0)
    reference = judged(dihydrides(rng, {8: 30}))
    first = dihydrides(rng, {8: 5})
    invalid = [(numbers, positions, False) for numbers, positions, _ in dihydrides(rng, {8: 4})]
    straight = [bent((8, 1, 1), 1.2, 3.1)] * 20
    few, many = (
        mmd_bispectrum.table(judged(molecules), reference, **NAMES).set_index(["metric", "subset"])
        for molecules in (first, invalid[:2] + first[:3] + invalid[2:] + first[3:] + straight)
    )
    for metric in ("mmd_bispectrum", "mmd_bispectrum_even14"):
        key = (metric, "O:H2")
        assert many.loc[key, "n"] == few.loc[key, "n"] == 5
        assert many.loc[key, "value"] == few.loc[key, "value"]
        in_full = (f"{metric}_full", "O:H2")
        assert many.loc[in_full, "n"] == 25
        assert many.loc[in_full, "value"] > 2 * few.loc[in_full, "value"]


def verdicts(smiles: list[str | None]) -> pd.DataFrame:
    """Verdicts of one assigner; None: not valid."""
    valid = [text is not None for text in smiles]
    flags = dict.fromkeys(("connected", "neutral_atoms", "no_radicals", "molecule_stable"), valid)
    frame = pd.DataFrame({"valid": valid, "smiles": smiles, "published_smiles": smiles, **flags})
    return frame.assign(reason="", n_atoms=3, n_stable_atoms=3)


def test_novelty_is_against_what_the_same_assigner_sees_in_the_training_geometries():
    structures = Structures.from_frames([(np.array([8, 1, 1]), np.eye(3))] * 3)
    training = {
        "xyz2mol": verdicts(["CC", "CO", None]),
        "lookup": verdicts(["CC", None, None]),
        "openbabel": verdicts(["CC", "CO", "N"]),
    }
    samples = Judged(structures, {name: verdicts(["CC", "CO", "N"]) for name in training})
    table = validity.table(samples, Judged(structures, training), **NAMES)
    novelty = table[table["metric"] == "novelty"].set_index("subset")["value"]
    assert novelty.to_dict() == pytest.approx({"xyz2mol": 1 / 3, "lookup": 2 / 3, "openbabel": 0})


def test_models_are_compared_at_the_same_number_of_molecules():
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, 501)
    curves = {}
    for n in (500, 10_000):
        drawn = rng.choice(500, n, p=shares / shares.sum())
        frame = pd.DataFrame({"valid": True, "smiles": ["C" * (1 + kind) for kind in drawn]})
        structures = Structures.from_frames([(np.array([6]), np.zeros((1, 3)))] * n)
        table = against_n.table(Judged(structures, {"xyz2mol": frame}), None, **NAMES)
        curves[n] = table[table["metric"] == "uniqueness"].set_index("n")["value"]
    few, many = curves.values()
    assert few[500] > 5 * many[10_000]
    # Over many seeds the difference has a mean of 0.001 and a standard deviation of 0.019 at most.
    np.testing.assert_allclose(few, many[few.index], atol=0.08)


def test_the_paper_gives_two_halves_of_real_bonds_a_discrepancy(shared_data):
    """About sqrt(2/BATCH · (30 - E κ(d²))), not 0; 0.04 for the mean over types of bonds."""
    structures = io.read(shared_data / "qm7.extxyz.gz")[:2500]
    found = Bonded.of(structures, assign_all(structures, "xyz2mol", 1, progress=False))
    lengths = bond_lengths.by_type(found, ["C-H:1.0", "C-C:1.0"])
    rng = np.random.default_rng(0)
    floors = []
    for key, bonds in lengths.items():
        draws = [paper(*halves(bonds, rng), key, seed) for seed in range(10)]
        some = rng.choice(bonds.values[:, 0], (2, 20_000))
        kernels = np.exp(-np.geomspace(1e-3, 1e3, 30)[:, None] * np.square(some[0] - some[1])).sum(axis=0)
        expected = 2 / BATCH * (30 - kernels.mean())
        assert np.min(draws) > 0
        assert 0.7 * expected < np.square(draws).mean() < 2 * expected, key
        floors.append(np.mean(draws))
    assert 0.02 < np.mean(floors) < 0.09


def halves(bonds: Observations, rng: np.random.Generator) -> list[Observations]:
    """The bonds of one half of the molecules and those of the other."""
    first = (rng.permutation(bonds.n_molecules) < bonds.n_molecules // 2)[bonds.molecule]
    return [
        Observations(bonds.values[side], bonds.molecule[side], bonds.n_molecules) for side in (first, ~first)
    ]


def test_a_table_says_what_it_lacks_molecules_of():
    """Hydrogen relaxes, and has no heavy atom whose displacement could be measured."""
    columns = {"energy_drop_per_atom": 1.0, "heavy_atom_rmsd": np.nan, "graph_survives": True}
    columns |= dict.fromkeys(("bond_length_change", "bond_angle_change", "torsion_change"), np.nan)
    hydrogen = pd.DataFrame({"checked": [True], "reason": [Failure.NONE], **columns})
    samples = Judged(Structures.from_frames([(np.array([1, 1]), np.eye(2, 3))]), {}, {"strain": hydrogen})
    table = strain.table(samples, None, **NAMES).set_index("metric")
    assert table.loc["energy_drop_median", "value"] == 1
    of_checked, of_relaxed = "heavy_atom_rmsd_median", "heavy_atom_rmsd_mean_of_relaxed"
    for metric, whose in ((of_checked, "checked valid"), (of_relaxed, "relaxed")):
        assert np.isnan(table.loc[metric, "value"])
        assert table.loc[metric, "note"].startswith(f"undefined: no {whose} molecules with heavy atoms")
    nothing = Judged(samples.structures, {}, {"strain": hydrogen.assign(reason=Failure.SCF)})
    notes = strain.table(nothing, None, **NAMES).set_index("metric")["note"]
    assert notes[of_relaxed].startswith("undefined: no relaxed molecules")
