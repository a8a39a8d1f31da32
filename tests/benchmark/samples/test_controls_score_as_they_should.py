"""No table rewards an adversary: real molecules, copied, jittered and with displaced hydrogens."""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest

from tutti.benchmark.samples.controls import CHANGES, adversary
from tutti.benchmark.samples.judged import Judged
from tutti.benchmark.tables import better, declared, tables
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED

ASSIGNERS = ("xyz2mol", "openbabel", "lookup")
ADVERSARIES = {name: control.part for name, control in declared().controls.items() if name in CHANGES}
COSTLY_MOLECULES = 25


def judged(structures, costly):
    verdicts = {name: assign_all(structures, name, jobs=2, progress=False) for name in ASSIGNERS}
    main = verdicts["xyz2mol"]
    checks = {}
    for check, limits in declared().checks.items():
        if not (costly or limits.reference):
            continue
        few = main.assign(valid=main["valid"] & (np.arange(len(main)) < 2 * COSTLY_MOLECULES))
        if check != "energies":
            few["valid"] &= np.arange(len(main)) < COSTLY_MOLECULES
        module = import_module(f"tutti.benchmark.metrics.{check}")
        checks[check] = module.check_all(structures, few, jobs=2, time_limit=60, progress=False)
    return Judged(structures, verdicts, checks)


@pytest.fixture(scope="module")
def scores():
    """All rows of all tables, of the held-out molecules and of the adversaries, by model."""
    molecules = Structures.load(EMBEDDED / "qm9_6.npz")
    order = np.random.default_rng(0).permutation(len(molecules))
    training, held_out = molecules[order[:500]], molecules[order[500:]]
    reference = judged(training, costly=False)
    sources = {"train": training, "test": held_out}
    sets = {name: adversary(name, sources[part], 300, 0) for name, part in ADVERSARIES.items()}
    rows = []
    for name, structures in {"test_split": held_out, **sets}.items():
        samples = judged(structures, costly=True)
        for family in tables("samples"):
            table = import_module(f"tutti.benchmark.samples.{family}").table
            rows.append(table(samples, reference, model=name, dataset="qm9", seed=0).assign(family=family))
    table = pd.concat(rows, ignore_index=True)
    return table.set_index(["model", "family", "metric", "subset"]).sort_index()


def test_of_every_metric_it_is_declared_which_way_is_better(scores):
    known = {metric: better(metric) for metric in scores.index.unique("metric")}
    assert set(known.values()) == {"higher", "lower", "neither"}
    # Shares that a model gains by and distances that it loses by are no matter of taste.
    assert known["validity"] == known["graph_survives"] == known["jsd_p_value"] == "higher"
    assert known["mmd_bond_length_full"] == known["energy_drop_median"] == known["jsd"] == "lower"


@pytest.mark.parametrize("name", ADVERSARIES)
def test_no_metric_rewards_an_adversary(scores, name):
    """Nowhere does the adversary's whole interval lie on the better side of the held-out molecules'.

    Copies of training molecules have the training set's distribution: only there may distances be smaller.
    """
    real, fake = scores.loc["test_split"], scores.loc[name]
    both = pd.merge(real, fake, left_index=True, right_index=True, suffixes=("_real", "_fake")).reset_index()
    way = both["metric"].map(better)
    higher = (way == "higher") & (both["ci_low_fake"] > both["ci_high_real"])
    lower = (way == "lower") & (both["ci_high_fake"] < both["ci_low_real"])
    rewarded = both[higher | lower]
    if name == "copied_training":
        rewarded = rewarded[
            ~rewarded["family"].isin(
                ["mmd_bond_length", "mmd_bond_angle", "mmd_torsion", "mmd_bispectrum", "jsd", "energies"]
            )
        ]
    assert rewarded.empty, rewarded[["family", "metric", "subset", "value_real", "value_fake"]].to_string()


def below_floor(scores, model, family, metric):
    """By subset, whether the note says that the value is below all null draws."""
    return scores.loc[(model, family, metric), "note"].str.contains("below all null draws")


def test_copied_molecules_are_told_from_new_ones_of_the_same_distribution(scores):
    """In single bond types chance is too large for that among so few molecules; in their mean it is not."""
    for family, metric, subset in (
        ("jsd", "jsd", "local_environments"),
        ("mmd_bond_length", "mmd_bond_length_full", "mean"),
    ):
        assert below_floor(scores, "copied_training", family, metric)[subset]
        assert not below_floor(scores, "test_split", family, metric)[subset]
    assert below_floor(scores, "test_split", "mmd_bond_length", "mmd_bond_length_full").mean() <= 0.25


