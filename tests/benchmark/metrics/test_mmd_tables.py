"""Tables of MMD against the double sum, on made-up and real molecules, and in every corner."""

import numpy as np
import pytest
from mmd_references import direct, observed, single

from table_names import NAMES
from tutti import io
from tutti.benchmark.metrics import mmd_protocols
from tutti.benchmark.metrics.bond_lengths import by_type
from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.mmd_protocols import capped, full, mmd_at_n
from tutti.benchmark.metrics.mmd_tables import mmd_bispectrum_table, mmd_bond_length_table
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures
from tutti.statistics.observations import Observations, most_frequent

METRICS = ["", "_paper_floor", "_full", "_full_floor", "_p_value"]
WASSERSTEIN = ["wasserstein_bond_length" + ending for ending in ("", "_floor", "_p_value")]


def cells(table, metric):
    return table[table["metric"] == metric].set_index("subset")


def lengths_table(ours, theirs):
    return mmd_bond_length_table(ours, theirs, **NAMES)


@pytest.fixture(scope="module")
def lengths():
    """(samples, reference) of three bond types, of which the samples lack one."""
    g = np.random.default_rng(0)
    reference = {
        key: observed(g, 400, mean=mean) for key, mean in [("C-H:1.0", 1.1), ("C-C:1.0", 1.5), ("H-O:1.0", 1)]
    }
    samples = {"C-H:1.0": observed(g, 150, mean=1.1), "C-C:1.0": observed(g, 150, mean=1.52)}
    return samples, reference


@pytest.fixture(scope="module")
def table(lengths):
    return lengths_table(*lengths)


def test_full_is_the_double_sum(lengths, table):
    samples, reference = lengths
    for key in samples:
        expected = direct(samples[key].values, reference[key].values) ** 0.5
        assert cells(table, "mmd_bond_length_full").loc[key, "value"] == pytest.approx(expected, rel=1e-4)


def test_intervals_contain_the_estimates(table):
    defined = table[table["value"].notna() & ~table["metric"].str.endswith("p_value")]
    assert len(defined) == 12
    assert defined["value"].between(defined["ci_low"], defined["ci_high"], inclusive="neither").all()


def test_rows(lengths, table):
    assert table.groupby("metric", sort=False).size().to_dict() == {
        name: 3 if name.endswith("_p_value") else 4
        for name in [f"mmd_bond_length{ending}" for ending in METRICS] + WASSERSTEIN
    }
    assert table.groupby("unit")["metric"].unique().map(set).to_dict() == {
        "dimensionless": {*(f"mmd_bond_length{ending}" for ending in METRICS), WASSERSTEIN[-1]},
        "Å": set(WASSERSTEIN[:2]),
    }
    rows = table[table["subset"] == "C-H:1.0"]
    assert (rows["n"] == len(lengths[0]["C-H:1.0"])).all()
    assert rows["note"].str.startswith("protocol=").tolist() == [True] * 5 + [False] * 3


def test_notes_say_what_the_ranges_are(table):
    notes = table[table["subset"] == "C-H:1.0"].set_index("metric")["note"]
    value, paper_floor, full_, full_floor, p_value = (notes[f"mmd_bond_length{ending}"] for ending in METRICS)
    assert value == (
        "protocol=paper: mean over 10 mini-batches of 1000;"
        " interval widened by the noise of the mini-batches; interval by bootstrap over molecules"
    )
    assert full_ == "protocol=full: all pairs; interval by bootstrap over molecules"
    assert "range of 10 divisions of the reference" in paper_floor
    assert "range of 20 divisions of the reference" in full_floor
    assert not any("bootstrap" in note for note in (paper_floor, full_floor, p_value))


def test_floors_of_many_samples_are_of_smaller_parts():
    g = np.random.default_rng(12)
    reference = {"a": observed(g, 100)}
    for n, smaller in ((40, False), (90, True)):
        rows = lengths_table({"a": observed(g, n)}, reference)
        note = cells(rows, "mmd_bond_length_paper_floor").loc["a", "note"]
        assert ("null floor from parts smaller than the samples" in note) == smaller


