"""Published numbers and their join."""

from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest

from tutti.benchmark import published
from tutti.core import tidy
from tutti.core.properties import KEYS, QM9
from tutti.data import rmd17
from tutti.report import tables


def table(*rows):
    """Tidy rows from (model, dataset, metric, subset, unit)."""
    records = [
        dict(
            zip(
                tidy.COLUMNS,
                (model, dataset, 0, metric, subset, 0.5, 0.4, 0.6, 9, unit, np.nan, ""),
                strict=True,
            )
        )
        for model, dataset, metric, subset, unit in rows
    ]
    return pd.DataFrame(records)


def test_values_are_joined_by_dataset_model_metric_and_subset():
    filled = published.fill(
        table(
            ("g-schnet", "qm9", "validity_as_published", "xyz2mol", "1"),
            ("g-schnet", "qm9", "validity_as_published", "lookup", "1"),
            ("edm", "qm9", "uniqueness_as_published", "xyz2mol", "1"),
            ("edm", "qm9", "atom_stability", "lookup", "1"),
            ("edm", "qm7", "validity_as_published", "xyz2mol", "1"),
            ("my_model", "qm9", "validity_as_published", "xyz2mol", "1"),
            ("edm", "qm9", "connected", "xyz2mol", "1"),
        )
    )
    expected = [0.7497, 0.8013, 0.9916, 0.987, np.nan, np.nan, np.nan]
    np.testing.assert_allclose(filled["published"], expected, rtol=1e-12)
    assert filled.loc[0, "note"] == "published: daigavane2024symphony, table1, RDKit 2023.03"
    assert filled.loc[3, "note"] == "published: hoogeboom2022edm, table1"
    assert filled.loc[4, "note"] == ""


def test_published_validity_of_g_spherenet_is_of_what_its_sampler_finished():
    filled = published.fill(
        table(
            ("gspherenet", "qm9", "validity_as_published", "xyz2mol", "1"),
            ("gspherenet", "qm9", "validity_of_finished", "xyz2mol", "1"),
            ("symphony", "qm9", "validity_as_published", "xyz2mol", "1"),
        )
    )
    np.testing.assert_allclose(filled["published"], [np.nan, 0.2692, 0.835], rtol=1e-12)


def test_other_names_are_mapped_and_another_dataset_is_named():
    rows = table(
        ("symphony_demo", "qm9_demo", "validity_as_published", "xyz2mol", "1"),
        ("test_split", "qm9_demo", "validity_as_published", "lookup", "1"),
    )
    rows["note"] = "short training"
    filled = published.fill(rows, datasets={"qm9_demo": "qm9"}, models={"symphony_demo": "Symphony"})
    np.testing.assert_allclose(filled["published"], [0.835, 0.976], rtol=1e-12)
    assert filled.loc[0, "note"] == (
        "short training; published for another dataset (qm9): daigavane2024symphony, table1, RDKit 2023.03"
    )


def test_a_unit_that_differs_is_an_error():
    with pytest.raises(ValueError, match=r"SchNet, mae, homo.*'meV'.*'eV'"):
        published.fill(table(("SchNet", "qm9", "mae", "homo", "meV")))


def test_percent_are_fractions_and_other_numbers_are_kept():
    numbers = published.numbers().set_index(["dataset", "model", "metric", "subset"])
    assert numbers.loc[("qm9", "Symphony", "validity", "xyz2mol"), "value"].item() == pytest.approx(0.835)
    assert numbers.loc[("qm9", "SchNet", "mae", "zpve"), "value"].item() == 1.7
    assert numbers.loc[("qm9", "SchNet", "mae", "alpha"), "error"].item() == 0.061
    fractions = numbers[numbers["unit"] == "1"]
    assert fractions["value"].between(0, 1).all()
    assert "percent" not in set(numbers["unit"])


