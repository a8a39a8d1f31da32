"""Figures of simulations: the reference first, in grey, and the models beside it."""

from pathlib import Path

import numpy as np

from tutti.benchmark.forcefields.dynamics import BINS, OXYGEN, lags, reference_frames
from tutti.benchmark.forcefields.physics.distributions import of_angles
from tutti.benchmark.forcefields.simulations import REFERENCE, SimulatedStudy, warm
from tutti.figures.angles import draw as draw_angles
from tutti.figures.diffusion import draw as draw_displacements
from tutti.figures.drift import draw as draw_energies
from tutti.figures.fullerene import draw as draw_sizes
from tutti.figures.radial_distribution import draw as draw_distances
from tutti.figures.vibrations import draw as draw_spectra
from tutti.simulation.analysis.radial_distribution import common_grid
from tutti.simulation.trajectory import Trajectory


def drift(study: SimulatedStudy, stem: Path) -> None:
    """Total energy at constant energy."""
    draw_energies(_moving(study), stem, has_reference=bool(study.reference))


def vibrations(study: SimulatedStudy, stem: Path) -> None:
    """Spectra of the velocities at constant energy; the reference has to be simulated."""
    draw_spectra(_moving(study), stem, study.config.resolution)


def diffusion(study: SimulatedStudy, stem: Path) -> None:
    """Mean squared displacement of oxygen at constant energy."""
    shown = _moving(study)
    first = next(iter(shown.values()))
    oxygens = np.flatnonzero(first.numbers == OXYGEN)
    draw_displacements(shown, oxygens, lags(first), stem, has_reference=bool(study.reference))


def radial_distribution(study: SimulatedStudy, stem: Path) -> None:
    """Distances between atoms at constant temperature."""
    shown = _frames(study) | study.of_models("NVT")
    draw_distances(shown, common_grid(shown, _method(study), BINS), stem)


def angles(study: SimulatedStudy, stem: Path) -> None:
    """Angles at constant temperature: of the reference's bonds, or between oxygens of a liquid."""
    frames = _frames(study)
    kind = of_angles(frames[_method(study)], study.config.liquid)
    moving = {label: warm(found) for label, found in study.of_models("NVT").items()}
    draw_angles({label: kind(each) for label, each in (frames | moving).items()}, stem)


def sizes(study: SimulatedStudy, stem: Path) -> None:
    """Sizes at constant temperature, with classical nuclei and with ring polymers."""
    classical = _frames(study) | {label: warm(found) for label, found in study.of_models("NVT").items()}
    shown = {label: {"classical": frames} for label, frames in classical.items()}
    for label, found in study.of_models("rings").items():
        shown[label][f"{study.config.beads} beads"] = warm(found)
    draw_sizes(shown, stem)


def _frames(study: SimulatedStudy) -> dict[str, Trajectory]:
    """The reference's, with which the others are compared."""
    simulated = study.reference["NVT"] if study.reference else None
    return {_method(study): reference_frames(simulated, study.dataset)}


def _moving(study: SimulatedStudy) -> dict[str, Trajectory]:
    """Simulations at constant energy."""
    found = study.with_reference("NVE")
    return {_method(study) if label == REFERENCE else label: each for label, each in found.items()}


def _method(study: SimulatedStudy) -> str:
    """What the reference is called: its method, where that is known."""
    return study.config.reference or REFERENCE