def test_copies_are_below_the_floor():
    g = np.random.default_rng(13)
    reference = observed(g, 400)
    part = reference.molecule < 150
    copies = Observations(reference.values[part], reference.molecule[part], 150)
    sides = {"copies": copies, "shifted": observed(g, 150, mean=1.13)}
    rows = cells(lengths_table(sides, dict.fromkeys(sides, reference)), "mmd_bond_length_full")
    assert rows["note"].str.contains("below all null draws").to_dict() == {
        "copies": True,
        "shifted": False,
        "mean": False,
    }
    floor = cells(lengths_table(sides, dict.fromkeys(sides, reference)), "mmd_bond_length_full_floor")
    assert not floor["note"].str.contains("below all null draws").any()


def test_the_mean_tells_copies_that_no_key_tells():
    """Many keys together tell smaller differences than one."""
    g = np.random.default_rng(14)
    reference = {str(key): observed(g, 200) for key in range(10)}
    copies, new = {}, {}
    for key, theirs in reference.items():
        part = theirs.molecule < 80
        copies[key] = Observations(theirs.values[part], theirs.molecule[part], 80)
        new[key] = observed(g, 80)
    told = [
        cells(lengths_table(side, reference), "mmd_bond_length_full")["note"].str.contains("below all null")
        for side in (copies, new)
    ]
    assert told[0]["mean"]
    assert not told[0].all()
    assert not told[1]["mean"]


def test_a_type_that_never_occurs_is_undefined(table):
    rows = table[table["subset"] == "H-O:1.0"]
    assert len(rows) == 8
    assert rows["value"].isna().all()
    assert rows["note"].str.startswith("undefined: fewer than 2 observations in the samples").all()
    assert (rows["n"] == 0).all()


def test_means(lengths):
    samples, reference = lengths
    table = lengths_table(samples, {key: reference[key] for key in samples})
    for ending in METRICS[:-1]:
        rows = cells(table, f"mmd_bond_length{ending}")
        mean, keys = rows.loc["mean"], rows.drop("mean")
        assert mean["value"] == pytest.approx(keys["value"].mean())
        assert keys["ci_low"].min() < mean["ci_low"] < mean["value"] < mean["ci_high"] < keys["ci_high"].max()
        assert mean["n"] == keys["n"].sum()
    widths = cells(table, "mmd_bond_length_full").eval("ci_high - ci_low")
    assert widths["mean"] < widths.max()  # errors of several keys cancel in part


def test_no_mean_of_some_of_the_keys(table):
    """A model gains nothing by missing a bond type."""
    means = table[table["subset"] == "mean"]
    assert len(means) == 6
    assert means["value"].isna().all()
    assert (means["note"] == "undefined: 2 of 3 keys occur").all()


def test_different_distributions_have_the_least_p_value(table):
    assert cells(table, "mmd_bond_length_p_value").loc["C-C:1.0", "value"] == 1 / 200


def test_same_seed_same_bytes(lengths, table):
    again = lengths_table(*lengths)
    assert again.to_csv(index=False) == table.to_csv(index=False)
    other = mmd_bond_length_table(*lengths, **{**NAMES, "seed": 4})
    differs = other["value"].ne(table["value"]) & table["value"].notna()
    # Only what is drawn depends on the seed.
    assert set(table["metric"][differs]) >= {"mmd_bond_length", "mmd_bond_length_full_floor"}
    assert not differs[table["metric"] == "mmd_bond_length_full"].any()


def test_order_of_molecules_does_not_matter(lengths):
    samples, reference = (side["C-C:1.0"] for side in lengths)
    order = np.random.default_rng(1).permutation(samples.n_molecules)
    parts = [samples.values[samples.molecule == molecule] for molecule in order]
    shuffled = Observations(
        np.concatenate(parts), np.repeat(np.arange(len(parts)), list(map(len, parts))), samples.n_molecules
    )
    estimates = [full(side, reference, "C-C:1.0", 3).estimate for side in (samples, shuffled)]
    assert estimates[0] == pytest.approx(estimates[1], rel=1e-9)


def bispectra(seed, **kinds):
    g = np.random.default_rng(seed)
    return {key: observed(g, 100, 15, width=0.3, **kinds) for key in ("C:C2,H2", "C:C,H3")}


