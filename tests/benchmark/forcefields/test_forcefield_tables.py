"""Tables of errors: rows, units, published numbers, and the slopes of learning curves."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from tutti.benchmark import published
from tutti.benchmark.forcefields import errors, learning_curve, water
from tutti.core import tidy
from tutti.core.structures import Structures
from tutti.report import tables

NAMES = {"model": "mine", "dataset": "data", "seed": 0}


@pytest.fixture
def reference():
    rng = np.random.default_rng(0)
    frames = [([6, 1, 1], rng.random((3, 3))) for _ in range(20)]
    known = Structures.from_frames(frames, energy=rng.normal(size=20), forces=rng.normal(size=(60, 3)))
    return known.with_columns(zpve=rng.random(20), mu=rng.random(20))


@pytest.fixture
def predicted(reference):
    """Energies are 6 meV too high, forces 5 meV/Å too high on carbon and 2 meV/Å too low on hydrogen."""
    shift = np.where(reference.numbers == 6, 0.005, -0.002)[:, None]
    shifted = dataclasses.replace(reference, energy=reference.energy + 0.006, forces=reference.forces + shift)
    return shifted.with_columns(zpve=reference.columns["zpve"] - 0.001, mu=reference.columns["mu"] + 0.25)


def test_energies_and_forces_in_the_papers_units(reference, predicted):
    table = errors.table(reference, predicted, target="energy", **NAMES).set_index(["metric", "subset"])
    expected = {
        ("energy_mae", "test"): (6, "meV"),
        ("energy_rmse", "test"): (6, "meV"),
        ("energy_mae_per_atom", "test"): (2, "meV/atom"),
        ("force_mae", "test"): (3, "meV/Å"),
        ("force_rmse", "test"): (np.sqrt(11), "meV/Å"),
        ("force_mae_by_element", "test: H"): (2, "meV/Å"),
        ("force_mae_by_element", "test: C"): (5, "meV/Å"),
    }
    assert list(table.index) == list(expected)
    np.testing.assert_allclose(table["value"], [value for value, _ in expected.values()], rtol=1e-9)
    np.testing.assert_allclose(table["ci_low"], table["value"], rtol=1e-9)
    assert table["unit"].tolist() == [unit for _, unit in expected.values()]
    assert (table["n"] == 20).all() and (table["note"] == "").all()


def test_energies_alone_and_one_element(reference, predicted):
    table = errors.table(
        dataclasses.replace(reference, forces=None), predicted, target="energy", subset="train", **NAMES
    )
    assert table["metric"].tolist() == ["energy_mae", "energy_rmse", "energy_mae_per_atom"]
    assert set(table["subset"]) == {"train"}
    helium = np.full(60, 2, np.uint8)
    alone = [dataclasses.replace(side, numbers=helium) for side in (reference, predicted)]
    assert "force_mae_by_element" not in set(errors.table(*alone, target="energy", **NAMES)["metric"])


def test_properties(reference, predicted):
    parts = [
        errors.table(reference, predicted, target=target, subset=subset, **NAMES)
        for target in ("zpve", "mu")
        for subset in ("test", "train")
    ]
    table = tidy.join(parts)
    mae = table[table["metric"] == "mae"].set_index("subset")
    assert mae.index.tolist() == ["zpve", "train: zpve", "mu", "train: mu"]
    np.testing.assert_allclose(mae["value"], [1, 1, 0.25, 0.25], rtol=1e-9)
    assert mae["unit"].tolist() == ["meV", "meV", "D", "D"]
    filled = published.fill(table, datasets={"data": "qm9"}, models={"mine": "SchNet"})
    assert filled.set_index(["metric", "subset"]).loc[("mae", "zpve"), "published"] == 1.7
    assert filled["published"].notna().sum() == 2


def test_one_structure_and_none(reference, predicted):
    one = errors.table(reference[:1], predicted[:1], target="energy", **NAMES)
    assert one["value"].notna().all() and one["ci_low"].isna().all() and one["ci_high"].isna().all()
    assert set(one["note"]) == {"no interval from one structure"}
    none = errors.table(reference[:0], predicted[:0], target="energy", **NAMES)
    assert none["value"].isna().all() and set(none["note"]) == {"undefined: no structures"}
    tables.markdown(tidy.join([one.assign(dataset="one"), none]))


def test_predictions_that_are_not_finite_are_told(reference, predicted):
    predicted.forces[[0, 1, 7]] = np.nan
    table = errors.table(reference, predicted, target="energy", **NAMES).set_index("metric")
    assert table.loc["energy_mae", "value"] == pytest.approx(6)
    assert np.isnan(table.loc["force_mae", "value"])
    assert table.loc["force_mae", "note"] == ("undefined: 2 of 20 structures have a value that is not finite")


def test_the_same_seed_gives_the_same_interval_and_another_one_does_not(reference):
    rng = np.random.default_rng(0)
    other = dataclasses.replace(reference, forces=reference.forces + rng.normal(size=(60, 3)))
    first, again, different = (
        errors.table(reference, other, target="energy", model="m", dataset="d", seed=seed)
        for seed in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(first, again)
    assert first["ci_low"][3] != different["ci_low"][3]


def test_water(reference, predicted):
    table = water.table(
        reference, predicted, subset="test", energy_weight=0.5, condition="gaussians=150", **NAMES
    ).set_index("metric")
    expected = {
        "mse_energy": 36e-6,
        "rmse_energy": 6e-3,
        "mse_forces": 11e-6,
        "rmse_forces": np.sqrt(11e-6),
        "loss_total": 29e-6,
    }
    assert table["value"].to_dict() == pytest.approx(expected, rel=1e-9)
    assert table["unit"].tolist() == ["eV²", "eV", "(eV/Å)²", "eV/Å", "(eV/Å)²"]
    assert table["published"].isna().all()
    assert table.loc["loss_total", "note"] == (
        "ρ = 0.5 Å⁻²; the published study has 356.174, without a unit: tully_schnet_water16"
    )
    assert (table.drop("loss_total")["note"] == "").all()


@pytest.mark.parametrize(
    ("subset", "energy", "total"), [("train", "0.133996", "0.0138474"), ("test", "0.134268", "0.0138377")]
)
def test_water_in_the_standard_condition(reference, predicted, subset, energy, total):
    table = water.table(reference, predicted, subset=subset, condition=water.STANDARD, **NAMES)
    notes = table.set_index("metric")["note"]
    assert notes["mse_energy"].startswith(f"the published study has {energy}, ")
    assert notes["loss_total"].startswith(f"ρ = 0.1 Å⁻²; the published study has {total}, ")
    assert notes["rmse_energy"] == ""


def test_a_loss_with_forces_that_are_not_finite(reference, predicted):
    predicted.forces[0] = np.inf
    loss = water.table(reference, predicted, subset="test", **NAMES).set_index("metric").loc["loss_total"]
    assert np.isnan(loss["value"])
    assert loss["note"] == "undefined: 1 of 20 structures have a value that is not finite; ρ = 0.1 Å⁻²"


def law(sizes, slope, scatter=(), model="mine", seed=0, dataset="lips", subset="test", metric="force_mae"):
    """Rows of errors that follow a power law."""
    scatter = scatter or [1.0] * len(sizes)
    values = [100 * n**slope * s for n, s in zip(sizes, scatter, strict=True)]
    rows = [
        (model, f"{dataset}@{n}", seed, metric, subset, v, 0.9 * v, 1.1 * v, 50, "meV/Å", np.nan, "")
        for n, v in zip(sizes, values, strict=True)
    ]
    return pd.DataFrame(rows, columns=tidy.COLUMNS)


def test_a_power_law_is_found():
    found = learning_curve.table(law([1000, 10, 100], -0.4))
    assert found["dataset"].tolist() == ["lips"] * 4
    assert found["subset"].tolist() == ["n_train=10", "n_train=100", "n_train=1000", "all"]
    slope = found.iloc[3]
    assert slope["metric"] == "force_mae_slope" and slope["n"] == 3
    assert [slope["value"], slope["ci_low"], slope["ci_high"]] == pytest.approx([-0.4] * 3, abs=1e-9)


def test_the_interval_of_a_slope_is_the_t_interval():
    """log errors (0, 0, 3) ln 10 more at the sizes 10, 100, 1000: slope 1.5, residual variance 1.5 / 1."""
    found = learning_curve.table(law([10, 100, 1000], 0.0, scatter=[1, 1, 1000]))
    slope = found.iloc[-1]
    half = 12.706205 * np.sqrt(1.5 / 2)
    assert slope["value"] == pytest.approx(1.5)
    assert [slope["ci_low"], slope["ci_high"]] == pytest.approx([1.5 - half, 1.5 + half], rel=1e-6)


def test_models_seeds_and_properties_have_slopes_of_their_own():
    found = learning_curve.table(
        tidy.join(
            [
                law([10, 100, 1000], -0.3),
                law([10, 100, 1000], -0.5, seed=1),
                law([10, 100], -0.6, model="other"),
                law([10, 100, 1000], -0.2, dataset="qm9", metric="mae", subset="homo"),
                law([10, 100, 1000], -0.7, subset="train"),
                law([10, 100, 1000], -0.8, dataset="qm9", metric="mae", subset="train: homo"),
                law([10], 1.0, dataset="single"),
                law([10, 100, 1000], -0.9).assign(dataset="whole", seed=[0, 1, 2]),
            ]
        )
    )
    slopes = found[found["metric"].str.endswith("_slope")].set_index(["dataset", "model", "seed", "subset"])
    assert slopes["value"].to_dict() == pytest.approx(
        {
            ("lips", "mine", 0, "all"): -0.3,
            ("lips", "mine", 1, "all"): -0.5,
            ("lips", "other", 0, "all"): -0.6,
            ("qm9", "mine", 0, "homo"): -0.2,
        }
    )
    other = slopes.loc[("lips", "other", 0, "all")]
    assert np.isnan(other["ci_low"]) and other["note"] == "no interval from two sizes"
    assert "homo;n_train=10" in set(found["subset"])
    assert set(found["dataset"]) == {"lips", "qm9", "single"}


def test_an_unknown_error_leaves_the_slope_undefined():
    curve = law([10, 100, 1000], -0.3)
    curve.loc[1, ["value", "ci_low", "ci_high"]] = np.nan
    slope = learning_curve.table(curve).iloc[-1]
    assert np.isnan(slope["value"]) and slope["note"].startswith("undefined: ")


def test_without_curves_there_are_no_rows():
    assert learning_curve.table(law([10], 0.0).assign(dataset="lips")).empty


def test_a_curve_stands_beside_the_published_one():
    filled = published.fill(learning_curve.table(law([10, 1000], -0.4)), models={"mine": "NequIP(l=1)"})
    assert filled["published"].tolist()[:2] == [157.1, 25.1]


def differences(*curves):
    found = learning_curve.table(tidy.join(curves))
    return found[found["metric"] == "force_mae_slope_difference"].set_index(["model", "seed"])


def test_slopes_are_compared_with_that_of_the_first_model():
    """What scatters in both curves alike is no doubt about their difference."""
    sizes, scatter = [10, 100, 1000], [1, 3, 1]
    found = differences(
        law(sizes, -0.4, scatter),
        law(sizes, -0.7, scatter, model="second"),
        law([10, 100], -0.9, model="third"),
        law(sizes, -0.2, seed=1),
        law(sizes, -0.1, seed=1, model="second"),
        law([5, 1000], -0.2, model="alone"),
    )
    assert set(found.index) == {("second", 0), ("third", 0), ("second", 1)}
    second, third = found.loc[("second", 0)], found.loc[("third", 0)]
    assert [second["value"], second["ci_low"], second["ci_high"]] == pytest.approx([-0.3] * 3, abs=1e-9)
    assert found.loc[("second", 1), "value"] == pytest.approx(0.1)
    assert third["value"] == pytest.approx(-0.9 + 0.4 - np.log10(3))
    assert np.isnan(third["ci_low"]) and third["n"] == 2
    assert second["note"] == "least squares over 3 sizes; less that of mine, from the ratios of the errors"


def test_the_interval_of_a_difference_is_the_t_interval_of_the_ratios():
    """log ratios (0, 0, 3) ln 10 and a slope of -0.3: see the interval of a slope."""
    sizes = [10, 100, 1000]
    found = differences(law(sizes, -0.4), law(sizes, -0.7, [1, 1, 1000], model="second")).iloc[0]
    half = 12.706205 * np.sqrt(1.5 / 2)
    assert found["value"] == pytest.approx(1.2)
    assert [found["ci_low"], found["ci_high"]] == pytest.approx([1.2 - half, 1.2 + half], rel=1e-6)


def test_published_errors_stand_at_the_size_that_they_were_trained_on():
    gap = law([10, 100], -0.4, dataset="mine", metric="mae", subset="homo").assign(unit="eV")
    names = {
        "datasets": {"mine": "qm9", "frames": "rmd17"},
        "models": {"mine": "SchNet", "l1": "NequIP(l=3)"},
    }
    forces = law([100, 950], -0.4, model="l1", dataset="frames")
    found = learning_curve.table(
        tidy.join([gap, forces, law([10, 20], -0.1, dataset="other")]),
        **names,
        subsets={"frames": {"test": "ethanol"}},
    )
    theirs = found.dropna(subset="published").set_index(["dataset", "subset"])
    assert theirs["published"].to_dict() == {
        ("mine", "homo;n_train=110000"): 0.041,
        ("frames", "n_train=950"): 2.8,
    }
    assert np.isnan(theirs.loc[("mine", "homo;n_train=110000"), "value"])
    assert theirs.loc[("frames", "n_train=950"), "value"] == pytest.approx(100 * 950**-0.4)
    assert theirs["note"].str.startswith("published").all()
    unnamed = learning_curve.table(tidy.join([gap, forces]))
    assert unnamed["published"].isna().all() and len(unnamed) == len(found) - 4
