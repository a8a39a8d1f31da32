"""Figures of physics and of committees: what they show, and that they are drawn the same twice."""

import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from tutti.benchmark.forcefields.committee import spreads
from tutti.benchmark.forcefields.physics.curves import Curve
from tutti.benchmark.forcefields.physics.diatomics import APART, repulsive
from tutti.benchmark.forcefields.simulations import DynamicsConfig, SimulatedStudy
from tutti.core.structures import Structures
from tutti.figures import CONTROL, PALETTE, angles, committee, diatomics, of_simulations, scans
from tutti.simulation.analysis.angles import BINS, CENTRES, WIDTH
from tutti.statistics import calibration

from .observed import texts
from .test_dynamics_figures import run

X = np.append(np.arange(0.3, 6.0, 0.02), APART)


def pair(name, depth=4.0, zero=-100.0):
    energy = zero + depth * ((1 - np.exp(-2 * (X - 1.2))) ** 2 - 1)
    return Curve.of("diatomics", name, X, energy, 0 * X)


@pytest.fixture
def probes():
    scan = [
        Curve.of(
            "scan", name, np.arange(5.0), [0, 0.1, 0.3, 0.1, shift], reference=np.array([1, 1.1, 1.2, 1.1, 1])
        )
        for name, shift in (("turn", 0.02), ("pull", -0.01))
    ]
    return {
        "reference": [pair("H-C", 5.0), pair("C-C", 6.0)],
        "one": [pair("H-C"), pair("C-C", zero=7.0), *scan],
        "two": [pair("H-C", 3.0), pair("C-C"), *scan],
    }


def test_energies_of_two_atoms_are_shown_from_where_they_are_apart(probes, drawn, tmp_path):
    figure = drawn(diatomics.draw, probes, tmp_path / "d")
    assert texts(figure) == ["reference", "one", "two"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["H-C", "C-C"]
    axes = figure.axes[1]
    reference, one = (line for line in axes.lines if line.get_color() in (CONTROL, PALETTE[0]))
    assert reference.get_ydata().min() == pytest.approx(-6, abs=0.01)
    assert one.get_ydata()[-1] == pytest.approx(0, abs=0.01) and one.get_xdata()[-1] < 6
    assert axes.patches[0].get_width() == pytest.approx(repulsive("C-C"))
    assert axes.get_ylim() == (pytest.approx(-1.3 * 6 - 0.5, abs=0.02), 10.0)


def test_pairs_that_failed_leave_the_others(probes, drawn, tmp_path):
    broken = dataclasses.replace(pair("C-C"), energy=np.full(len(X), np.nan))
    figure = drawn(diatomics.draw, {"one": [pair("H-C"), broken]}, tmp_path / "d")
    assert [line.get_color() for line in figure.axes[0].lines][-1] == PALETTE[0]
    nothing = drawn(diatomics.draw, {"one": []}, tmp_path / "nothing")
    assert [text.get_text() for text in nothing.texts] == ["no pair of elements was looked at"]


def test_scans_are_shown_above_their_lowest_point(probes, drawn, tmp_path):
    figure = drawn(scans.draw, probes, tmp_path / "s")
    assert texts(figure) == ["data", "one", "two"]
    turn, pull = figure.axes
    np.testing.assert_allclose(turn.lines[0].get_ydata(), [0, 100, 300, 100, 20])
    np.testing.assert_allclose(turn.lines[1].get_ydata(), [0, 100, 200, 100, 0], atol=1e-9)
    np.testing.assert_allclose(pull.lines[0].get_ydata(), [10, 110, 310, 110, 0])
    nothing = drawn(scans.draw, {"reference": []}, tmp_path / "nothing")
    assert [text.get_text() for text in nothing.texts] == ["no scan was followed"]


def test_angles_are_densities_beside_the_references(drawn, tmp_path):
    flat = np.full((3, BINS), 1 / 180)
    peak = np.zeros((4, BINS))
    peak[:, CENTRES == 109] = 1 / WIDTH
    shown = {"reference": {"H-O-H": peak}, "one": {"H-O-H": flat}, "gone": {"H-O-H": flat[:0]}}
    (axes,) = drawn(angles.draw, shown, tmp_path / "a").axes
    assert axes.get_xlim() == (99, 119)
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_ydata(), 1 / 180)
    nothing = drawn(angles.draw, {"reference": {}}, tmp_path / "nothing")
    assert [text.get_text() for text in nothing.texts] == ["no angles"]


def test_angles_of_simulations_are_those_of_the_references_bonds(drawn, tmp_path):
    right = np.array([[0, 0, 0], [0.96, 0, 0], [0, 0.96, 0]])
    wide = np.array([[0, 0, 0], [0.96, 0, 0], [-0.83, 0.48, 0]])
    files = {}
    for name, positions in (("reference", right), ("model", wide)):
        run(np.repeat(positions[None], 10, axis=0), numbers=[8, 1, 1]).save(tmp_path / f"{name}.npz")
        files[name] = {"NVT": tmp_path / f"{name}.npz"}
    study = SimulatedStudy(
        DynamicsConfig(temperature=300), {"model": files["model"]}, files["reference"], tmp_path / "none"
    )
    (axes,) = drawn(of_simulations.angles, study, tmp_path / "a").axes
    assert axes.get_title(loc="left") == "H-O-H"
    (line,) = axes.lines
    assert CENTRES[line.get_ydata().argmax()] == pytest.approx(150, abs=1.1)


@pytest.fixture
def members():
    rng = np.random.default_rng(0)
    truth = Structures.from_frames(
        [([6, 1], np.zeros((2, 3)))] * 50, energy=np.zeros(50), forces=np.zeros((100, 3))
    )
    return truth, [
        dataclasses.replace(truth, energy=rng.normal(size=50), forces=rng.normal(size=(100, 3)))
        for _ in range(3)
    ]


def test_a_committee_is_shown_with_its_factor(members, drawn, tmp_path):
    truth, three = members
    figure = drawn(committee.draw, truth, {"one": three, "two": three[:2]}, tmp_path / "c")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["one", "two", "", ""]
    forces = figure.axes[2]
    points, same, scaled = forces.lines
    spread = spreads(truth, three)["forces"]
    factor = calibration.factor(spread.values, spread.errors)
    assert len(points.get_xdata()) == 100 and to_rgba(points.get_color()) == to_rgba(PALETTE[0])
    np.testing.assert_allclose(same.get_xdata(), same.get_ydata())
    np.testing.assert_allclose(scaled.get_ydata(), factor * scaled.get_xdata())
    assert forces.texts[0].get_text().endswith(f"factor {factor:.2f}")
    nothing = drawn(committee.draw, truth[:0], {}, tmp_path / "nothing")
    assert [text.get_text() for text in nothing.texts] == ["no structures to compare"]


def test_members_that_agree_leave_a_panel_empty(members, drawn, tmp_path):
    truth, three = members
    figure = drawn(committee.draw, truth, {"one": [three[0]] * 2}, tmp_path / "c")
    assert len(figure.axes[0].lines[0].get_xdata()) == 0


def test_the_same_bytes_twice(probes, members, same_bytes):
    same_bytes(lambda stem: diatomics.draw(probes, stem))
    same_bytes(lambda stem: committee.draw(members[0], {"one": members[1]}, stem))