def test_bispectrum_table():
    samples, reference = bispectra(0), bispectra(1)
    head = {key: single(o.values[:20]) for key, o in samples.items()}
    table = mmd_bispectrum_table(samples, reference, head, **NAMES)
    names = ["mmd_bispectrum", "mmd_bispectrum_even14"]
    assert set(table["metric"]) == {f"{name}{ending}" for name in names for ending in METRICS}
    for name, d, variant in zip(names, (15, 14), ("all15", "even14"), strict=True):
        row = cells(table, f"{name}_full").loc["C:C,H3"]
        expected = direct(samples["C:C,H3"].values[:, :d], reference["C:C,H3"].values[:, :d]) ** 0.5
        assert row["value"] == pytest.approx(expected, rel=1e-4)
        assert row["n"] == len(samples["C:C,H3"])
        assert f"variant={variant}" in row["note"]
        assert cells(table, name).loc["C:C,H3", "n"] == 20


def test_the_pseudoscalar_matters_in_one_variant():
    reference = bispectra(2)
    mirrored = {}
    for key, theirs in reference.items():
        theirs.values[:, 14] += 1
        mirrored[key] = Observations(theirs.values * np.repeat([1, -1], [14, 1]), theirs.molecule, 100)
    table = mmd_bispectrum_table(mirrored, reference, mirrored, **NAMES)
    assert (cells(table, "mmd_bispectrum_full")["value"] > 1).all()
    assert (cells(table, "mmd_bispectrum_even14_full")["value"] < 1e-5).all()
    assert (cells(table, "mmd_bispectrum_p_value")["value"] == 1 / 200).all()
    assert (cells(table, "mmd_bispectrum_even14_p_value")["value"] == 1).all()


def test_only_the_first_molecules_lack_a_type():
    samples = bispectra(3)
    table = mmd_bispectrum_table(samples, bispectra(4), {}, **NAMES)
    for name in ("mmd_bispectrum", "mmd_bispectrum_paper_floor"):
        assert cells(table, name)["note"].str.startswith("undefined: ").all()
    assert cells(table, "mmd_bispectrum_full")["value"].notna().all()


def test_the_note_says_which_points_are_left_out(monkeypatch):
    samples, reference = bispectra(0), bispectra(1)
    for limit, said in ((1000, False), (150, True)):
        monkeypatch.setattr(mmd_protocols, "MAX_POINTS", limit)
        table = mmd_bispectrum_table(samples, reference, samples, **NAMES)
        for key, whole in samples.items():
            sides = {"samples": whole, "reference": reference[key]}
            ours, theirs = (capped(side, f"{which} with {key}", 3) for which, side in sides.items())
            shares = (
                f"a random {len(ours)} of {len(whole)} observations of the samples; "
                f"a random {len(theirs)} of {len(reference[key])} observations of the reference"
            )
            for ending in ("_full", "_full_floor", "_p_value"):
                row = cells(table, f"mmd_bispectrum{ending}").loc[key]
                assert (shares in row["note"]) == said
                assert row["n"] == len(ours)
            expected = direct(ours.values, theirs.values) ** 0.5
            found = cells(table, "mmd_bispectrum_full").loc[key, "value"]
            assert found == pytest.approx(expected, rel=1e-4)
            assert cells(table, "mmd_bispectrum").loc[key, "n"] == len(whole)


def test_the_papers_interval_is_of_the_first_molecules():
    """Few molecules tell less than many."""
    samples, reference = bispectra(0), bispectra(1)
    head = {
        key: Observations(o.values[o.molecule < 25], o.molecule[o.molecule < 25], 25)
        for key, o in samples.items()
    }
    whole, first = (
        cells(mmd_bispectrum_table(samples, reference, side, **NAMES), "mmd_bispectrum").eval(
            "ci_high**2 - ci_low**2"
        )
        for side in (samples, head)
    )
    assert (first > 1.4 * whole).all()


def test_one_molecule():
    """An estimate, but nothing to resample; of the reference, nothing to divide."""
    g = np.random.default_rng(10)
    one = Observations(g.normal(1.1, 0.02, (5, 1)), np.zeros(5, int), 1)
    many = observed(g, 50)
    row = cells(lengths_table({"a": one}, {"a": many}), "mmd_bond_length_full").loc["a"]
    assert row["value"] == pytest.approx(direct(one.values, many.values) ** 0.5, rel=1e-4)
    assert np.isnan(row["ci_low"])
    assert "no interval: one molecule only" in row["note"]
    reversed_ = lengths_table({"a": many}, {"a": one})
    for name in ("mmd_bond_length_full_floor", "mmd_bond_length_paper_floor"):
        row = cells(reversed_, name).loc["a"]
        assert np.isnan(row["value"])
        assert row["note"].startswith("undefined: a null floor needs two molecules")


