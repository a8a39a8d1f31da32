"""Sampling of G-SchNet: a batch of molecules that grow together around their origins."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from tutti.core.structures import Structures
from tutti.models.generators.gschnet.config import Config, Sampling
from tutti.models.generators.gschnet.steps import FilterCache
from tutti.models.generators.gschnet.traces import centre_of_mass
from tutti.models.generators.gschnet.voting import draw_points, shell, subdivided
from tutti.models.species import SpeciesModel
from tutti.nn.categorical import draw
from tutti.nn.schnet import SchNet


class NextAtomModel(SpeciesModel, Protocol):
    """What `Growth` asks of its model."""

    config: Config
    network: SchNet

    def log_types(self, x: Tensor, step: Tensor, n_steps: int) -> Tensor:
        """Log-probabilities of types, as `GSchNet.log_types` gives them."""

    def log_bins(self, x: Tensor, following: Tensor) -> Tensor:
        """Log-probabilities of distances, as `GSchNet.log_bins` gives them."""


class Growth:
    """Molecules on places 0 (the origin), 1 ... `width`, which atoms are finished, and filters between them.

    Kinds and positions of places are kept for all molecules, the filters for those that still grow.
    """

    def __init__(
        self, model: NextAtomModel, fragments: Structures, generator: torch.Generator, settings: Sampling
    ) -> None:
        self.model, self.generator, self.settings = model, generator, settings
        self.fragments = fragments
        frames = map(fragments.frame, range(len(fragments)))
        self.centres = np.array([centre_of_mass(*f) if len(f[0]) else np.zeros(3) for f in frames])
        device, n_species = model.device, len(model.species)
        self.n_atoms = torch.from_numpy(np.array(fragments.n_atoms)).to(device)
        shape = (len(fragments), 1 + max(settings.max_atoms, int(fragments.n_atoms.max(initial=0))))
        self.kinds = torch.full(shape, n_species, device=device)
        self.positions = torch.zeros((*shape, 3), dtype=model.dtype, device=device)
        self.ended = torch.zeros(shape, dtype=torch.bool, device=device)
        self.finished = torch.zeros(len(fragments), dtype=torch.bool, device=device)
        atoms = self._atoms()
        centred = fragments.positions - np.repeat(self.centres, fragments.n_atoms, axis=0)
        self.kinds[atoms] = torch.from_numpy(model.species.of(fragments.numbers)).to(device)
        self.positions[atoms] = torch.from_numpy(centred).to(device, model.dtype)
        self.cache = FilterCache(model.network, len(fragments))
        for place in range(1 + int(fragments.n_atoms.max(initial=0))):
            rows = torch.nonzero(self.n_atoms >= place).flatten()
            self._add_filters(rows, torch.full_like(rows, place))

    def _atoms(self) -> Tensor:
        """[B, 1 + width] bool: the places of atoms."""
        places = torch.arange(self.kinds.shape[1], device=self.kinds.device)
        return (places > 0) & (places <= self.n_atoms[:, None])

    def run(self) -> Structures:
        """Grow until all atoms of every molecule are finished, or it wants one too many."""
        active = torch.arange(len(self.n_atoms), device=self.n_atoms.device)
        while len(active):
            active = self._advance(active)
            self.cache.keep(active)
        n_atoms, atoms = self.n_atoms.cpu().numpy(), self._atoms()
        positions = self.positions[atoms].cpu().double().numpy() + np.repeat(self.centres, n_atoms, axis=0)
        given = np.arange(n_atoms.sum()) - np.repeat(np.cumsum(n_atoms) - n_atoms, n_atoms)
        given = given < np.repeat(self.fragments.n_atoms, n_atoms)
        positions[given] = self.fragments.positions  # without the rounding
        return Structures(
            n_atoms=n_atoms,
            numbers=self.model.species.atomic_numbers(self.kinds[atoms]),
            positions=positions,
            columns={"finished": self.finished.cpu().numpy()},
        )

    def _advance(self, active: Tensor) -> Tensor:
        """One step of the molecules `active` [A]; returns those that go on."""
        model, n_species = self.model, len(self.model.species)
        n_atoms = self.n_atoms[active]
        focus = self._foci(active)
        x, step, place = self._features(active, focus)
        log_types = model.log_types(x, step, len(active))
        # Without an atom there is nothing to finish.
        log_types[:, n_species].masked_fill_(n_atoms == 0, -torch.inf)
        kind, known = draw(torch.softmax(log_types, dim=-1), self.generator)
        stops = (kind == n_species) & known
        self.ended[active[stops], focus[stops]] = True
        waiting = self._atoms()[active] & ~self.ended[active]
        self.finished[active] = stops & ~waiting.any(1)

        grows = torch.nonzero(~stops & (n_atoms < self.settings.max_atoms)).flatten()
        goes_on = stops & waiting.any(1)
        if len(grows):
            kind = kind.clamp_max(n_species - 1)
            heard = torch.isin(step, grows)
            log_bins = model.log_bins(x[heard], kind[step[heard]])
            tables = self._tables(torch.searchsorted(grows, step[heard]), place[heard], log_bins)
            goes_on[grows] = self._place(active[grows], focus[grows], kind[grows], tables)
        return active[goes_on]

    def _foci(self, active: Tensor) -> Tensor:
        """Places [A] of random atoms that are not finished; 0 where there is no atom yet."""
        waiting = self._atoms()[active] & ~self.ended[active]
        waiting[:, 0] = ~waiting.any(1)
        return torch.multinomial(waiting.to(self.positions.dtype), 1, generator=self.generator).flatten()

    def _features(self, active: Tensor, focus: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """SchNet's features of the N nodes, [N, channels], their molecules in `active` [N] and places [N]."""
        exists = self._atoms()[active]
        exists[:, 0] = True
        step, place = torch.nonzero(exists, as_tuple=True)
        token = len(self.model.species) + 1
        kinds = torch.cat([self.kinds[active[step], place], torch.full_like(focus, token)])
        step = torch.cat([step, torch.arange(len(active), device=active.device)])
        place = torch.cat([place, focus])
        graph = self.cache.graph(active[step], place)
        return self.model.network.interact(kinds, graph, self.cache.filters), step, place

    @staticmethod
    def _tables(molecule: Tensor, place: Tensor, log_bins: Tensor) -> Tensor:
        """Votes [V, n_bins] added up by molecule [V] and place [V]: [m, P, n_bins].

        The focus token is on the spot of its atom, so that their votes are one.
        """
        n, n_places = int(molecule.max()) + 1, int(place.max()) + 1
        tables = log_bins.new_zeros(n * n_places, log_bins.shape[1])
        return tables.index_add(0, molecule * n_places + place, log_bins).view(n, n_places, -1)

    def _place(self, rows: Tensor, focus: Tensor, kind: Tensor, tables: Tensor) -> Tensor:
        """Draw positions from votes [m, P, n_bins] and add the atoms; whether they are finite, [m] bool."""
        settings, bin_width = self.settings, self.model.config.bin_width
        middle, n_places = self.positions[rows, focus], tables.shape[1]
        if n_places == 1:
            drawn = self._on_line(tables[:, 0])
        else:
            grid = shell(
                settings.grid_spacing, settings.min_radius, settings.max_radius, middle.dtype, middle.device
            )
            voters = self.positions[rows, :n_places] - middle[:, None]
            temperature = settings.position_temperature
            finer = subdivided(tables, settings.bin_parts)
            width = bin_width / settings.bin_parts
            drawn = draw_points(finer, voters, width, grid, temperature, self.generator)
        self.n_atoms[rows] += 1
        new = self.n_atoms[rows]
        self.kinds[rows, new] = kind
        self.positions[rows, new] = middle + drawn
        sound = drawn.isfinite().all(1)
        self._add_filters(rows[sound], new[sound])
        return sound

    def _on_line(self, votes: Tensor) -> Tensor:
        """Positions [m, 3] of first atoms on a line from the origin, from votes [m, n_bins].

        As in the original no temperature acts on them: a low one would make all molecules of one size.
        """
        bins, known = draw(torch.softmax(votes, dim=-1), self.generator)
        distances = self.model.config.bin_width * bins.to(votes.dtype)
        return pad(distances[:, None], (0, 2)).masked_fill(~known[:, None], torch.nan)

    def _add_filters(self, rows: Tensor, new: Tensor) -> None:
        """Cache the filters between places `new` [m] of molecules `rows` [m] and all before them."""
        earlier = torch.arange(self.kinds.shape[1], device=rows.device) <= new[:, None]
        of, other = torch.nonzero(earlier, as_tuple=True)
        row, place = rows[of], new[of]
        distances = (self.positions[row, place] - self.positions[row, other]).norm(dim=1)
        self.cache.add(row, place, other, distances)
