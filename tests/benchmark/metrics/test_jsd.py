"""Jensen-Shannon divergence against SciPy and closed forms."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.spatial.distance import jensenshannon
from scipy.stats import kstest

from table_names import NAMES
from tutti.benchmark.metrics.frequencies import Counts
from tutti.benchmark.metrics.jsd import jensen_shannon, jsd_table


def counted(generator, n_molecules, rates, names=None):
    numbers = generator.poisson(rates, (n_molecules, len(rates)))
    return Counts(names or [f"c{i}" for i in range(len(rates))], csr_array(numbers))


def row(table, metric, subset):
    (found,) = table[(table["metric"] == metric) & (table["subset"] == subset)].to_dict("records")
    return found


def test_against_scipy():
    generator = np.random.default_rng(0)
    p, q = generator.integers(0, 9, (2, 50, 7))
    np.testing.assert_allclose(jensen_shannon(p, q), jensenshannon(p, q, axis=1) ** 2, atol=1e-14)


def test_bounds():
    assert jensen_shannon(np.array([1, 2, 0]), np.array([2, 4, 0])) == 0
    assert jensen_shannon(np.array([1, 2, 0, 0]), np.array([0, 0, 3, 1])) == pytest.approx(np.log(2))
    assert np.isnan(jensen_shannon(np.array([0, 0]), np.array([1, 1])))


@pytest.fixture(scope="module")
def table():
    g = np.random.default_rng(1)
    samples = {
        "atom_types": counted(g, 300, [9, 6, 1, 1], ["H", "C", "N", "O"]),
        "local_environments": counted(g, 300, [1, 1, 2], ["x", "new", "y"]),
        "ring_sizes": counted(g, 300, [0, 0]),
    }
    reference = {
        "atom_types": counted(g, 900, [9, 6, 1, 1], ["H", "C", "N", "O"]),
        "local_environments": counted(g, 900, [2, 1, 1], ["y", "x", "old"]),
        "ring_sizes": counted(g, 900, [0.5, 1]),
    }
    return samples, reference, jsd_table(samples, reference, **NAMES)


def test_value(table):
    """Categories are matched by name; those of one side only count too."""
    samples, reference, rows = table
    p = samples["local_environments"].per_molecule.sum(axis=0)
    q = reference["local_environments"].per_molecule.sum(axis=0)
    expected = jensenshannon([p[0], p[1], p[2], 0], [q[1], 0, q[0], q[2]]) ** 2
    found = row(rows, "jsd", "local_environments")
    assert found["value"] == pytest.approx(expected, abs=1e-12)
    assert found["ci_low"] < expected < found["ci_high"]
    assert found["n"] == (samples["local_environments"].per_molecule.sum(axis=1) > 0).sum()
    assert found["unit"] == "nat"
    assert row(rows, "jsd_p_value", "local_environments")["unit"] == "dimensionless"


def test_p_values(table):
    assert row(table[2], "jsd_p_value", "local_environments")["value"] == 1 / 200
    assert row(table[2], "jsd_p_value", "atom_types")["value"] > 0.01


def test_no_rings_at_all_is_undefined(table):
    for metric in ("jsd", "jsd_floor", "jsd_p_value"):
        found = row(table[2], metric, "ring_sizes")
        assert np.isnan(found["value"])
        assert found["note"] == "undefined: nothing to count in the samples"


def test_n_counts_molecules_with_any():
    g = np.random.default_rng(5)
    ours, theirs = counted(g, 200, [0.3, 0.4]), counted(g, 200, [0.3, 0.4])
    rows = jsd_table({"ring_sizes": ours}, {"ring_sizes": theirs}, **NAMES)
    with_rings = (ours.per_molecule.toarray().sum(axis=1) > 0).sum()
    assert 0 < with_rings < 200
    assert (rows["n"] == with_rings).all()


def test_notes_say_what_the_ranges_are(table):
    notes = {
        metric: row(table[2], metric, "atom_types")["note"] for metric in ("jsd", "jsd_floor", "jsd_p_value")
    }
    assert "interval by bootstrap over molecules" in notes["jsd"]
    assert "range of 20 divisions of the reference" in notes["jsd_floor"]
    assert not any("bootstrap" in notes[metric] for metric in ("jsd_floor", "jsd_p_value"))


def test_nothing_on_either_side():
    nothing = Counts([], csr_array((4, 0), dtype=np.int64))
    rows = jsd_table({"ring_sizes": nothing}, {"ring_sizes": nothing}, **NAMES)
    assert rows["value"].isna().all()
    assert (rows["note"] == "undefined: nothing to count in the samples and the reference").all()


def test_same_seed_same_bytes(table):
    samples, reference, rows = table
    assert jsd_table(samples, reference, **NAMES).to_csv() == rows.to_csv()


def test_identical_counts():
    counts = {"atom_types": counted(np.random.default_rng(2), 100, [9, 6, 1])}
    rows = jsd_table(counts, counts, **NAMES)
    assert row(rows, "jsd", "atom_types")["value"] == 0
    assert row(rows, "jsd_p_value", "atom_types")["value"] == 1
    assert row(rows, "jsd_floor", "atom_types")["value"] > 0
    assert "below all null draws" in row(rows, "jsd", "atom_types")["note"]
    assert "below all null draws" not in row(rows, "jsd_floor", "atom_types")["note"]


@pytest.mark.parametrize(("n", "m"), [(500, 4000), (1000, 1000)])
def test_floor_closed_form(n, m):
    """(1/n + 1/m) (K - 1) / 8 for one draw of K categories a molecule, at the sizes that are compared."""
    g = np.random.default_rng(3)
    floors = []
    for _ in range(4):
        ours, theirs = (
            {
                "atom_types": Counts(
                    list("abcde"), csr_array(g.multinomial(1, [0.3, 0.3, 0.2, 0.1, 0.1], size))
                )
            }
            for size in (n, m)
        )
        floors.append(row(jsd_table(ours, theirs, **NAMES), "jsd_floor", "atom_types")["value"])
    assert np.mean(floors) == pytest.approx((1 / n + 1 / m) * 4 / 8, rel=0.2)


def test_p_values_hold_under_the_null():
    """The atoms of a molecule are alike here, so that permuting atoms gives far too small p-values."""
    g = np.random.default_rng(4)
    values = []
    for i in range(120):
        ours, theirs = (
            {"k": Counts(["a", "b"], csr_array(8 * g.multinomial(1, [0.5, 0.5], size)))} for size in (41, 60)
        )
        rows = jsd_table(ours, theirs, **{**NAMES, "seed": i})
        values.append(row(rows, "jsd_p_value", "k")["value"])
    # Discrete, so at least as large as uniform numbers; but not much larger.
    assert kstest(values, "uniform", alternative="greater").pvalue > 0.01
    assert np.mean(np.array(values) <= 0.5) >= 0.25
