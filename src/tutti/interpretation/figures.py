"""Figures of what a trained force field has learnt."""

from pathlib import Path

import numpy as np

from tutti import forcefields
from tutti.forcefields.base import ForceField
from tutti.interpretation.chemical_potential import local_potential
from tutti.interpretation.embedding import principal_components
from tutti.interpretation.filters import plane_cuts, radial_filters, strongest
from tutti.plots import chemical_potential, embedding, filters
from tutti.structures import Structures

SHOWN = 4  # filters of each interaction
PROBES = 3
MOLECULES = 3
RADII = 300
GRID = 121


def draw(figure: str, weights: Path, molecules: Structures, stem: Path) -> None:
    """Draw one of the figures `embedding`, `filters`, `filter_cuts` and `chemical_potential` of a model.

    Args:
        figure: which one.
        weights: folder of the trained model.
        molecules: the first `MOLECULES` are probed for the local chemical potential.
        stem: the figure's path without suffix.

    Raises:
        ValueError: for periodic structures or models whose chemical potential is not defined.
    """
    model = forcefields.load(weights, "cpu")
    if figure == "embedding":
        embedding.draw(principal_components(model), stem)
    elif figure == "filters":
        distances = np.linspace(0.0, model.config.cutoff, RADII)[1:]
        found = radial_filters(model, distances)
        filters.draw_radial(distances, found, [strongest(f, SHOWN) for f in found], stem)
    elif figure == "filter_cuts":
        axis, cuts = plane_cuts(model, model.config.cutoff, GRID)
        flat = [cut.reshape(-1, cut.shape[-1]) for cut in cuts]
        filters.draw_cuts(axis, cuts, [strongest(f, SHOWN) for f in flat], stem)
    else:
        _chemical_potential(model, molecules, stem)


def _chemical_potential(model: ForceField, molecules: Structures, stem: Path) -> None:
    if molecules.pbc is not None and molecules.pbc.any():
        raise ValueError("the local chemical potential is drawn around molecules, not in a periodic cell")
    names = molecules.columns.get("smiles", np.array([f"structure {i}" for i in range(len(molecules))]))
    potentials = [
        local_potential(model, str(names[i]), *molecules.frame(i), element)
        for i in range(min(MOLECULES, len(molecules)))
        for element in model.config.elements[:PROBES]
    ]
    chemical_potential.draw(potentials, stem)