def test_keys_are_unique_and_every_source_has_a_citation():
    numbers = published.numbers()
    slugs = numbers[published.KEY].map(published.slug)
    assert not slugs.duplicated().any()
    assert set(numbers["source"]) <= set(published.citations())


def test_papers_are_found_by_name_and_by_source():
    assert list(published.cited(["symphony"])) == ["daigavane2024symphony"]
    assert "hoogeboom2022edm" in published.cited(["hoogeboom2022edm,"])
    assert "oboyle2011openbabel" in published.cited(["openbabel"])
    assert published.cited(["nothing of the kind"]) == {}


def test_numbers_match_the_specification(shared_data):
    """Every number of the specification is here, unchanged."""
    specification = shared_data.parent / "spec" / "published.csv"
    if not specification.is_file():
        pytest.skip("the specification is not beside the repository")
    theirs = pd.read_csv(specification, dtype={"subset": str}).set_index(["source", "table", *published.KEY])
    ours = published.numbers().set_index(["source", "table", *published.KEY])
    factor = np.where(theirs["unit"] == "percent", 100, 1)
    added = ours.index.difference(theirs.index)
    assert set(added.get_level_values("dataset")) == {"rmd17"}
    ours = ours.loc[theirs.index]
    np.testing.assert_allclose(ours["value"] * factor, theirs["value"], rtol=1e-12)
    np.testing.assert_allclose(ours["error"] * factor, theirs["error"], rtol=1e-12)


def test_every_molecule_of_rmd17_has_published_errors():
    errors = published.numbers().query("dataset == 'rmd17' and model == 'NequIP(l=3)'")
    for metric in ("energy_mae", "force_mae"):
        assert sorted(errors.loc[errors["metric"] == metric, "subset"]) == sorted(rmd17.MOLECULES)


def test_adversaries_have_no_published_row():
    filled = published.fill(
        table(
            ("test_split", "qm9", "validity_as_published", "lookup", "1"),
            ("jittered", "qm9", "validity_as_published", "lookup", "1"),
        )
    )
    assert filled["published"].notna().tolist() == [True, False]


def test_numbers_of_other_models_beside_a_table():
    ours = table(
        *(
            ("mine", "data", name, "xyz2mol", "1")
            for name in ("validity_as_published", "validity_of_finished")
        )
    )
    beside = published.beside(ours, "QM9")
    assert beside["model"].tolist() == ["mine", "mine", "QM9", "Symphony", "EDM", "G-SchNet", "G-SphereNet"]
    assert beside["value"].isna().tolist() == [False] * 2 + [True] * 5
    text = tables.markdown(beside)
    assert "EDM, published" in text and "86.74" in text
    assert "| EDM " not in text.replace("EDM, published", "")


def test_an_unknown_dataset_beside_is_refused():
    with pytest.raises(ValueError, match="did you mean 'qm9'"):
        published.beside(table(("mine", "data", "validity_as_published", "xyz2mol", "1")), "qm99")


def test_versus_here_has_every_published_number_of_the_models_with_what_differs():
    ours = table(
        ("small", "qm7", "validity_as_published", "xyz2mol", "1"),
        ("small", "qm7", "connected", "xyz2mol", "1"),
        ("other", "qm9", "validity_as_published", "xyz2mol", "1"),
    )
    versus = published.versus_here(ours, {"small": "Symphony"}, {"small": "qm7, 10 steps"})
    theirs = published.numbers()
    assert len(versus) == (theirs["model"] == "Symphony").sum()
    found = versus[versus["value"].notna()]
    assert found[["dataset", "metric", "subset", "published"]].to_numpy().tolist() == [
        ["qm7", "validity_as_published", "xyz2mol", 0.835]
    ]
    note = (
        f"here: qm7, 10 steps, RDKit {version('rdkit')}; "
        "published for qm9: daigavane2024symphony, table1, RDKit 2023.03"
    )
    assert found["note"].tolist() == [note]
    assert versus.loc[versus["value"].isna(), "note"].str.startswith("not computed in this run").all()


