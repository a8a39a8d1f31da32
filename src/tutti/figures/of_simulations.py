"""Figures of simulations: the reference first, in grey, and the models beside it."""

from pathlib import Path

import numpy as np

from tutti.benchmark.forcefields.dynamics import BINS, OXYGEN, lags, reference_frames
from tutti.benchmark.forcefields.physics.distributions import of_angles
from tutti.benchmark.forcefields.simulations import SimulatedStudy, warm
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
    draw_energies(study.with_reference("NVE"), stem, has_reference=bool(study.reference))


def vibrations(study: SimulatedStudy, stem: Path) -> None:
    """Spectra of the velocities at constant energy; the reference has to be simulated."""
    draw_spectra(study.with_reference("NVE"), stem, study.config.resolution)


def diffusion(study: SimulatedStudy, stem: Path) -> None:
    """Mean squared displacement of oxygen at constant energy."""
    shown = study.with_reference("NVE")
    first = next(iter(shown.values()))
    oxygens = np.flatnonzero(first.numbers == OXYGEN)
    draw_displacements(shown, oxygens, lags(first), stem, has_reference=bool(study.reference))


def radial_distribution(study: SimulatedStudy, stem: Path) -> None:
    """Distances between atoms at constant temperature."""
    shown = _frames(study) | study.of_models("NVT")
    draw_distances(shown, common_grid(shown, study.method, BINS), stem)


def angles(study: SimulatedStudy, stem: Path) -> None:
    """Angles at constant temperature: of the reference's bonds, or between oxygens of a liquid."""
    frames = _frames(study)
    kind = of_angles(frames[study.method], study.config.liquid)
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
    return {study.method: reference_frames(simulated, study.dataset)}
