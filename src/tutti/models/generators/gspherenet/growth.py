"""Sampling of G-SphereNet: a batch of molecules that grow together."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tutti.core.structures import Structures
from tutti.models.generators.gspherenet.config import Config, Sampling
from tutti.models.generators.gspherenet.flows import AffineFlow, Conditioner
from tutti.models.generators.gspherenet.trees import canonical, references
from tutti.models.species import SpeciesModel
from tutti.nn.categorical import draw
from tutti.nn.internal_coordinates import to_cartesian
from tutti.nn.prefixes import PrefixGraph


class NextAtomModel(SpeciesModel, Protocol):
    """What `Growth` asks of its model; conditions and flows are those of distance, angle and torsion."""

    config: Config
    focus_head: nn.Module
    next_species: nn.Embedding
    type_condition: Conditioner
    type_flow: AffineFlow
    conditions: nn.ModuleList
    flows: nn.ModuleList

    def graphs(self, positions: Tensor, n_atoms: Tensor, every: bool) -> tuple[PrefixGraph, ...]:
        """The graphs that `embed` takes, as `GSphereNet.graphs` gives them."""

    def embed(self, species: Tensor, graphs: tuple[PrefixGraph, ...]) -> Tensor:
        """Features of all nodes, as `GSphereNet.embed` gives them."""


class Growth:
    """Molecules padded to the largest size allowed, in the network's order and handedness."""

    def __init__(
        self, model: NextAtomModel, fragments: Structures, generator: torch.Generator, settings: Sampling
    ) -> None:
        self.model, self.generator, self.settings = model, generator, settings
        self.fragments = fragments
        device = model.device
        self.n_atoms = torch.from_numpy(np.array(fragments.n_atoms)).to(device)
        self.width = max(settings.max_atoms, int(fragments.n_atoms.max(initial=1)))
        positions = torch.from_numpy(np.array(fragments.positions)).to(device, model.dtype)
        order, _, sign, decided = canonical(positions, self.n_atoms, model.config.tolerance)
        # What has no handedness yet gets either.
        coin = torch.rand(len(sign), generator=generator, device=device) < 0.5
        self.sign = torch.where(decided | coin, sign, -sign)
        self.species = torch.zeros(len(fragments), self.width, dtype=torch.long, device=device)
        self.positions = positions.new_zeros(len(fragments), self.width, 3)
        real = self._real(self.n_atoms)
        self.species[real] = torch.from_numpy(model.species.of(fragments.numbers)).to(device)[order]
        self.positions[real] = positions[order]
        self.positions *= self.sign[:, None, None]
        self.finished = torch.zeros(len(fragments), dtype=torch.bool, device=device)

    def run(self) -> Structures:
        """Grow until every molecule has stopped or is full."""
        active = torch.nonzero(self.n_atoms < self.settings.max_atoms).flatten()
        while len(active):
            active = self._advance(active)
        real = self._real(self.n_atoms)
        numbers = self.model.species.atomic_numbers(self.species[real])
        positions = (self.positions * self.sign[:, None, None])[real].cpu().double().numpy()
        # The fragments' own atoms come back as they were given.
        n_atoms = self.n_atoms.cpu().numpy()
        starts = np.repeat(np.cumsum(n_atoms) - n_atoms, self.fragments.n_atoms)
        rows = (
            starts + np.arange(len(starts)) - np.repeat(self.fragments.offsets[:-1], self.fragments.n_atoms)
        )
        numbers[rows], positions[rows] = self.fragments.numbers, self.fragments.positions
        return Structures(
            n_atoms=n_atoms,
            numbers=numbers,
            positions=positions,
            columns={"finished": self.finished.cpu().numpy()},
        )

    def _real(self, n_atoms: Tensor, width: int | None = None) -> Tensor:
        return torch.arange(width or self.width, device=n_atoms.device) < n_atoms[:, None]

    def _advance(self, active: Tensor) -> Tensor:
        """Add an atom to, or end, each of the molecules `active` [n]; returns those that go on."""
        n_atoms = self.n_atoms[active]
        width = int(n_atoms.max())
        real = self._real(n_atoms, width)
        positions = self.positions[active, :width]
        graphs = self.model.graphs(positions[real], n_atoms, every=False)
        packed = self.model.embed(self.species[active, :width][real], graphs)
        features = packed.new_zeros(*real.shape, packed.shape[1])
        features[real] = packed
        focus, ends, broken = self._focus(features, real)
        self.finished[active[ends]] = True
        rows = torch.nonzero(~ends).flatten()
        active, n_atoms, real = active[rows], n_atoms[rows], real[rows]
        if not len(rows):
            return active
        species, points = self._place(features[rows], real, positions[rows], n_atoms, focus[rows])
        # A molecule of which the network makes no numbers ends with this atom, and shows it.
        points = torch.where(broken[rows, None], torch.nan, points)
        self.species[active, n_atoms] = species
        self.positions[active, n_atoms] = points
        self.n_atoms[active] = n_atoms + 1
        goes_on = torch.isfinite(points).all(1) & (n_atoms + 1 < self.settings.max_atoms)
        return active[goes_on]

    def _focus(self, features: Tensor, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(focus [n], whether none is open [n], whether the features are no numbers [n]).

        The focus is drawn among the open atoms in proportion to their probabilities.
        """
        logits = self.model.focus_head(features)[..., 0].masked_fill(~real, -torch.inf)
        probabilities = torch.sigmoid(logits)
        broken = torch.isnan(probabilities).any(1)
        probabilities = torch.where(broken[:, None], real.to(logits.dtype), probabilities)
        candidates = real & (probabilities >= self.settings.focus_threshold)
        n_atoms = real.sum(1)
        likeliest = torch.nn.functional.one_hot(
            logits.nan_to_num(nan=-torch.inf).argmax(1), real.shape[1]
        ).bool()
        forced = ~candidates.any(1) & (n_atoms < self.settings.min_atoms)
        candidates = torch.where(forced[:, None], likeliest, candidates)
        ends = ~candidates.any(1)
        # A molecule that ends has no candidate, and what is drawn for it is not used.
        focus, _ = draw(candidates * (probabilities + 1e-30), self.generator)
        return focus, ends & ~broken, broken

    def _place(
        self, features: Tensor, real: Tensor, positions: Tensor, n_atoms: Tensor, focus: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Species [n] and positions [n, 3] of the next atoms."""
        model, settings = self.model, self.settings
        rows = torch.arange(len(focus), device=focus.device)

        def noise(size: int, temperature: float) -> Tensor:
            shape, device = (len(focus), size), focus.device
            drawn = torch.randn(shape, generator=self.generator, device=device, dtype=features.dtype)
            return drawn * temperature

        condition = model.type_condition(features[rows, focus], features, real)
        types = model.type_flow.inverse(noise(len(model.species), settings.type_temperature), condition)
        species = types.argmax(1)
        features = features * model.next_species(species)[:, None]
        first, second, has_torsion = references(positions, n_atoms, focus, model.config.tolerance)
        chosen = torch.stack([features[rows, at] for at in (focus, first, second)], dim=1)
        temperatures = (
            settings.distance_temperature,
            settings.angle_temperature,
            settings.torsion_temperature,
        )
        values = []
        for axis, temperature in enumerate(temperatures):
            condition = model.conditions[axis](chosen[:, : axis + 1].flatten(1), features, real)
            values.append(model.flows[axis].inverse(noise(1, temperature), condition))
        defined = torch.stack([torch.ones_like(has_torsion), n_atoms > 1, has_torsion], dim=1)
        coordinates = torch.where(defined, torch.cat(values, dim=1), 0.0)
        points = [positions[rows, at] for at in (focus, first, second)]
        return species, to_cartesian(coordinates, *points)
