"""Sampling of G-SphereNet: a batch of molecules that grow together."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tutti.core.structures import Structures
from tutti.models.generators.gspherenet.config import Config, Sampling
from tutti.models.generators.gspherenet.flows import AffineFlow, Conditioner
from tutti.models.generators.gspherenet.trees import canonical, carbon_first, references
from tutti.models.species import SpeciesModel
from tutti.nn.categorical import draw
from tutti.nn.internal_coordinates import to_cartesian
from tutti.nn.spherenet import SphereNet


class NextAtomModel(SpeciesModel, Protocol):
    """What `Growth` asks of its model; conditions and flows are those of distance, angle and torsion."""

    config: Config
    embedder: SphereNet
    focus_head: nn.Module
    type_condition: Conditioner
    type_flow: AffineFlow
    conditions: nn.ModuleList
    flows: nn.ModuleList

    def embed(self, species: Tensor, positions: Tensor, n_atoms: Tensor) -> Tensor:
        """Features of the atoms of whole molecules, as `GSphereNet.embed` gives them."""


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
        first = torch.from_numpy(carbon_first(fragments.numbers, np.array(fragments.n_atoms))).to(device)
        order, _, sign, decided = canonical(positions[first], self.n_atoms, model.config)
        order = first[order]
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
        species = self.species[active, :width]
        features = self.model.embed(species[real], positions[real], n_atoms)
        nodes = torch.cumsum(real.flatten(), 0).view_as(real) - 1
        slots = torch.where(real, nodes, len(features))
        focus, ends, broken = self._focus(features, slots, species != self.model.species.hydrogen)
        self.finished[active[ends]] = True
        rows = torch.nonzero(~ends).flatten()
        active, n_atoms = active[rows], n_atoms[rows]
        if not len(rows):
            return active
        species, points = self._place(features, slots[rows], positions[rows], n_atoms, focus[rows])
        # A molecule of which the network makes no numbers ends with this atom, and shows it.
        points = torch.where(broken[rows, None], torch.nan, points)
        self.species[active, n_atoms] = species
        self.positions[active, n_atoms] = points
        self.n_atoms[active] = n_atoms + 1
        goes_on = torch.isfinite(points).all(1) & (n_atoms + 1 < self.settings.max_atoms)
        return active[goes_on]

    def _focus(self, features: Tensor, slots: Tensor, heavy: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(rank of the focus [n], whether none is open [n], whether the features are no numbers [n])."""
        real = slots < len(features)
        complete = torch.sigmoid(self.model.focus_head(features)[:, 0])
        complete = torch.cat([complete, complete.new_ones(1)])[slots]
        broken = torch.isnan(complete).any(1)
        opened = real & heavy & (complete < self.settings.focus_threshold)
        weights = opened.to(complete.dtype)
        if self.settings.focus == "probability":
            weights = torch.where(opened, 1.0 - complete, weights)
        weights = torch.where(broken[:, None], real.to(weights.dtype), weights)
        return self.draw_focus(weights), ~opened.any(1) & ~broken, broken

    def draw_focus(self, weights: Tensor) -> Tensor:
        """[n]: ranks drawn in proportion to `weights` [n, M]; any where these are none."""
        return draw(weights, self.generator)[0]

    def draw_latents(self, flow: str, shape: tuple[int, int]) -> Tensor:
        """[n, components]: what the flow of "type", "distance", "angle" or "torsion" turns into values."""
        temperature, device = getattr(self.settings, f"{flow}_temperature"), self.model.device
        return temperature * torch.randn(
            shape, generator=self.generator, device=device, dtype=self.positions.dtype
        )

    def _place(
        self, features: Tensor, slots: Tensor, positions: Tensor, n_atoms: Tensor, focus: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Species [n] and positions [n, 3] of the next atoms of molecules with nodes `slots` [n, M]."""
        model, n = self.model, len(slots)
        rows = torch.arange(n, device=slots.device)
        condition = model.type_condition(features[slots[rows, focus]], features, slots)
        types = model.type_flow.inverse(self.draw_latents("type", (n, len(model.species))), condition)
        species = types.argmax(1)
        # The features of a molecule are multiplied by its new atom's; each node is in one molecule.
        own = features.new_zeros(len(features) + 1, features.shape[1])
        own[slots] = model.embedder.embedding(species)[:, None]
        features = features * own[:-1]
        first, second, has_torsion = references(positions, n_atoms, focus, model.config)
        against = torch.stack([focus, first, second], dim=1)
        chosen = features[slots.gather(1, against)]
        values = []
        for axis, flow in enumerate(("distance", "angle", "torsion")):
            condition = model.conditions[axis](chosen[:, : axis + 1].flatten(1), features, slots)
            values.append(model.flows[axis].inverse(self.draw_latents(flow, (n, 1)), condition))
        defined = torch.stack([torch.ones_like(has_torsion), n_atoms > 1, has_torsion], dim=1)
        coordinates = torch.where(defined, torch.cat(values, dim=1), 0.0)
        return species, to_cartesian(coordinates, *(positions[rows, at] for at in against.T))
