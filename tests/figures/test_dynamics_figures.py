"""Figures of dynamics: what they show, and that they are drawn the same twice."""

from dataclasses import replace

import numpy as np
import pytest

from tutti.benchmark.forcefields.dynamics import BINS
from tutti.benchmark.forcefields.simulations import DynamicsConfig, SimulatedStudy
from tutti.core.structures import Structures
from tutti.data.c20 import cage
from tutti.figures import (
    INK,
    PALETTE,
    diffusion,
    drift,
    fullerene,
    of_simulations,
    radial_distribution,
    vibrations,
)
from tutti.simulation.analysis.diffusion import Window
from tutti.simulation.analysis.radial_distribution import Grid, common_grid, pair_distribution
from tutti.simulation.analysis.spectrum import PER_FS
from tutti.simulation.trajectory import Trajectory

from .observed import texts


def run(positions, velocities=None, energy=None, interval=2.0, cell=None, numbers=None, **fields):
    n_frames, n = positions.shape[0], positions.shape[-2]
    zeros = np.zeros(n_frames)
    return Trajectory(
        numbers=np.full(n, 6) if numbers is None else np.array(numbers),
        masses=np.full(n, 12.0),
        cell=np.zeros((3, 3)) if cell is None else cell,
        pbc=np.full(3, cell is not None),
        time_step=interval,
        steps=np.arange(n_frames),
        positions=positions,
        velocities=np.zeros_like(positions) if velocities is None else velocities,
        potential_energy=zeros if energy is None else energy,
        kinetic_energy=zeros,
        temperature=zeros,
        **fields,
    )


@pytest.fixture
def energies():
    time = np.arange(1000)
    still = np.zeros((1000, 4, 3))
    reference = run(still, energy=0.004 * np.sin(time))
    model = run(still, energy=-7 + 0.00004 * time)
    failed = run(still, energy=np.where(time > 500, 1e6, 0.0), failure="hot", failure_time=2100.0)
    return {"reference": reference, "model": model, "failed": failed, "at once": failed[:1]}


def test_drift(energies, drawn, tmp_path):
    figure = drawn(drift.draw, energies, tmp_path / "drift")
    (axes,) = figure.axes
    lines = [line for line in axes.lines if len(line.get_xdata()) > 1]
    assert [line.get_color() for line in lines] == [INK, *PALETTE[:2]]
    model = lines[1]
    # The means of seven frames at the start and of the last six.
    assert model.get_xdata()[[0, -1]] == pytest.approx([0.005, 1.992], abs=0.002)
    assert model.get_ydata()[[0, -1]] == pytest.approx(5 * model.get_xdata()[[0, -1]])  # meV/atom
    assert lines[0].get_zorder() > max(line.get_zorder() for line in lines[1:])
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert [line.get_xdata()[0] for line in crosses] == pytest.approx([1.998, 0])
    assert crosses[0].get_ydata()[0] == axes.get_ylim()[1] < 60
    assert texts(figure)[2] == "failed, failed after 2.1 ps, to 2.5e+08 meV/atom"


@pytest.mark.parametrize("last", [np.nan, np.inf, -1e300])
def test_energies_that_are_no_numbers_leave_the_others_in_sight(energies, drawn, tmp_path, last):
    energies["failed"].potential_energy[-1] = last
    (axes,) = drawn(drift.draw, energies, tmp_path / "drift").axes
    low, high = axes.get_ylim()
    assert -60 < low < 0 and 9.9 < high < 60


def test_of_two_models_the_one_that_explodes_sets_no_axis(energies, drawn, tmp_path):
    two = {label: energies[label] for label in ("failed", "model")}
    (axes,) = drawn(lambda runs, stem: drift.draw(runs, stem, has_reference=False), two, tmp_path / "d").axes
    assert 9.9 < axes.get_ylim()[1] < 60


def test_drift_without_a_second_frame(energies, drawn, tmp_path):
    figure = drawn(drift.draw, {"a": energies["at once"]}, tmp_path / "drift")
    assert [text.get_text() for text in figure.texts] == ["no simulation has a second frame"]


