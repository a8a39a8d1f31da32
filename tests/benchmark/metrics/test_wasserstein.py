"""Tables of Wasserstein distances, of bond angles and of torsions, against SciPy and the double sum."""

import numpy as np
import pytest
from mmd_references import direct, observed, single
from scipy.stats import norm, wasserstein_distance

from table_names import NAMES
from tutti.benchmark.metrics.mmd_protocols import full_in_one_dimension
from tutti.benchmark.metrics.mmd_tables import (
    BOND_ANGLE,
    TORSION,
    coordinate_table,
    mmd_bond_length_table,
)


def cells(table, metric):
    return table[table["metric"] == metric].set_index("subset")


def exact(samples, reference):
    return wasserstein_distance(samples.values[:, 0], reference.values[:, 0])


def test_wasserstein_distance_is_scipys():
    """To a hundredth of the grid's bins of 5e-5 Å."""
    g = np.random.default_rng(18)
    samples, reference = observed(g, 150, mean=1.52), observed(g, 400, mean=1.5)
    table = mmd_bond_length_table({"C-C:1.0": samples}, {"C-C:1.0": reference}, **NAMES)
    row = cells(table, "wasserstein_bond_length").loc["C-C:1.0"]
    assert row["value"] == pytest.approx(exact(samples, reference), abs=1e-6)
    assert row["n"] == len(samples)
    assert cells(table, "wasserstein_bond_length_p_value").loc["C-C:1.0", "value"] == 1 / 200


def test_floor_is_that_of_divisions_of_the_reference():
    """Of halves, drawn anew and measured by SciPy, scaled to the numbers that are compared."""
    g = np.random.default_rng(15)
    samples, reference = observed(g, 150), observed(g, 300, 1, common=0.02)
    table = mmd_bond_length_table({"a": samples}, {"a": reference}, **NAMES)
    floor = cells(table, "wasserstein_bond_length_floor").loc["a", "value"]
    molecules, n = np.unique(reference.molecule), len(np.unique(samples.molecule))
    half = len(molecules) // 2
    assert n > half
    parts = []
    for _ in range(200):
        first = np.isin(reference.molecule, g.choice(molecules, half, replace=False))
        parts.append(wasserstein_distance(*(reference.values[side, 0] for side in (first, ~first))))
    larger = ((1 / n + 1 / len(molecules)) / (2 / half)) ** 0.5
    assert floor == pytest.approx(larger * np.mean(parts), rel=0.15)


@pytest.mark.parametrize("coordinate", [BOND_ANGLE, TORSION], ids=["angle", "torsion"])
def test_angles(coordinate):
    """In radians to the kernels, in degrees in the table."""
    g = np.random.default_rng(16)
    ours = {"x": observed(g, 120, mean=109, width=4.0), "y": observed(g, 120, mean=60, width=1.5)}
    theirs = {"x": observed(g, 200, mean=111, width=4.0), "y": observed(g, 200, mean=60, width=1.5)}
    table = coordinate_table(coordinate, ours, theirs, **NAMES)
    names = [f"{kind}_{coordinate.name}" for kind in ("mmd", "wasserstein")]
    endings = ("", "_floor", "_p_value")
    assert table["metric"].unique().tolist() == [name + ending for name in names for ending in endings]
    for key, mine in ours.items():
        x, y = mine.values, theirs[key].values
        mmd, wasserstein = (cells(table, name).loc[key] for name in names)
        assert mmd["value"] == pytest.approx(direct(np.radians(x), np.radians(y)) ** 0.5, rel=1e-3)
        assert wasserstein["value"] == pytest.approx(exact(mine, theirs[key]), abs=6e-4)
        assert wasserstein["ci_low"] < wasserstein["value"] < wasserstein["ci_high"]
        assert (mmd["unit"], wasserstein["unit"]) == ("dimensionless", "degrees")
        p_values = [cells(table, f"{name}_p_value").loc[key, "value"] for name in names]
        assert max(p_values) == 1 / 200 if key == "x" else min(p_values) > 0.01
    means = table[table["subset"] == "mean"].set_index("metric")["value"]
    assert means[names[1]] == pytest.approx(cells(table, names[1]).loc[["x", "y"], "value"].mean())
    assert len(means) == 4


def test_wasserstein_intervals_cover():
    """The true distance of two shifted normal distributions lies in 95 % of the intervals, or near it."""
    g = np.random.default_rng(17)
    reference = single(1.1 + 0.02 * norm.ppf((np.arange(4000) + 0.5) / 4000)[:, None])
    inside = 0
    for i in range(40):
        ours = single(g.normal(1.12, 0.02, (100, 1)))
        _, found = full_in_one_dimension(ours, reference, "key", i)
        low, high = np.percentile(np.sqrt(found.replicates), [2.5, 97.5])
        inside += low <= 0.02 <= high
    assert inside / 40 > 0.85
