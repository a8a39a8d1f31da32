"""Histograms of generated molecules against the data."""

import numpy as np
import pytest

from tutti.plots import distributions


def test_lengths_by_type_against_hand_made_geometries(structures, verdicts):
    lengths = distributions.lengths_by_type(structures, verdicts)
    assert set(lengths) == {"H-O:1.0", "C-H:1.0", "C-O:2.0"}
    np.testing.assert_allclose(lengths["C-O:2.0"], [1.16, 1.17], atol=1e-12)
    np.testing.assert_allclose(lengths["C-H:1.0"], [1.09] * 4, atol=1e-12)
    np.testing.assert_allclose(lengths["H-O:1.0"], [0.96, np.hypot(0.24, 0.93)], atol=1e-12)


def test_bonds_of_invalid_molecules_do_not_count(structures, verdicts):
    verdicts.loc[1, "valid"] = False
    assert "C-H:1.0" not in distributions.lengths_by_type(structures, verdicts)


def test_verdicts_of_other_structures_are_refused(structures, verdicts):
    with pytest.raises(ValueError, match="5 structures but 3 verdicts"):
        distributions.lengths_by_type(structures, verdicts.iloc[:3])


def test_panels_are_the_bond_types_of_the_reference(structures, verdicts, drawn, tmp_path):
    """The model's own CO2 adds no panel, and a type that the model lacks is drawn all the same."""
    samples = {
        "test_split": (structures[:2], verdicts.iloc[:2]),
        "model": (structures[1:3], verdicts.iloc[1:3]),
    }
    figure = drawn(distributions.bond_lengths, samples, tmp_path / "bonds")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["C–H", "H–O"]
    counts = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert counts == [["n = 4", "4"], ["n = 2", "0"]]


def test_no_more_than_ten_panels(structures, verdicts, drawn, tmp_path, monkeypatch):
    many = {f"C-C:{k}": np.array([1.0, 1.1] * (20 - k)) for k in range(12)}
    monkeypatch.setattr(distributions, "lengths_by_type", lambda *_: many)
    monkeypatch.setattr(distributions, "_pretty", str)
    figure = drawn(distributions.bond_lengths, {"test_split": (structures, verdicts)}, tmp_path / "bonds")
    assert [axes.get_title(loc="left") for axes in figure.axes] == [f"C-C:{k}" for k in range(10)]


def test_densities_integrate_to_the_part_on_the_axis(structures, verdicts, drawn, tmp_path):
    figure = drawn(distributions.bond_lengths, {"test_split": (structures, verdicts)}, tmp_path / "bonds")
    for axes in figure.axes:
        stairs = axes.patches[0].get_data()
        assert np.sum(stairs.values * np.diff(stairs.edges)) == pytest.approx(1, abs=1e-9)


def test_a_reference_without_bonds_is_an_error(structures, verdicts, tmp_path):
    with pytest.raises(ValueError, match="no bond in any valid molecule of the reference 'test_split'"):
        distributions.bond_lengths({"test_split": (structures[3:], verdicts.iloc[3:])}, tmp_path / "bonds")


def test_atom_counts_are_percentages(structures, drawn, tmp_path):
    samples = {"test_split": structures[:3], "model": structures[:1]}
    figure = drawn(distributions.atom_counts, samples, tmp_path / "counts")
    sizes, elements = ([bar.get_height() for bar in axes.patches] for axes in figure.axes)
    # Sizes 3, 4, 5 of water, methane and CO2, then of water alone.
    np.testing.assert_allclose(sizes, [200 / 3, 0, 100 / 3, 100, 0, 0])
    # H, C, O of 11 atoms, then of water's 3.
    np.testing.assert_allclose(elements, [600 / 11, 200 / 11, 300 / 11, 200 / 3, 0, 100 / 3])
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["H", "C", "O"]


def test_two_drawings_have_the_same_bytes(structures, verdicts, same_bytes):
    same_bytes(lambda stem: distributions.bond_lengths({"test_split": (structures, verdicts)}, stem))
    same_bytes(lambda stem: distributions.atom_counts({"test_split": structures}, stem))
