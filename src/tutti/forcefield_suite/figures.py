"""Figures of simulations: the reference first, in grey, and the models beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tutti.dynamics.analysis.radial_distribution import common_grid
from tutti.dynamics.study import DynamicsConfig, warm
from tutti.dynamics.trajectory import Trajectory
from tutti.forcefield_suite.dynamics import BINS, OXYGEN, lags, reference_frames
from tutti.plots import diffusion, drift, fullerene, radial_distribution, vibrations
from tutti.registry import from_dict

REFERENCE = "reference"


def draw_dynamics(
    figure: str,
    models: Mapping[str, str],
    rings: Mapping[str, str],
    reference: str | None,
    dataset: str,
    settings: Mapping[str, Any],
    stem: Path,
) -> None:
    """Draw one of the figures `drift`, `vibrations`, `diffusion`, `radial_distribution` and `sizes`.

    Args:
        figure: which one.
        models: trajectory file by label; at constant energy, for the last two at constant temperature.
        rings: those of ring polymers, for the last figure.
        reference: that of the reference; None: it was not simulated.
        dataset: file with the dataset's own frames.
        settings: fields of `tutti.dynamics.study.DynamicsConfig`.
        stem: the figure's path without suffix.
    """
    config = from_dict(DynamicsConfig, settings, "dynamics")
    found = {label: Trajectory.load(path) for label, path in models.items()}
    if figure == "radial_distribution":
        shown = {REFERENCE: reference_frames(reference, dataset)} | found
        radial_distribution.draw(shown, common_grid(shown, REFERENCE, BINS), stem)
        return
    if figure == "sizes":
        classical = {REFERENCE: reference_frames(reference, dataset)} | {k: warm(t) for k, t in found.items()}
        sizes = {label: {"classical": frames} for label, frames in classical.items()}
        for label, path in rings.items():
            sizes[label][f"{config.beads} beads"] = warm(Trajectory.load(path))
        fullerene.draw(sizes, stem)
        return
    shown = ({REFERENCE: Trajectory.load(reference)} if reference else {}) | found
    if figure == "drift":
        drift.draw(shown, stem, has_reference=bool(reference))
    elif figure == "vibrations":
        vibrations.draw(shown, stem, config.resolution)
    else:
        first = next(iter(shown.values()))
        oxygens = np.flatnonzero(first.numbers == OXYGEN)
        diffusion.draw(shown, oxygens, lags(first), stem, has_reference=bool(reference))
