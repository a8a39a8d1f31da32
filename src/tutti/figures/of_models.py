"""Figures of what a trained force field has learnt, from the folder with its weights."""

from pathlib import Path

import numpy as np

from tutti.benchmark.interpretation.chemical_potential import local_potential
from tutti.benchmark.interpretation.embedding import principal_components
from tutti.benchmark.interpretation.filters import plane_cuts, radial_filters, strongest
from tutti.core.structures import Structures
from tutti.figures.chemical_potential import draw as draw_potentials
from tutti.figures.embedding import draw as draw_embedding
from tutti.figures.filters import draw_cuts, draw_radial
from tutti.models import forcefields

SHOWN = 4  # filters of each interaction
PROBES = 3
MOLECULES = 3
RADII = 300
GRID = 121


def embedding(weights: Path, molecules: Structures, stem: Path) -> None:
    """Draw the principal components of the elements' vectors; the molecules play no part."""
    draw_embedding(principal_components(forcefields.load(weights, "cpu")), stem)


def filters(weights: Path, molecules: Structures, stem: Path) -> None:
    """Draw the radial filters against the distance; the molecules play no part."""
    model = forcefields.load(weights, "cpu")
    distances = np.linspace(0.0, model.config.cutoff, RADII)[1:]
    found = radial_filters(model, distances)
    draw_radial(distances, found, [strongest(f, SHOWN) for f in found], stem)


def filter_cuts(weights: Path, molecules: Structures, stem: Path) -> None:
    """Draw the strongest filters in a plane through the atom; the molecules play no part."""
    model = forcefields.load(weights, "cpu")
    axis, cuts = plane_cuts(model, model.config.cutoff, GRID)
    flat = [cut.reshape(-1, cut.shape[-1]) for cut in cuts]
    draw_cuts(axis, cuts, [strongest(f, SHOWN) for f in flat], stem)


def chemical_potential(weights: Path, molecules: Structures, stem: Path) -> None:
    """Draw the local chemical potential around the first `MOLECULES` molecules.

    Args:
        weights: folder of the trained model.
        molecules: some that it was not trained on, with their names in the column `smiles` if there is one.
        stem: the figure's path without suffix.

    Raises:
        ValueError: for periodic structures or models whose chemical potential is not defined.
    """
    if molecules.pbc is not None and molecules.pbc.any():
        raise ValueError("the local chemical potential is drawn around molecules, not in a periodic cell")
    model = forcefields.load(weights, "cpu")
    names = molecules.columns.get("smiles", np.array([f"structure {i}" for i in range(len(molecules))]))
    potentials = [
        local_potential(model, str(names[i]), *molecules.frame(i), element)
        for i in range(min(MOLECULES, len(molecules)))
        for element in model.config.elements[:PROBES]
    ]
    draw_potentials(potentials, stem)