def test_distances_of_a_molecule(drawn, tmp_path):
    positions = np.random.default_rng(0).uniform(0, 2, size=(30, 4, 3))
    runs = {"reference": run(positions), "model": run(positions * 1.1), "other": run(positions * 1.2)}
    grid = Grid(4.0, 20)
    (axes,) = drawn(radial_distribution.draw, runs, grid, tmp_path / "h").axes
    assert axes.get_ylabel() == "density of distances h(r) (1/Å)"
    for line, label in zip(axes.lines, ("model", "other"), strict=True):
        np.testing.assert_allclose(line.get_xdata(), grid.centres)
        np.testing.assert_allclose(line.get_ydata(), pair_distribution(runs[label], grid).mean(axis=0))


def test_distances_of_a_liquid(drawn, tmp_path):
    positions = np.random.default_rng(0).uniform(0, 10, size=(5, 9, 3))
    liquid = run(positions, cell=10 * np.eye(3), numbers=[8] * 3 + [1] * 6)
    figure = drawn(radial_distribution.draw, {"a": liquid, "b": liquid}, Grid(5.0, 20), tmp_path / "g")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["H-H", "H-O", "O-O"]
    assert texts(figure) == ["a", "b"]
    assert all(axes.get_ylim()[1] <= 5 for axes in figure.axes)


def test_spectra(drawn, tmp_path):
    time = np.arange(4000)[:, None, None] * 2.0
    runs = {
        label: run(np.zeros((4000, 1, 3)), np.sin(2 * np.pi * time * wave / PER_FS) * np.ones(3))
        for label, wave in (("reference", 1000), ("model", 1500))
    }
    runs["short"] = runs["model"][:100]
    figure = drawn(vibrations.draw, runs, tmp_path / "spectra")
    (axes,) = figure.axes
    (line,) = axes.lines
    assert line.get_xdata()[line.get_ydata().argmax()] == pytest.approx(1500, abs=5)
    assert 1500 < axes.get_xlim()[1] < 2000 < line.get_xdata()[-1]  # where nothing vibrates is not shown
    assert axes.get_title(loc="left") == "model"
    assert texts(figure) == ["reference", "model"]
    assert figure.legends[0].get_lines()[0].get_color() == line.get_color()
    nothing = drawn(vibrations.draw, {"a": runs["short"], "b": runs["model"]}, tmp_path / "short")
    assert [text.get_text() for text in nothing.texts] == ["a: too short for a spectrum"]


def test_displacements(drawn, tmp_path):
    ballistic = run(np.arange(500.0)[:, None, None] * np.ones((1, 2, 3)), interval=10.0)
    failed = replace(ballistic, positions=100 * ballistic.positions, failure="hot", failure_time=1.0)
    figure = drawn(
        diffusion.draw,
        {"a": ballistic, "b": failed, "c": failed[:1]},
        np.arange(1),
        Window(0.5, 1.0),
        tmp_path / "d",
    )
    first, second = figure.axes[0].lines
    assert first.get_xdata()[-1] == pytest.approx(2.0)
    np.testing.assert_allclose(first.get_ydata(), 3 * (first.get_xdata() * 100) ** 2, atol=1e-3)
    assert figure.axes[0].get_ylim()[1] == pytest.approx(1.3 * 3 * 200**2)
    np.testing.assert_allclose(second.get_ydata(), 1e4 * first.get_ydata(), atol=10)


def cages(spread, beads=()):
    rng = np.random.default_rng(0)
    return run(cage().positions + rng.normal(scale=spread, size=(50, *beads, 20, 3)))


def test_fullerene(drawn, tmp_path):
    runs = {
        "reference": {"classical": cages(0.03), "8 beads": cages(0.05, (8,))},
        "model": {"classical": cages(0.02)},
    }
    figure = drawn(fullerene.draw, runs, tmp_path / "c20")
    assert len(figure.axes) == 3
    assert figure.axes[0].get_ylabel() == "density (a.u.)"  # there are no ticks
    assert texts(figure) == ["reference, classical", "reference, 8 beads", "model, classical"]
    for curve in figure.axes[1].patches:
        values, edges, _ = curve.get_data()
        assert 0.9 < np.sum(values * np.diff(edges)) <= 1
    with pytest.raises(ValueError, match="7 models"):
        fullerene.draw({str(k): runs["model"] for k in range(9)}, tmp_path / "many")


