"""Sampling of Symphony: a batch of fragments that grow together."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.generators.symphony.config import Sampling
from tutti.models.generators.symphony.heads import PositionHead
from tutti.models.species import SpeciesModel
from tutti.nn.categorical import draw


class NextAtomModel(SpeciesModel, Protocol):
    """What `Growth` asks of its model."""

    position_head: PositionHead

    def choice_logits(self, species: Tensor, positions: Tensor, n_atoms: Tensor) -> Tensor:
        """Logits of (focus, species), as `Symphony.choice_logits` gives them."""

    def focus_features(self, species: Tensor, positions: Tensor, n_atoms: Tensor, focus: Tensor) -> Tensor:
        """What the position head takes, as `Symphony.focus_features` gives it."""


class Growth:
    """Fragments padded to the largest size allowed, and which of them still grow."""

    def __init__(
        self, model: NextAtomModel, fragments: Structures, generator: torch.Generator, settings: Sampling
    ) -> None:
        self.model, self.generator, self.settings = model, generator, settings
        device = model.device
        self.n_atoms = torch.from_numpy(np.array(fragments.n_atoms)).to(device)
        self.width = max(settings.max_atoms, int(fragments.n_atoms.max(initial=1)))
        shape = (len(fragments), self.width)
        real = torch.arange(self.width, device=device) < self.n_atoms[:, None]
        self.species = torch.zeros(shape, dtype=torch.long, device=device)
        self.species[real] = torch.from_numpy(model.species.of(fragments.numbers)).to(device)
        self.positions = torch.zeros((*shape, 3), dtype=model.dtype, device=device)
        self.positions[real] = torch.from_numpy(np.array(fragments.positions)).to(device, model.dtype)
        self.finished = torch.zeros(len(fragments), dtype=torch.bool, device=device)

    def run(self) -> Structures:
        """Grow until every fragment has stopped or is full."""
        active = torch.nonzero(self.n_atoms < self.settings.max_atoms).flatten()
        while len(active):
            active = self._advance(active)
        real = torch.arange(self.width, device=self.n_atoms.device) < self.n_atoms[:, None]
        return Structures(
            n_atoms=self.n_atoms.cpu().numpy(),
            numbers=self.model.species.atomic_numbers(self.species[real]),
            positions=self.positions[real].cpu().double().numpy(),
            columns={"finished": self.finished.cpu().numpy()},
        )

    def _pack(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(species [ΣN], positions [ΣN, 3], n_atoms [n]) of the fragments `rows`."""
        n_atoms = self.n_atoms[rows]
        real = torch.arange(self.width, device=rows.device) < n_atoms[:, None]
        return self.species[rows][real], self.positions[rows][real], n_atoms

    def _advance(self, active: Tensor) -> Tensor:
        """Add an atom to, or end, each of the fragments `active` [n]; returns those that go on."""
        species, positions, n_atoms = self._pack(active)
        focus, kind, stops, known = self._choose(
            self.model.choice_logits(species, positions, n_atoms), n_atoms
        )
        self.finished[active[stops & known]] = True
        # A molecule that the network has no finite number for ends, seen by all as broken.
        self.positions[active[~known], 0] = torch.nan
        rows = torch.nonzero(~stops & known).flatten()
        active, kind = active[rows], kind[rows]
        if not len(rows):
            return active
        species, positions, n_atoms = self._pack(active)
        foci = torch.cumsum(n_atoms, 0) - n_atoms + focus[rows]
        settings = self.settings
        vectors = self.model.position_head.sample(
            self.model.focus_features(species, positions, n_atoms, foci),
            kind,
            settings.position_temperature,
            (settings.polar, settings.azimuths),
            self.generator,
        )
        self.species[active, n_atoms] = kind
        self.positions[active, n_atoms] = positions[foci] + vectors
        self.n_atoms[active] = n_atoms + 1
        return active[n_atoms + 1 < settings.max_atoms]

    def _choose(self, logits: Tensor, n_atoms: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(focus [n], species [n], stops [n] bool) from logits [ΣN, S], jointly softmaxed with the end.

        The last result [n] bool says which fragments have finite logits; others' choices are any.
        """
        n_species = logits.shape[1]
        real = torch.arange(int(n_atoms.max()), device=n_atoms.device) < n_atoms[:, None]
        padded = logits.new_full((*real.shape, n_species), -torch.inf)
        padded[real] = logits
        joint = torch.cat([padded.flatten(1), logits.new_zeros(len(n_atoms), 1)], dim=1)
        probabilities = torch.softmax(joint / self.settings.focus_temperature, dim=-1)
        choice, known = draw(probabilities, self.generator)
        stops = choice == joint.shape[1] - 1
        return choice // n_species, choice % n_species, stops, known
