"""Histograms of generated molecules against the data."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tutti.benchmark.metrics.bond_lengths import by_type
from tutti.benchmark.metrics.bonded import Bonded
from tutti.figures import PALETTE, distributions

from .observed import observed, texts

CH, HO = np.linspace(1.05, 1.12, 20), np.linspace(0.95, 0.98, 10)


def lengths(samples, stem):
    distributions.coordinates(samples, stem, distributions.LENGTHS)


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_panels_are_the_bond_types_of_the_reference(drawn, tmp_path):
    """The model's own C=O adds no panel, and a type that the model lacks is drawn all the same."""
    samples = {
        "test_split": {"H-O:1.0": observed(HO), "C-H:1.0": observed(CH)},
        "model": {"C-H:1.0": observed(CH[:4]), "C-O:2.0": observed([1.2] * 99), "H-O:1.0": observed([])},
    }
    figure = drawn(lengths, samples, tmp_path / "bonds")
    assert titles(figure) == ["C–H", "H–O"]
    counts = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert counts == [["n = 20", "n = 4"], ["n = 10", "n = 0"]]


@pytest.mark.parametrize("look", [distributions.ANGLES, distributions.TORSIONS], ids=["angles", "torsions"])
def test_angles_stay_between_0_and_180(drawn, tmp_path, look):
    samples = {"test_split": {"H-C-C-O:1.0,1.5,2.0": observed([0.0, 1.0, 60.0, 179.0, 180.0])}, "a": {}}
    figure = drawn(
        lambda made, stem: distributions.coordinates(made, stem, look), samples, tmp_path / "angles"
    )
    assert titles(figure) == ["H–C:C=O"]
    assert figure.axes[0].get_xlim() == (0, 180)
    assert figure.axes[0].get_xlabel() == look.xlabel
    assert texts(figure)[1] == f"a, no {look.things}"


def test_of_real_molecules(structures, verdicts, drawn, tmp_path):
    samples = {"test_split": by_type(Bonded.of(structures, verdicts))}
    figure = drawn(lengths, samples, tmp_path / "bonds")
    assert titles(figure) == ["C–H", "C=O", "H–O"]


def test_the_legend_names_numbers_of_molecules(drawn, tmp_path):
    samples = {
        "test_split": {"C-H:1.0": observed(CH, 2000)},
        "a": {"C-H:1.0": observed([1.1] * 60, 30)},
        "b": {},
    }
    figure = drawn(lengths, samples, tmp_path / "bonds")
    assert texts(figure) == ["test split (control), 2,000 molecules", "a, 30 molecules", "b, no bonds"]


def test_a_model_of_few_numbers_has_no_line_in_that_panel(drawn, tmp_path):
    few, enough = observed([1.1] * (distributions.LEAST - 1)), observed([1.1] * distributions.LEAST)
    samples = {
        "test_split": {"C-H:1.0": observed(CH), "H-O:1.0": observed(HO)},
        "a": {"C-H:1.0": few, "H-O:1.0": enough},
        "b": {"C-H:1.0": enough, "H-O:1.0": observed([])},
    }
    figure = drawn(lengths, samples, tmp_path / "bonds")
    of_a, of_b = PALETTE[:2]
    lines = [[to_hex(patch.get_edgecolor()).upper() for patch in axes.patches[1:]] for axes in figure.axes]
    assert lines == [[of_b], [of_a]]
    assert [text.get_text() for text in figure.axes[0].texts] == ["n = 20", "n = 49", "n = 50"]
    assert texts(figure)[3:] == ["no line where n < 50"]
    samples["a"]["C-H:1.0"] = enough
    assert len(texts(drawn(lengths, samples, tmp_path / "bonds"))) == 3


def test_no_more_than_ten_panels(drawn, tmp_path, monkeypatch):
    many = {f"C-C:{k}": observed([1.0, 1.1] * (20 - k)) for k in range(12)}
    monkeypatch.setattr(distributions, "_pretty", str)
    figure = drawn(lengths, {"test_split": many}, tmp_path / "bonds")
    assert titles(figure) == [f"C-C:{k}" for k in range(10)]


@pytest.mark.parametrize("outlier", [0.2, 1.6, 40.0])
def test_a_models_outliers_stretch_no_axis_and_are_counted(drawn, tmp_path, outlier):
    reference = np.random.default_rng(0).normal(1.1, 0.02, 1000)
    model = np.append(np.full(60, 1.1), [outlier] * 20)
    sets = {"test_split": {"C-H:1.0": observed(reference)}, "a": {"C-H:1.0": observed(model)}}
    (axes,) = drawn(lengths, sets, tmp_path / "bonds").axes
    low, high = axes.get_xlim()
    assert 0.9 < low < np.quantile(reference, 0.005) and np.quantile(reference, 0.995) < high < 1.3
    outside = 100 * np.mean((reference < low) | (reference > high))
    assert outside == 0 and [text.get_text() for text in axes.texts] == ["n = 1,000", "n = 80, 25 % outside"]
    # All of the model's bonds on the axis are in one bin: a peak without end, which sets no height.
    own, others = (patch.get_data().values.max() for patch in axes.patches)
    assert others == pytest.approx(2 * own)


def test_densities_integrate_to_the_part_on_the_axis(drawn, tmp_path):
    samples = {"test_split": {"C-H:1.0": observed(CH), "H-O:1.0": observed(HO)}}
    figure = drawn(lengths, samples, tmp_path / "bonds")
    for axes in figure.axes:
        stairs = axes.patches[0].get_data()
        assert np.sum(stairs.values * np.diff(stairs.edges)) == pytest.approx(1, abs=1e-9)


def test_a_reference_without_bonds_is_said_so(drawn, tmp_path):
    samples = {"test_split": {"C-H:1.0": observed([])}, "model": {"C-H:1.0": observed(CH)}}
    figure = drawn(lengths, samples, tmp_path / "bonds")
    assert [text.get_text() for text in figure.texts] == [
        "test split (control): no bonds in any valid molecule"
    ]


def test_no_samples_are_said_so(structures, drawn, tmp_path):
    figure = drawn(distributions.atom_counts, {"test_split": structures[:0]}, tmp_path / "counts")
    assert [text.get_text() for text in figure.texts] == ["no samples"]


def test_atom_counts_are_percentages(structures, drawn, tmp_path):
    samples = {"test_split": structures[:3], "model": structures[:1]}
    (axes,) = drawn(distributions.atom_counts, samples, tmp_path / "counts").axes
    # Sizes 3, 4, 5 of water, methane and CO2, then of water alone.
    np.testing.assert_allclose(axes.patches[0].get_data().values, [200 / 3, 0, 100 / 3])
    np.testing.assert_allclose(axes.patches[0].get_data().edges, [2.5, 3.5, 4.5, 5.5])
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[3, 100], [4, 0], [5, 0]])


def test_two_drawings_have_the_same_bytes(structures, same_bytes):
    sets = {"test_split": {"C-H:1.0": observed(CH)}, "model": {"C-H:1.0": observed(CH[:5])}}
    same_bytes(lambda stem: lengths(sets, stem))
    same_bytes(lambda stem: distributions.atom_counts({"test_split": structures}, stem))