def test_one_observation_is_too_few():
    table = lengths_table({"a": single(np.ones((1, 1)))}, {"a": single(np.ones((1, 1)))})
    assert table["value"].isna().all()
    rows = table[table["subset"] == "a"]
    assert (
        rows["note"].str.startswith("undefined: fewer than 2 observations in the samples and the ref").all()
    )


def test_points_all_equal():
    same = single(np.full((20, 1), 1.1))
    table = lengths_table({"a": same}, {"a": same})
    p = table["metric"].str.endswith("_p_value")
    assert (table["value"][~p] < 1e-6).all()
    assert (table["value"][p] == 1).all()


def test_no_types_at_all():
    table = lengths_table({}, {})
    assert table["subset"].tolist() == ["mean"] * 6
    assert table["value"].isna().all()
    assert table["note"].str.startswith("undefined: ").all()


def test_a_bond_across_the_room_is_told(lengths):
    samples, reference = lengths
    far = samples["C-H:1.0"].values.copy()
    far[0] = 15
    ours = {"C-H:1.0": Observations(far, samples["C-H:1.0"].molecule, 150)}
    row = cells(lengths_table(ours, reference), "mmd_bond_length_full").loc["C-H:1.0"]
    assert "lengths spread over 14 Å: the kernel is off by up to" in row["note"]
    expected = direct(far, reference["C-H:1.0"].values) ** 0.5
    assert row["value"] == pytest.approx(expected, rel=1e-3)


def test_rare_molecules_of_a_resample():
    """Resamples without any of the two molecules that have the bond are left out, and nothing warns."""
    g = np.random.default_rng(11)
    rare = Observations(g.normal(1.1, 0.02, (4, 1)), np.array([3, 3, 70, 70]), 100)
    result = full(rare, observed(g, 100), "key", 0)
    undefined = np.isnan(result.replicates).mean()
    assert undefined == pytest.approx(0.98**100, abs=0.08)
    row = cells(lengths_table({"a": rare}, {"a": observed(g, 100)}), "mmd_bond_length_full").loc["a"]
    assert row["ci_low"] < row["value"] < row["ci_high"]


def test_mmd_at_n(lengths, table):
    samples, reference = lengths
    common = {key: reference[key] for key in samples}
    whole = mmd_at_n(samples, common, 150)
    values = cells(table, "mmd_bond_length_full")["value"]
    assert whole == pytest.approx(values[list(samples)].mean(), rel=1e-6)
    assert mmd_at_n(samples, common, 10**6) == whole
    ten = [samples[key].values[samples[key].molecule < 10] for key in samples]
    expected = [direct(x, reference[key].values) ** 0.5 for key, x in zip(samples, ten, strict=True)]
    assert mmd_at_n(samples, common, 10) == pytest.approx(np.mean(expected), rel=1e-4)
    assert np.isnan(mmd_at_n(samples, reference, 150))
    assert np.isnan(mmd_at_n({}, reference, 10))
    assert np.isnan(mmd_at_n(samples, {}, 10))


def test_real_molecules(shared_data):
    """Halves of QM7 are alike; with every atom moved by 0.05 Å they are not, by every metric."""
    structures = io.read(shared_data / "qm7.extxyz.gz")[:600]
    generator = np.random.default_rng(0)
    order = generator.permutation(600)
    first, second = structures[np.sort(order[:300])], structures[np.sort(order[300:])]
    moved = Structures(
        first.n_atoms, first.numbers, first.positions + generator.normal(0, 0.05, first.positions.shape)
    )
    mine, theirs, noisy = (
        by_type(Bonded.of(side, assign_all(side, "lookup", 1, progress=False)))
        for side in (first, second, moved)
    )
    types = most_frequent(theirs, 3)
    reference = {key: theirs[key] for key in types}
    alike, apart = (lengths_table(side, reference) for side in (mine, noisy))
    p_values = [cells(table, "mmd_bond_length_p_value")["value"] for table in (alike, apart)]
    assert (p_values[0] > 0.01).all()
    assert (p_values[1] == 1 / 200).all()
    values = [cells(table, "mmd_bond_length")["value"] for table in (alike, apart)]
    assert (values[1] > 2 * values[0]).all()
