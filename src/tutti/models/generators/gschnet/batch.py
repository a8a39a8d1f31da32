"""The steps of a batch of molecules as tensors: a distance is there once, however many steps see it."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor

from tutti.models.generators.gschnet.steps import StepGraph
from tutti.models.generators.gschnet.traces import Traces
from tutti.nn.tensors import Tensors


@dataclass(frozen=True)
class TraceBatch(Tensors):
    """All steps of B molecules: U steps with N nodes, on P places; Q distances between places.

    Attributes:
        kinds: [N] int64, row of the node's embedding: its species, S for the origin, S + 1 for the focus.
        step: [N] int64, the step that a node belongs to.
        cells: [N] int64; see `StepGraph`.
        pairs: [B, P, P] int64, number of the distance between two places; 0 also where one does not exist.
        distances: [Q], Å; the first is 0, that of places to themselves.
        aims: [Q], Å, the same to where the later of the two belongs, without noise.
        targets: [U] int64, type of the next atom, or S for STOP.
        weights: [U], share of each step in the mean over them.
        placing: [V] int64, the nodes of all steps that do not stop.
        following: [V] int64, type of the next atom.
        labels: [V] int64, number of the distance to the next atom.
        shares: [V], share of each of these nodes in the mean over them.
    """

    kinds: Tensor
    step: Tensor
    cells: Tensor
    pairs: Tensor
    distances: Tensor
    aims: Tensor
    targets: Tensor
    weights: Tensor
    placing: Tensor
    following: Tensor
    labels: Tensor
    shares: Tensor

    @classmethod
    def of(
        cls,
        traces: Traces,
        n_species: int,
        dtype: torch.dtype,
        mean: Literal["steps", "molecules"],
        noise: np.ndarray | None = None,
    ) -> Self:
        """The steps of `traces`; floating tensors in `dtype`. For the `mean` see `Config.loss_mean`.

        The `noise` [B, M, 3] (Å) moves the atoms that are placed, not where the next one belongs.
        """
        pairs, distances, aims = _shared_distances(traces, noise)
        n, n_steps = traces.placed.shape
        n_places = traces.species.shape[1] + 1
        # Nodes: places of all steps, then the focus tokens.
        exists = traces.steps[:, :, None] & (np.arange(n_places) <= traces.placed[:, :, None])
        molecule, time, place = np.nonzero(exists)
        on_molecule, on_time = np.nonzero(traces.steps)
        origin_first = np.pad(traces.species, ((0, 0), (1, 0)), constant_values=n_species)
        kinds = np.concatenate(
            [origin_first[molecule, place], np.full(len(on_molecule), n_species + 1, dtype=np.int64)]
        )
        molecule, time = np.concatenate([molecule, on_molecule]), np.concatenate([time, on_time])
        place = np.concatenate([place, traces.focus[on_molecule, on_time]])

        rows = np.zeros((n, n_steps), dtype=np.int64)
        rows[traces.steps] = np.arange(len(on_molecule))
        placing = np.flatnonzero(traces.target[molecule, time] < n_species)
        of, at = molecule[placing], time[placing]
        following = traces.placed[of, at] + 1
        # A molecule has twice as many steps as atoms, and a step that places the k-th atom k + 1 nodes.
        weights, shares = np.ones(len(on_molecule)), np.ones(len(placing))
        if mean == "molecules":
            weights /= 2.0 * traces.n_atoms[on_molecule]
            shares /= traces.n_atoms[of] * (following + 1.0)
        arrays = {
            "kinds": kinds,
            "step": rows[molecule, time],
            "cells": (molecule * n_steps + time) * n_places + place,
            "pairs": pairs,
            "distances": distances,
            "aims": aims,
            "targets": traces.target[traces.steps],
            "weights": weights / weights.sum(),
            "placing": placing,
            "following": traces.target[of, at],
            "labels": pairs[of, place[placing], following],
            "shares": shares / shares.sum(),
        }
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return cls(**{k: v.to(dtype) if v.is_floating_point() else v for k, v in tensors.items()})

    @property
    def graph(self) -> StepGraph:
        """Where the nodes stand."""
        n, n_places, _ = self.pairs.shape
        return StepGraph(self.cells, (n, 2 * (n_places - 1), n_places))


def _shared_distances(traces: Traces, noise: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`TraceBatch.pairs`, its `distances` and its `aims`."""
    places = exact = np.pad(traces.positions, ((0, 0), (1, 0), (0, 0)))
    if noise is not None:
        places = exact + np.pad(noise, ((0, 0), (1, 0), (0, 0)))
    exists = np.arange(places.shape[1]) <= traces.n_atoms[:, None]
    below = np.tri(places.shape[1], k=-1, dtype=bool) & exists[:, :, None] & exists[:, None]
    molecule, first, second = np.nonzero(below)
    distances = aims = np.linalg.norm(places[molecule, first] - places[molecule, second], axis=1)
    if noise is not None:  # the second is the earlier place
        aims = np.linalg.norm(exact[molecule, first] - places[molecule, second], axis=1)
    pairs = np.zeros(below.shape, dtype=np.int64)
    pairs[molecule, first, second] = pairs[molecule, second, first] = 1 + np.arange(len(molecule))
    return pairs, np.pad(distances, (1, 0)), np.pad(aims, (1, 0))
