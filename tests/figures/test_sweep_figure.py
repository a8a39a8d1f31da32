"""Figures of sweeps."""

import numpy as np
import pandas as pd
import pytest

from tutti.figures import sweep


def table(models: list[str], seeds: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        {"model": model, "seed": seed, "metric": metric, "subset": subset, "value": rng.random()}
        for model in [*models, "test_split"]
        for seed in range(seeds)
        for metric in ("validity", "uniqueness", "novelty")
        for subset in ("xyz2mol", "lookup")
    ]
    frame = pd.DataFrame(rows).assign(dataset="d", n=10, unit="1", published=np.nan, note="")
    return frame.assign(ci_low=frame["value"] - 0.1, ci_high=frame["value"] + 0.1)


def test_points_lines_and_front(drawn, tmp_path):
    values = {f"m_{x}_{c}": {"heat": x, "cold": c} for x in ("0.5", "1.0") for c in ("a", "b")}
    numbers = table(list(values))
    figure = drawn(sweep.draw, numbers, values, tmp_path / "sweep")
    validity, uniqueness, front = figure.axes
    assert [t.get_text() for t in validity.get_xticklabels()] == ["0.5", "1.0"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["validity (%)", "uniqueness (%)", "uniqueness (%)"]
    known = numbers[numbers["subset"] == "xyz2mol"].set_index(["model", "metric"])["value"]
    lines = [
        line for line in uniqueness.lines if len(line.get_xdata()) == 2 and line.get_linestyle() != "None"
    ]
    for line, cold in zip(lines, "ab", strict=True):
        expected = [100 * known[f"m_{heat}_{cold}", "uniqueness"] for heat in ("0.5", "1.0")]
        np.testing.assert_allclose(line.get_ydata(), expected)
    points = {tuple(line.get_xydata()[0]) for line in front.lines if line.get_linestyle() == "None"}
    expected = {
        tuple(100 * known[model, metric] for metric in ("validity", "uniqueness")) for model in values
    }
    np.testing.assert_allclose(sorted(points), sorted(expected))
    best = np.array(sorted(expected))[sweep.pareto_front(np.array(sorted(expected)))]
    assert 0 < len(best) < len(values)
    named = {tuple(text.xy): text.get_text() for text in front.texts}
    np.testing.assert_allclose(sorted(named), sorted(map(tuple, best)))
    for point, heat in named.items():
        models = [m for m in values if values[m]["heat"] == heat]
        assert any(100 * known[m, "validity"] == pytest.approx(point[0]) for m in models)


@pytest.mark.parametrize("count", [1, 3])
def test_one_and_three_axes_and_several_seeds(count, drawn, tmp_path):
    names = ["heat", "cold", "deep"][:count]
    values = {f"m_{i}": {"heat": str(i)} | dict.fromkeys(names[1:], "1") for i in range(3)}
    if count == 3:
        values |= {f"n_{i}": {"heat": str(i), "cold": "1", "deep": "2"} for i in range(3)}
    figure = drawn(sweep.draw, table(list(values), seeds=2), values, tmp_path / "sweep")
    assert len(figure.axes) == (6 if count == 3 else 3)


def test_nothing_valid_is_said(drawn, tmp_path):
    empty = table(["m"]).assign(value=np.nan, ci_low=np.nan, ci_high=np.nan)
    figure = drawn(sweep.draw, empty, {"m": {"heat": "1"}}, tmp_path / "sweep")
    assert "no valid molecule" in figure.texts[0].get_text()


def test_labels_of_the_front_do_not_lie_on_each_other(drawn, tmp_path):
    places = {"close": (0.9, 0.92), "closer": (0.901, 0.919), "far": (0.2, 0.99)}
    numbers = table(list(places))
    for model, pair in places.items():
        for metric, value in zip(sweep.METRICS, pair, strict=True):
            numbers.loc[(numbers["model"] == model) & (numbers["metric"] == metric), "value"] = value
    numbers = numbers.assign(ci_low=numbers["value"], ci_high=numbers["value"])
    figure = drawn(sweep.draw, numbers, {model: {"heat": model} for model in places}, tmp_path / "sweep")
    front = figure.axes[2]
    assert [len(line.get_xdata()) for line in front.lines if line.get_linestyle() != "None"] == [3]
    assert [text.get_text() for text in front.texts] == ["far", "close"]


def test_pareto_front_by_brute_force():
    rng = np.random.default_rng(1)
    for _ in range(50):
        points = rng.integers(0, 6, size=(12, 2)).astype(float)
        beaten = [any((q >= p).all() and (q > p).any() for q in points) for p in points]
        expected = sorted({tuple(p) for p, b in zip(points, beaten, strict=True) if not b})
        assert [tuple(p) for p in points[sweep.pareto_front(points)]] == expected


def test_sweep_without_a_valid_molecule_has_an_empty_front(drawn, tmp_path):
    """Uniqueness is undefined then, for every model."""
    numbers = table(["m_a", "m_b"])
    numbers.loc[numbers["metric"] == "uniqueness", ["value", "ci_low", "ci_high"]] = np.nan
    figure = drawn(sweep.draw, numbers, {"m_a": {"heat": "a"}, "m_b": {"heat": "b"}}, tmp_path / "sweep")
    assert [len(line.get_xdata()) for line in figure.axes[2].lines] == [0]