def test_versus_here_of_unpublished_models_is_empty():
    ours = table(("mine", "qm7", "validity_as_published", "xyz2mol", "1"))
    assert published.versus_here(ours, {"mine": "mine"}, {"mine": "nothing"}).empty


def test_speeds_stand_beside_the_fastest_batch_with_their_device():
    (row,) = published.fill(table(("edm", "qm9", "sampling_time", "best batch", "s/molecule"))).itertuples()
    assert row.published == 0.93
    assert "NVIDIA RTX A5000" in row.note


def test_beside_does_not_repeat_what_is_filled_already():
    ours = published.fill(table(("EDM", "qm9", "validity_as_published", "xyz2mol", "1")))
    beside = published.beside(ours, "qm9")
    assert beside["model"].tolist() == ["EDM", "QM9", "Symphony", "G-SchNet"]


def test_units_are_written_as_in_the_tables():
    units = set(published.numbers()["unit"])
    assert {"meV/Å", "bohr²", "bohr³", "cal/mol/K"} <= units
    assert not any("^" in unit or "Angstrom" in unit for unit in units)


def test_all_twelve_properties_of_qm9_are_found_by_their_names_here():
    units = {name: "meV" if name == "zpve" else KEYS[name].unit for name in QM9}
    filled = published.fill(table(*(("SchNet", "qm9", "mae", name, units[name]) for name in QM9)))
    expected = [0.033, 0.235, 0.041, 0.034, 0.063, 0.073, 1.7, 0.014, 0.019, 0.014, 0.014, 0.033]
    np.testing.assert_allclose(filled["published"], expected, rtol=1e-12)


def test_subsets_with_other_names_are_mapped_and_named():
    rows = table(
        ("nequip_l1", "md17_ethanol", "force_mae", "test", "meV/Å"),
        ("nequip_l1", "md17_ethanol", "force_mae", "train", "meV/Å"),
        ("nequip_l1", "md17_uracil", "force_mae", "test", "meV/Å"),
        ("nequip_l1", "ours", "force_mae", "test", "meV/Å"),
    )
    filled = published.fill(
        rows,
        datasets=dict.fromkeys(["md17_ethanol", "md17_uracil"], "md17"),
        models={"nequip_l1": "NequIP(l=1)"},
        subsets={"md17_ethanol": {"test": "ethanol"}, "md17_uracil": {"test": "uracil"}},
    )
    np.testing.assert_allclose(filled["published"], [9.0, np.nan, 7.5, np.nan])
    assert filled.loc[0, "note"] == "published for md17, ethanol: batzner2021nequip_v1, table1"


def test_sizes_of_training_sets_are_subsets():
    (row,) = published.fill(table(("NequIP(l=1)", "lips", "force_mae", "n_train=100", "meV/Å"))).itertuples()
    assert row.published == 50.0 and row.note == "published: batzner2021nequip_v1, table5"


def test_numbers_without_a_unit_are_not_beside_ours():
    (row,) = published.fill(table(("SchNet", "water16_b3lyp", "mse_energy", "test", "eV²"))).itertuples()
    assert np.isnan(row.published) and row.note == ""
    assert (published.numbers()["unit"] == "as published").sum() == 10


def test_versus_here_knows_subsets_by_their_published_names():
    ours = table(
        ("small", "md17_ethanol", "force_mae", "test", "meV/Å"),
        ("small", "md17_ethanol", "force_mae", "train", "meV/Å"),
    )
    versus = published.versus_here(
        ours,
        {"small": "NequIP(l=1)"},
        {"small": "here"},
        datasets={"md17_ethanol": "md17"},
        subsets={"md17_ethanol": {"test": "ethanol"}},
    )
    (found,) = versus[versus["value"].notna()].itertuples()
    assert (found.subset, found.published) == ("test", 9.0)
    assert found.note == "here: here; published for md17: batzner2021nequip_v1, table1"
