"""Figures of force fields: what they show, and that they are drawn the same twice."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from tutti.benchmark.forcefields import learning_curve as curves
from tutti.benchmark.forcefields.inference_time import METRIC
from tutti.core.structures import Structures
from tutti.core.tidy import COLUMNS, join
from tutti.figures import CONTROL, PALETTE, inference_time, learning_curve, parity

from .observed import texts


@pytest.fixture
def reference():
    rng = np.random.default_rng(0)
    frames = [([6, 1, 1], rng.random((3, 3))) for _ in range(400)]
    known = Structures.from_frames(frames, energy=rng.normal(size=400), forces=rng.normal(size=(1200, 3)))
    return known.with_columns(homo=rng.normal(size=400))


@pytest.fixture
def predicted(reference):
    return dataclasses.replace(
        reference, energy=reference.energy + 0.3, forces=reference.forces + 0.2
    ).with_columns(homo=reference.columns["homo"] - 0.5)


def test_parity_of_energies_and_forces(reference, predicted, drawn, tmp_path):
    figure = drawn(parity.draw, reference, {"a": reference, "b": predicted}, tmp_path / "parity")
    energies, others, forces, shifted = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b", "a", "b"]
    per_atom = 1000 * reference.energy / 3
    points = others.lines[0]
    np.testing.assert_allclose(points.get_xdata(), per_atom - per_atom.mean())
    np.testing.assert_allclose(points.get_ydata() - points.get_xdata(), 100)
    assert [axes.texts[0].get_text() for axes in figure.axes] == [
        "MAE 0 meV/atom\nn = 400",
        "MAE 100 meV/atom\nn = 400",
        "MAE 0 eV/Å\nn = 3,600",
        "MAE 0.2 eV/Å\nn = 3,600",
    ]
    for axes in (forces, shifted):  # 3600 points: a density, on the diagonal or above
        (density,) = axes.collections
        counts, places = density.get_array(), density.get_offsets()
        assert counts.sum() == 3600
        height = np.average(places[:, 1] - places[:, 0], weights=counts)
        assert height == pytest.approx(0.2 if axes is shifted else 0.0, abs=0.02)
    assert all(axes.get_xlim() == axes.get_ylim() for axes in figure.axes)
    assert [axes.lines[0].get_color() for axes in (energies, others)] == PALETTE[:2]


def test_parity_of_properties(reference, predicted, drawn, tmp_path):
    figure = drawn(
        parity.draw, reference, {"a": predicted, "b": predicted}, tmp_path / "parity", {"a": "homo"}
    )
    shown = [axes for axes in figure.axes if axes.axison]
    said = [axes.texts[0].get_text().partition("\n")[0] for axes in shown]
    assert said == ["MAE 0.5 eV", "MAE 100 meV/atom", "MAE 0.2 eV/Å"]
    assert shown[0].get_xlabel() == "reference homo (eV)"


def test_parity_without_finite_points(reference, drawn, tmp_path):
    broken = dataclasses.replace(reference, energy=np.full(400, np.nan))
    figure = drawn(parity.draw, reference, {"a": broken}, tmp_path / "parity")
    assert [text.get_text() for text in figure.texts] == ["no prediction to compare"]
    broken.energy[:10] = reference.energy[:10]
    figure = drawn(parity.draw, reference, {"a": broken}, tmp_path / "parity")
    (points, _), (numbers,) = figure.axes[0].lines, figure.axes[0].texts
    assert len(points.get_xdata()) == 10 and numbers.get_text().endswith("n = 10")


def test_few_points_are_large_and_many_small(reference, drawn, tmp_path):
    sizes = []
    for n in (1, 10, 400):
        few = reference[:n]
        figure = drawn(parity.draw, few, {"a": few}, tmp_path / "parity")
        sizes.append(figure.axes[0].lines[0].get_markersize())
    assert sizes[0] == 5 and sizes[0] > sizes[1] > sizes[2] > 2


def errors(model, slope, seed=0, metric="force_mae", unit="meV/Å"):
    rows = [
        (
            model,
            f"lips@{n}",
            seed,
            metric,
            "test",
            50 * n**slope,
            40 * n**slope,
            65 * n**slope,
            9,
            unit,
            np.nan,
            "",
        )
        for n in (10, 100, 1000)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_learning_curves(drawn, tmp_path):
    found = [errors("a", -0.2), errors("a", -0.4, seed=1), errors("b", -0.5)]
    found.append(errors("b", -0.7, metric="energy_mae", unit="meV"))
    figure = drawn(learning_curve.draw, curves.table(join(found)), tmp_path / "curve")
    first, second = figure.axes
    assert [first.get_ylabel().split()[-1], second.get_ylabel().split()[-1]] == ["(meV/Å)", "(meV)"]
    assert first.get_xscale() == first.get_yscale() == "log"
    assert [text.get_text() for text in first.texts] == ["−0.30 ± 0.00", "−0.50 ± 0.00"]
    assert [text.get_color() for text in first.texts] == PALETTE[:2]
    lines = [line for line in first.lines if len(line.get_xdata()) == 2 and line.get_linestyle() != "None"]
    fitted = lines[1].get_ydata()
    assert fitted == pytest.approx([50 * 10**-0.5, 50 * 1000**-0.5])
    bars = first.containers[1][2][0].get_segments()
    np.testing.assert_allclose(np.array(bars)[:, :, 1], np.outer([10**-0.5, 100**-0.5, 1000**-0.5], [40, 65]))
    assert texts(figure) == ["a", "b"]


def test_a_model_that_is_trained_for_each_property_has_one_look(drawn, tmp_path):
    found = [
        errors(f"{model}@{target}", slope).assign(subset=target)
        for model, target, slope in (("a", "homo", -0.2), ("a", "lumo", -0.3), ("b", "lumo", -0.4))
    ]
    figure = drawn(learning_curve.draw, curves.table(join(found)), tmp_path / "curve")
    looks = [[bar.lines[0].get_color() for bar in axes.containers] for axes in figure.axes]
    assert looks == [PALETTE[:1], PALETTE[:2]]
    assert texts(figure) == ["a", "b"]
    assert [[text.get_text()[:5] for text in axes.texts] for axes in figure.axes] == [
        ["−0.20"],
        ["−0.30", "−0.40"],
    ]


def test_a_slope_that_is_hardly_known_is_not_printed(drawn, tmp_path):
    rough = errors("a", -0.2).assign(value=[30, 32, 20])
    table = curves.table(join([rough, errors("b", -0.5)]))
    interval = table.set_index(["model", "metric"]).loc[("a", "force_mae_slope"), ["ci_low", "ci_high"]]
    assert np.diff(interval.astype(float)) > 2 * learning_curve.WIDEST
    (axes,) = drawn(learning_curve.draw, table, tmp_path / "curve").axes
    assert [text.get_text() for text in axes.texts] == ["−0.50 ± 0.00"]
    narrower = table.assign(ci_low=table["value"] - 0.25, ci_high=table["value"] + 0.25)
    (axes,) = drawn(learning_curve.draw, narrower, tmp_path / "curve").axes
    assert [text.get_text() for text in axes.texts] == ["−0.09 ± 0.25", "−0.50 ± 0.25"]


def test_published_errors_are_hollow_and_slopes_apart(drawn, tmp_path):
    table = curves.table(join([errors("a", -0.5), errors("b", -0.51)]))
    papers = table[table["subset"] == "n_train=1000"].assign(
        subset="n_train=5000", value=np.nan, published=0.2
    )
    (axes,) = drawn(learning_curve.draw, join([table, papers]), tmp_path / "curve").axes
    (published,) = [line for line in axes.lines if line.get_marker() == "D"]
    np.testing.assert_allclose(published.get_xydata(), [[5000, 0.2]])
    assert published.get_markerfacecolor() != published.get_color()
    assert texts(axes.figure) == ["a", "b", "hollow: published"]
    first, second = axes.texts
    low, high = np.log(axes.get_ylim())
    assert np.log(first.xy[1] / second.xy[1]) == pytest.approx(learning_curve.LABEL * (high - low))
    assert first.xy[1] * second.xy[1] == pytest.approx(50**2 * 1000**-1.01)  # moved alike


def test_learning_curves_of_nothing(drawn, tmp_path):
    figure = drawn(learning_curve.draw, curves.table(errors("a", -0.2)[:0]), tmp_path / "curve")
    assert [text.get_text() for text in figure.texts] == ["no error for any number of training structures"]


def times(model, batches=()):
    rows = [(f"{n} atoms", float(n), n) for n in (9, 18, 36)]
    rows += [(f"9 atoms, batch {size}", 3.0 * size, 9 * size) for size in batches]
    records = []
    for subset, ms, atoms in rows:
        for metric, value, unit in ((METRIC, ms, "ms"), (f"{METRIC}_per_atom", 1e3 * ms / atoms, "µs/atom")):
            records.append(
                (model, "d", 0, metric, subset, value, 0.9 * value, 1.1 * value, 20, unit, np.nan, "")
            )
    return pd.DataFrame(records, columns=COLUMNS)


def test_inference_times(drawn, tmp_path):
    table = join([times("a", batches=(10, 100)), times("GFN2-xTB")])
    figure = drawn(inference_time.draw, table, tmp_path / "time")
    single, batched = figure.axes
    curves_ = [container.lines[0] for container in single.containers]
    np.testing.assert_allclose(curves_[0].get_xydata(), [[9, 9], [18, 18], [36, 36]])
    assert {line.get_color() for line in curves_} == {PALETTE[0], CONTROL}
    (line,) = (container.lines[0] for container in batched.containers)
    np.testing.assert_allclose(line.get_xydata(), [[1, 1000], [10, 1000 / 3], [100, 1000 / 3]])
    assert texts(figure) == ["a", "GFN2-xTB", "proportional to atoms"]


def test_inference_times_without_batches(drawn, tmp_path):
    assert len(drawn(inference_time.draw, times("a"), tmp_path / "time").axes) == 1
    figure = drawn(inference_time.draw, times("a")[:0], tmp_path / "time")
    assert [text.get_text() for text in figure.texts] == ["no force call was timed"]


def test_same_data_same_bytes(reference, predicted, same_bytes):
    same_bytes(lambda stem: parity.draw(reference, {"a": predicted}, stem))
    same_bytes(lambda stem: learning_curve.draw(curves.table(errors("a", -0.2)), stem))
    same_bytes(lambda stem: inference_time.draw(times("a", (10,)), stem))
