"""Local chemical potentials: the energy that a model gives to a probe atom anywhere around a molecule."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tutti.benchmark.interpretation.isosurface import Surface, isosurface
from tutti.core import elements
from tutti.core.properties import KEYS
from tutti.core.structures import Structures
from tutti.models.forcefields.base import ForceField
from tutti.models.forcefields.batch import AtomicBatch
from tutti.models.forcefields.neighbours import find_pairs
from tutti.nn.pairs import PairGraph

# Probes that are evaluated together.
CHUNK = 500
# How far atoms' energies may differ with and without probes, relative to 1 + their size, by rounding.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}


@dataclass(frozen=True)
class LocalPotential:
    """Ω_A(r) of one probe on a surface around one molecule.

    Attributes:
        molecule: its name.
        numbers: [n] atomic numbers.
        positions: [n, 3], Å.
        element: symbol of the probe A.
        surface: its points r.
        energies: [V], see `probe_energies`.
        unit: of the energies.
    """

    molecule: str
    numbers: np.ndarray
    positions: np.ndarray
    element: str
    surface: Surface
    energies: np.ndarray
    unit: str


def local_potential(
    model: ForceField,
    molecule: str,
    numbers: np.ndarray,
    positions: np.ndarray,
    element: str,
    level: float = 3.7,
) -> LocalPotential:
    """Ω_A on the surface Σ_i ‖r − r_i‖⁻² = `level`; see `isosurface` and `probe_energies`."""
    surface = isosurface(positions, level)
    energies = probe_energies(model, numbers, positions, element, surface.points)
    return LocalPotential(
        molecule, numbers, positions, element, surface, energies, KEYS[model.config.target].unit
    )


def probe_energies(
    model: ForceField, numbers: np.ndarray, positions: np.ndarray, element: str, points: np.ndarray
) -> np.ndarray:
    """Ω_A(r): what a probe atom adds to the energy if it feels the molecule, but the molecule not the probe.

    The energy is a sum over atoms, and messages from the probe are left out; the difference to the energy of
    the molecule is then the probe's own term (Schütt et al., Nat. Commun. 8, 13890, 2017). The reference
    energy of its element, the same at all points, is left out.

    Args:
        model: trained on a property that is a sum over atoms.
        numbers: [n] atomic numbers of the molecule.
        positions: [n, 3], Å.
        element: symbol of the probe.
        points: [V, 3] positions of the probe, one after another, Å.

    Returns:
        [V] float64, in the unit of the model's target (eV for energies).

    Raises:
        ValueError: when the target is no sum over atoms, an element is not known to the model, or the model's
            atoms hear the probe all the same, because it does not send its messages by `PairGraph.sum`.
    """
    target = model.config.target
    if not KEYS[target].extensive:
        raise ValueError(f"the model was trained on '{target}', which is no sum over atoms")
    if element not in elements.NUMBERS:
        raise ValueError(f"no chemical element is called {element}")
    probe = elements.NUMBERS[element]
    model.check_elements(
        Structures.from_frames([([*numbers, probe], np.concatenate([positions, np.zeros((1, 3))]))])
    )
    alone = _terms(model, numbers, positions, probe, np.zeros((0, 3)))
    found = []
    for start in range(0, len(points), CHUNK):
        terms = _terms(model, numbers, positions, probe, points[start : start + CHUNK])
        atoms, probes = terms.split([len(numbers), len(terms) - len(numbers)])
        if ((atoms - alone).abs() > TOLERANCE[model.dtype] * (1 + alone.abs())).any():
            raise ValueError(
                f"the atoms of '{model.module}' hear the probe: its network does not sum messages by "
                "`PairGraph.sum`, and has no local chemical potential yet"
            )
        found.append(probes.double().cpu().numpy())
    return np.concatenate(found) if found else np.zeros(0)


class _HeardGraph(PairGraph):
    """Atoms and probes; probes hear the atoms, and nobody hears a probe. Atoms come first."""

    def __init__(self, first: Tensor, second: Tensor, vectors: Tensor, n_atoms: int, n_rows: int) -> None:
        super().__init__(first, second, vectors, n_rows)
        self._heard = (self._senders < n_atoms).nonzero().flatten()

    def sum(self, messages: Tensor) -> Tensor:
        result = messages.new_zeros(self.n_atoms, *messages.shape[2:])
        heard = messages.flatten(0, 1).index_select(0, self._heard)
        return result.index_add(0, self._receivers[self._heard], heard)


def _terms(
    model: ForceField, numbers: np.ndarray, positions: np.ndarray, probe: int, points: np.ndarray
) -> Tensor:
    """What the model says of the atoms and of probes at all `points`, [n + V]."""
    n, v = len(numbers), len(points)
    pairs = find_pairs(positions, model.config.cutoff)
    away = positions[None] - points[:, None]
    probes, atoms = np.nonzero(np.square(away).sum(axis=-1) < model.config.cutoff**2)
    first = torch.from_numpy(np.concatenate([pairs.first, n + probes]).astype(np.int64))
    second = torch.from_numpy(np.concatenate([pairs.second, atoms]).astype(np.int64))
    vectors = torch.from_numpy(np.concatenate([pairs.vectors, away[probes, atoms]])).to(model.dtype)
    rows = np.concatenate([positions, points])
    batch = AtomicBatch(
        n_atoms=torch.tensor([n + v]),
        structure=torch.zeros(n + v, dtype=torch.int64),
        species=torch.from_numpy(model.species.of(np.concatenate([numbers, np.full(v, probe)]).astype(int))),
        centred=torch.from_numpy(rows - positions.mean(axis=0)).to(model.dtype),
        first=first,
        second=second,
        vectors=vectors,
        volumes=torch.zeros(1, dtype=model.dtype),
        targets={},
    ).to(model.device)
    graph = _HeardGraph(batch.first, batch.second, batch.vectors, n, n + v)
    with torch.no_grad():
        return model.contributions(batch, graph)