def value(scores, model, family, metric, subset):
    return scores.loc[(model, family, metric, subset), "value"]


@pytest.mark.parametrize("assigner", ASSIGNERS)
def test_copied_molecules_are_not_novel(scores, assigner):
    assert value(scores, "copied_training", "validity", "novelty", assigner) == 0
    assert value(scores, "test_split", "validity", "novelty", assigner) > 0.9


def test_copied_molecules_are_not_novel_in_3d(scores):
    assert value(scores, "copied_training", "shapes", "novelty_in_3d", "xyz2mol") == 0
    assert value(scores, "test_split", "shapes", "novelty_in_3d", "xyz2mol") > 0.9


@pytest.mark.parametrize("name", ["jittered", "displaced_hydrogens"])
def test_damaged_geometries_score_badly(scores, name):
    real = {
        key: value(scores, "test_split", *key)
        for key in [
            ("geometry_with_hydrogens", "geometry_with_hydrogens", "all"),
            ("strain", "energy_drop_median", "xyz2mol"),
            ("strain", "bond_length_change_median", "xyz2mol"),
            ("strain", "bond_angle_change_median", "xyz2mol"),
            ("mmd_bond_length", "mmd_bond_length_full", "C-H:1.0"),
            ("mmd_bond_length", "mmd_bond_length", "C-H:1.0"),
            ("mmd_bond_length", "wasserstein_bond_length", "C-H:1.0"),
            ("mmd_bond_angle", "mmd_bond_angle", "H-C-H:1.0,1.0"),
            ("mmd_bond_angle", "wasserstein_bond_angle", "H-C-H:1.0,1.0"),
            ("mmd_bispectrum", "mmd_bispectrum_full", "C:C1,H3"),
            ("mmd_bispectrum", "mmd_bispectrum_even14_full", "C:C1,H3"),
        ]
    }
    fake = {key: value(scores, name, *key) for key in real}
    passing, strain, lengths, angles, *distances = real
    assert real[passing] > 0.9 and fake[passing] < 0.2
    assert real[strain] < 10 and fake[strain] > 100
    assert real[lengths] < 0.02 and fake[lengths] > 0.04
    assert real[angles] < 1.5 and fake[angles] > 5
    energies = ("energies", "energy_wasserstein", "xyz2mol")
    assert value(scores, name, *energies) > 3 * value(scores, "test_split", *energies)
    assert value(scores, name, "energies", "energy_wasserstein_p_value", "xyz2mol") <= 0.005
    for key in distances:
        assert fake[key] > 3 * real[key], key
    assert value(scores, name, "mmd_bond_length", "mmd_bond_length_p_value", "C-H:1.0") <= 0.005
    assert value(scores, "test_split", "mmd_bond_length", "mmd_bond_length_p_value", "C-H:1.0") > 0.005


@pytest.mark.parametrize("name", ["jittered", "displaced_hydrogens"])
def test_damaged_geometries_have_other_torsions_ring_systems_and_valences(scores, name):
    """Torsions are wide, so that noise changes them less; false bonds close rings and leave valences open."""
    key = "H-C-C-H:1.0,1.0,1.0"
    for metric in ("mmd_torsion", "wasserstein_torsion"):
        floor = value(scores, name, "mmd_torsion", f"{metric}_floor", key)
        assert value(scores, name, "mmd_torsion", metric, key) > 1.5 * floor
    p_value = ("mmd_torsion", "mmd_torsion_p_value", key)
    assert value(scores, name, *p_value) <= 0.01 < value(scores, "test_split", *p_value)
    stable = ("valences", "molecule_stability_with_charges", "xyz2mol")
    assert value(scores, "test_split", *stable) > 0.98
    assert value(scores, name, *stable) < 0.7
    rings = ("ring_systems", "new_ring_systems", "all")
    assert value(scores, name, *rings) > 1.5 * value(scores, "test_split", *rings)


def test_copies_lack_no_ring_system_and_new_molecules_lack_what_the_floor_says(scores):
    floor = value(scores, "test_split", "ring_systems", "new_ring_systems_floor", "all")
    assert value(scores, "copied_training", "ring_systems", "new_ring_systems", "all") == 0
    assert 0.5 < value(scores, "test_split", "ring_systems", "new_ring_systems", "all") / floor < 1.5
