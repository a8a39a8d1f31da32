"""Energies that start from free atoms: exact without neighbours, whatever the network's weights are."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from tutti.models.forcefields.batch import AtomicBatch
from tutti.models.forcefields.config import ForceFieldConfig
from tutti.nn.pairs import PairGraph


def above_free_atoms(
    atomwise: Callable[[AtomicBatch, PairGraph], Tensor],
    n_species: int,
    batch: AtomicBatch,
    graph: PairGraph,
) -> Tensor:
    """[N] what `atomwise` says of each atom, less what it says of a free atom of the same species.

    An atom of each species goes along in the batch: so it stays right, and differentiable, in training.
    """
    n, species = batch.species.shape[0], batch.species
    kinds = torch.arange(n_species, device=species.device)
    with_free = replace(batch, species=torch.cat([species, kinds]))
    values = atomwise(with_free, graph.with_lone_atoms(n_species))
    return values[:n] - values[n:][species]


def bound(graph: PairGraph, cutoff: float) -> Tensor:
    """[N] from 0 for a free atom to 1 for one with several neighbours: 1 − exp(−Σ_j (1 − (r_ij / cutoff)²)²).

    Free atoms lie several eV above atoms in molecules. A network that starts from them, and has to learn that
    first, learns forces more slowly; a smooth step where neighbours are met saves it that.
    """
    near = (1 - (graph.distances / cutoff).square()).clamp_min(0).square()
    return 1 - torch.exp(-graph.sum(near.expand(2, *near.shape)))


def check_same_kind(start: Mapping[str, object], config: ForceFieldConfig) -> None:
    """Refuse to start from weights that were trained above free atoms, or not, if these are not to be so.

    Args:
        start: configuration that the weights were trained with.
        config: of the model that is to start from them.

    Raises:
        ValueError: when only one of the two is exact for free atoms.
    """
    if bool(start.get("exact_free_atoms")) != bool(config.exact_free_atoms):
        raise ValueError(
            f"its references are {start.get('references')}, those of the new model {config.references}: with "
            "energies of free atoms a network learns what binds them, with least squares it does not; give "
            "both the same kind"
        )


def told(config: ForceFieldConfig, energies: Mapping[str, float]) -> str:
    """The line of a training's log that says the reference energies."""
    references = config.references or "least_squares"
    kind = references if isinstance(references, str) else "given"
    shown = ", ".join(f"{symbol} {energy:.4f}" for symbol, energy in energies.items())
    return f"reference energies ({kind}), eV: {shown}"
