"""Flow matching: all atoms of a molecule follow a field that the EGNN of EDM has learnt."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.generators.atom_clouds import AtomClouds
from tutti.models.generators.flow_matching.alignment import align
from tutti.models.generators.flow_matching.config import Config, Sampling
from tutti.models.generators.flow_matching.field import Field, Prediction
from tutti.models.generators.flow_matching.flow import Flow
from tutti.models.generators.flow_matching.integration import shifted
from tutti.nn.egnn import EGNN, FullPairs, centre
from tutti.nn.neighbours import segment_index
from tutti.nn.tensors import Tensors

LAST = 1.0 - 1e-4
"""Times of training end here: at 1, types would have no noise to divide by."""

MEASURED = 2000
"""Molecules that the moments of noise and atoms are measured on, again and again those of a small set."""


@dataclass(frozen=True)
class FlowBatch(Tensors):
    """B molecules and the noise that they start from, at random times.

    Attributes:
        n_atoms, molecule: [B] atoms of each molecule, [ΣN] molecule of each atom.
        pairs: all pairs of atoms.
        species: [ΣN].
        positions, noise: [ΣN, 3] Å, centred, the noise aligned.
        type_noise: [ΣN, S].
        times: [B], 0 ... 1.
    """

    n_atoms: Tensor
    molecule: Tensor
    pairs: FullPairs
    species: Tensor
    positions: Tensor
    noise: Tensor
    type_noise: Tensor
    times: Tensor


class FlowMatching(AtomClouds):
    """Straight paths from noise to molecules, aligned within each.

    Lipman et al., ICLR 2023 (arXiv:2210.02747); Klein, Krämer and Noé, NeurIPS 2023 (arXiv:2306.15030); Song
    et al., NeurIPS 2023 (EquiFM, arXiv:2312.07168). Types flow as scaled one-hot vectors on the same straight
    paths and at the same times as positions; EquiFM has a variance-preserving path for them.
    """

    module = "flow_matching"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        n_species = len(self.species)
        self.field = Field(n_species, config.type_scale)
        self.network = EGNN(
            n_species + 1,  # types and time
            n_species,
            channels=config.channels,
            layers=config.layers,
            coordinate_range=config.coordinate_range,
            distances=config.distances,
        )

    def fit_statistics(self, structures: Structures) -> None:
        """Histogram of the sizes, and what the closed form takes from the training set.

        Raises:
            ValueError: when a molecule is larger than `max_size`, or an element is unknown.
        """
        super().fit_statistics(structures)
        rng = np.random.default_rng(0)
        rows = np.resize(rng.permutation(len(structures)), MEASURED)
        noise, positions = self._paths(structures, rows, rng)
        self.field.fit(noise, positions, torch.from_numpy(self.species.of(structures.numbers)))

    def _paths(
        self, structures: Structures, items: np.ndarray, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Beginning and end of the positions' paths, [ΣN, 3] float64 each, both centred."""
        atoms, counts = structures.atom_rows(items), structures.n_atoms[items]
        n_atoms = torch.from_numpy(counts)
        molecule = segment_index(n_atoms)
        noise, positions = (
            centre(torch.from_numpy(vectors), molecule, n_atoms)
            for vectors in (
                self.config.noise_width * rng.standard_normal((len(atoms), 3)),
                structures.positions[atoms],
            )
        )
        return torch.from_numpy(align(noise.numpy(), positions.numpy(), counts)), positions

    def collate(self, structures: Structures, items: np.ndarray, rng: np.random.Generator) -> FlowBatch:
        """Molecules at times drawn uniformly, with aligned noise."""
        noise, positions = self._paths(structures, items, rng)
        species = self.species.of(structures.numbers[structures.atom_rows(items)])
        n_atoms = torch.from_numpy(structures.n_atoms[items])

        def tensor(values: np.ndarray | Tensor) -> Tensor:
            return torch.as_tensor(values, dtype=self.dtype)

        return FlowBatch(
            n_atoms=n_atoms,
            molecule=segment_index(n_atoms),
            pairs=FullPairs.of_molecules(n_atoms),
            species=torch.from_numpy(species),
            positions=tensor(positions),
            noise=tensor(noise),
            type_noise=tensor(rng.standard_normal((len(species), len(self.species)))),
            times=tensor(LAST * shifted(rng.random(len(items)), self.config.shift)),
        )

    def training_step(self, batch: FlowBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss: squared error of the field of the positions, and cross-entropy of the types.

        The error of a molecule is that of its atoms in units of what the closed form leaves of the velocity,
        halved, over the number of atoms of the training set's largest molecule.

        Returns:
            The loss, and its parts `positions` and `types`.
        """
        times = batch.times[batch.molecule, None]
        x = torch.lerp(batch.noise, batch.positions, times)
        h = torch.lerp(batch.type_noise, self.field.features[batch.species], times)
        found = self.predict(x, h, times, batch.molecule, batch.n_atoms, batch.pairs)
        error = (found.velocity - (batch.positions - batch.noise)) / self.field.moments(times).rest
        own = found.log_types.gather(1, batch.species[:, None])
        atoms = self.largest() * len(batch.n_atoms)
        parts = {
            "positions": 0.5 * error.square().sum() / atoms,
            "types": -self.config.type_weight * own.sum() / atoms,
        }
        return sum(parts.values()), {name: part.detach() for name, part in parts.items()}

    def predict(
        self, x: Tensor, h: Tensor, times: Tensor, molecule: Tensor, n_atoms: Tensor, pairs: FullPairs
    ) -> Prediction:
        """The prediction of `Field`, centred.

        Args:
            x, h, times: [ΣN, 3], [ΣN, S] and [ΣN, 1], of all atoms.
            molecule: [ΣN], number of each atom's molecule.
            n_atoms: [B].
            pairs: of atoms of the same molecule.
        """
        found = self.field(self.network, x, h, times, pairs)
        return found._replace(velocity=centre(found.velocity, molecule, n_atoms))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, settings: Sampling) -> Structures:
        """`n` molecules, sizes drawn from the training set's histogram, all carried along at once.

        Raises:
            ValueError: when no size of the histogram is within `settings.max_atoms`.
        """
        n_atoms = self.draw_sizes(n, settings.max_atoms, generator)
        return self.molecules(n_atoms, *Flow(self, n_atoms, generator).run(settings))