def test_two_drawings_have_the_same_bytes(energies, same_bytes):
    same_bytes(lambda stem: drift.draw(energies, stem))


@pytest.fixture
def study(tmp_path):
    """C18O2 that was simulated with a model and the reference; the dataset's frames lie closer together."""
    models, reference, numbers = {}, {}, np.array([6] * 18 + [8] * 2)
    for files, label, spread in ((models, "model", 0.02), (reference, "reference", 0.03)):
        for kind, beads in {"NVE": (), "NVT": (), "rings": (8,)}.items():
            files[kind] = tmp_path / f"{label}_{kind}.npz"
            replace(cages(spread, beads), numbers=numbers).save(files[kind])
    frames = [(numbers, positions) for positions in cages(0.01).positions]
    Structures.from_frames(frames).save(tmp_path / "dataset.npz")
    config = DynamicsConfig(temperature=300.0, beads=8)
    return SimulatedStudy(config, {"model": models}, reference, tmp_path / "dataset.npz")


@pytest.mark.parametrize(
    ("figure", "kinds"),
    [
        ("drift", {"NVE"}),
        ("vibrations", {"NVE"}),
        ("diffusion", {"NVE"}),
        ("radial_distribution", {"NVT"}),
        ("sizes", {"NVT", "rings"}),
    ],
)
def test_figures_of_a_study_read_the_trajectories_that_they_show(study, drawn, tmp_path, figure, kinds):
    for files in (study.reference, *study.models.values()):
        for kind in files.keys() - kinds:
            files[kind].unlink()
    study.dataset.unlink()
    assert drawn(getattr(of_simulations, figure), study, tmp_path / figure).axes or figure == "vibrations"


def test_energies_of_a_study_are_those_of_its_trajectories(study, tmp_path):
    shown = {"reference": Trajectory.load(study.reference["NVE"])}
    shown["model"] = Trajectory.load(study.models["model"]["NVE"])
    drift.draw(shown, tmp_path / "a")
    of_simulations.drift(study, tmp_path / "b")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_sizes_of_a_study_are_without_the_frames_in_which_the_bath_warms_the_atoms(study, drawn, tmp_path):
    figure = drawn(of_simulations.sizes, study, tmp_path / "sizes")
    assert texts(figure) == ["reference, classical", "model, classical", "model, 8 beads"]
    runs = {
        "reference": {"classical": Trajectory.load(study.reference["NVT"])[10:]},
        "model": {
            "classical": Trajectory.load(study.models["model"]["NVT"])[10:],
            "8 beads": Trajectory.load(study.models["model"]["rings"])[10:],
        },
    }
    fullerene.draw(runs, tmp_path / "expected")
    assert (tmp_path / "sizes.svg").read_bytes() == (tmp_path / "expected.svg").read_bytes()


def test_a_reference_of_a_known_method_is_called_so(study, drawn, tmp_path):
    known = replace(study, config=replace(study.config, reference="GFN2-xTB"))
    for draw in (of_simulations.sizes, of_simulations.radial_distribution, of_simulations.drift):
        named = texts(drawn(draw, known, tmp_path / "figure"))
        assert named[0].startswith("GFN2-xTB") and not any("reference" in text for text in named)


def test_without_a_simulated_reference_the_frames_of_the_dataset_stand_for_it(study, drawn, tmp_path):
    alone = replace(study, reference=None)
    (axes,) = drawn(of_simulations.drift, alone, tmp_path / "drift").axes
    assert axes.lines[0].get_color() == PALETTE[0]
    figure = drawn(of_simulations.radial_distribution, alone, tmp_path / "h")
    frames = Trajectory.of_structures(Structures.load(study.dataset), interval=1.0)
    runs = {"reference": frames, "model": Trajectory.load(study.models["model"]["NVT"])}
    radial_distribution.draw(runs, common_grid(runs, "reference", BINS), tmp_path / "expected")
    assert texts(figure) == ["reference", "model"]
    assert (tmp_path / "h.svg").read_bytes() == (tmp_path / "expected.svg").read_bytes()
