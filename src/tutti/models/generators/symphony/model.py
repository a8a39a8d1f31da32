"""Symphony: molecules atom by atom, with the next position as a signal on spheres around a focus."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from tutti.core.structures import Structures
from tutti.models.generators.noise import NoisyGenerator
from tutti.models.generators.symphony.config import Config, Sampling
from tutti.models.generators.symphony.fragments import make_fragments
from tutti.models.generators.symphony.growth import Growth
from tutti.models.generators.symphony.heads import GridPositionHead, SplinePositionHead, Targets
from tutti.models.species import Species
from tutti.nn.e3schnet import E3SchNet
from tutti.nn.equivariant import SpeciesGroups
from tutti.nn.graph import Arrivals, EdgeGraph, Incoming, Neighbours
from tutti.nn.neighbours import segment_index
from tutti.nn.nequip import Chosen, NequIP
from tutti.nn.tensors import Tensors
from tutti.nn.unit_variance import MLP


@dataclass(frozen=True)
class FragmentBatch(Tensors):
    """Tensors of `fragments.Fragments`, and all that follows from places and species alone.

    Attributes:
        n_atoms: [B].
        molecule: [ΣN], the fragment of each atom.
        species, positions, choices: of all atoms.
        neighbours: those within the cutoff of the focus network.
        growing: [G], the fragments that do not stop; what follows is of them alone.
        growing_atoms: [A], the rows of their atoms.
        atoms: the species of those.
        growing_neighbours: those within the cutoff of the position network, counted in `growing_atoms`.
        incoming: the edges between those.
        foci: one atom of each, counted likewise.
        target_species: [G].
        targets: counted in `growing`.
    """

    n_atoms: Tensor
    molecule: Tensor
    species: Tensor
    positions: Tensor
    choices: Tensor
    neighbours: Neighbours
    growing: Tensor
    growing_atoms: Tensor
    atoms: SpeciesGroups
    growing_neighbours: Neighbours
    incoming: Incoming
    foci: Chosen
    target_species: Tensor
    targets: Targets


class Symphony(NoisyGenerator):
    """Daigavane, Kim, Geiger and Smidt, ICLR 2024 (arXiv:2311.16199)."""

    module = "symphony"
    needs_float32 = "its signals reach 57, which bfloat16 rounds by an eighth, before their exponentials"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.species = Species(config.elements)
        n_species = len(self.species)
        self.register_buffer("first_species", torch.full((n_species,), 1.0 / n_species))
        focus, position = config.focus, config.position
        self.focus_embedder = E3SchNet(
            n_species,
            lmax=focus.lmax,
            lmax_out=0,
            channels=focus.channels,
            filters=focus.filters,
            layers=focus.layers,
            n_gaussians=focus.n_gaussians,
            cutoff=focus.cutoff,
        )
        # Logits of (focus, species) from an atom's scalars.
        self.focus_head = MLP([focus.channels, focus.hidden, focus.hidden, n_species], softplus)
        self.position_embedder = NequIP(
            n_species,
            lmax=position.lmax,
            channels=position.channels,
            layers=position.layers,
            n_basis=position.n_basis,
            radial_hidden=position.radial_hidden,
            cutoff=position.cutoff,
            neighbours=position.neighbours,
        )
        head = {"grid": GridPositionHead, "spline": SplinePositionHead}[position.radius]
        self.position_head = head(position, n_species)

    def fit_statistics(self, structures: Structures) -> None:
        """Distribution of the first atom's species, as the fragments of the training set have it."""
        one_hot = np.eye(len(self.species))[self.species.of(structures.numbers)]
        if self.config.heavy_first:
            heavy = structures.numbers > 1
            starts = structures.offsets[:-1]
            has_heavy = np.logical_or.reduceat(heavy, starts)
            one_hot[~heavy & np.repeat(has_heavy, structures.n_atoms)] = 0.0
        per_molecule = np.add.reduceat(one_hot, structures.offsets[:-1], axis=0)
        shares = (per_molecule / per_molecule.sum(1, keepdims=True)).mean(0)
        self.first_species.copy_(torch.from_numpy(shares))

    def n_items(self, structures: Structures) -> int:
        """One fragment of every size per molecule: the number of atoms."""
        return len(structures.numbers)

    def disturbed(
        self, structures: Structures, items: np.ndarray, rng: np.random.Generator, noise: float
    ) -> FragmentBatch:
        """Fragments in fresh random orders, with noise on their positions."""
        config = self.config
        fragments = make_fragments(
            structures,
            items,
            self.species,
            rng,
            tolerance=config.tolerance,
            heavy_first=config.heavy_first,
            max_radius=config.candidate_radius,
        )
        moved = fragments.positions + rng.normal(scale=noise, size=fragments.positions.shape)
        vectors = fragments.target_vectors
        if config.position.radius == "spline":
            # Draws from the target's Gaussian, which the grid sums over its bins.
            distances = np.linalg.norm(vectors, axis=1, keepdims=True)
            spread = rng.normal(scale=config.radial_variance**0.5, size=distances.shape)
            vectors = vectors * (1 + spread / distances)
        growing = np.flatnonzero(~fragments.stop)
        atoms = np.flatnonzero(np.repeat(~fragments.stop, fragments.n_atoms))
        rows = np.searchsorted(growing, fragments.target_fragment)
        weights = 1.0 / np.bincount(rows, minlength=len(growing))[rows]

        def tensor(array: np.ndarray) -> Tensor:
            values = torch.from_numpy(array)
            return values.to(self.dtype) if values.is_floating_point() else values

        n_atoms, species, positions = map(tensor, (fragments.n_atoms, fragments.species, moved))
        groups, neighbours, foci = self._surroundings(
            species[atoms],
            positions[atoms],
            n_atoms[growing],
            tensor(np.searchsorted(atoms, fragments.focus[growing])),
        )
        return FragmentBatch(
            n_atoms=n_atoms,
            molecule=segment_index(n_atoms),
            species=species,
            positions=positions,
            choices=tensor(fragments.choices),
            neighbours=Neighbours.of_molecules(positions, n_atoms, config.focus.cutoff),
            growing=tensor(growing),
            growing_atoms=tensor(atoms),
            atoms=groups,
            growing_neighbours=neighbours,
            incoming=Incoming.of(neighbours.receivers, len(atoms)),
            foci=foci,
            target_species=tensor(fragments.target_species[growing]),
            targets=self.position_head.targets(
                tensor(rows), tensor(weights), tensor(vectors), config.radial_variance
            ),
        )

    def _surroundings(
        self, species: Tensor, positions: Tensor, n_atoms: Tensor, focus: Tensor
    ) -> tuple[SpeciesGroups, Neighbours, Chosen]:
        """What the position network takes beside `positions`; waits for their device."""
        n_species = len(self.species)
        neighbours = Neighbours.of_molecules(positions, n_atoms, self.config.position.cutoff)
        arrivals = Arrivals.at(focus, neighbours, len(species))
        chosen = Chosen(arrivals, SpeciesGroups.of(species[focus], n_species))
        return SpeciesGroups.of(species, n_species), neighbours, chosen

    def training_step(self, batch: FragmentBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """KL(focus, species, end) + KL(position), the second 0 at an end; means over fragments."""
        config = self.config
        graph = EdgeGraph.of_pairs(batch.positions, batch.neighbours, config.focus.lmax)
        logits = self._choice_logits(batch.species, graph)
        focus_loss = choice_divergence(logits, batch.choices, batch.molecule, len(batch.n_atoms)).mean()
        position_loss = focus_loss.new_zeros(())
        if len(batch.growing):
            positions = batch.positions[batch.growing_atoms]
            graph = EdgeGraph.of_pairs(
                positions, batch.growing_neighbours, config.position.lmax, batch.incoming
            )
            per_fragment = self.position_head.loss(
                self.position_embedder(batch.atoms, graph, batch.foci),
                batch.target_species,
                batch.targets,
                config.angular_sharpness,
            )
            position_loss = per_fragment.sum() / len(batch.n_atoms)
        loss = focus_loss + position_loss
        return loss, {"focus": focus_loss.detach(), "position": position_loss.detach()}

    def choice_logits(self, species: Tensor, positions: Tensor, n_atoms: Tensor) -> Tensor:
        """Logits [ΣN, S] of (focus, species) for fragments packed one after another; the end's logit is 0."""
        focus = self.config.focus
        graph = EdgeGraph.of_molecules(positions, n_atoms, focus.cutoff, focus.lmax)
        return self._choice_logits(species, graph)

    def _choice_logits(self, species: Tensor, graph: EdgeGraph) -> Tensor:
        return self.focus_head(self.focus_embedder(species, graph)[:, 0])

    def focus_features(self, species: Tensor, positions: Tensor, n_atoms: Tensor, focus: Tensor) -> Tensor:
        """Features [B, (lmax + 1)², channels] of the atoms `focus` [B] of packed fragments."""
        atoms, neighbours, chosen = self._surroundings(species, positions, n_atoms, focus)
        graph = EdgeGraph.of_pairs(positions, neighbours, self.config.position.lmax)
        return self.position_embedder(atoms, graph, chosen)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, settings: Sampling) -> Structures:
        """`n` molecules grown from one atom each, all at once (see `complete`)."""
        if settings.first_atom == "training":
            first = torch.multinomial(self.first_species, n, replacement=True, generator=generator)
        else:
            kind = self.config.elements.index(settings.first_atom)
            first = torch.full((n,), kind, device=self.device)
        seeds = Structures(
            n_atoms=np.ones(n, dtype=np.int64),
            numbers=self.species.atomic_numbers(first),
            positions=np.zeros((n, 3)),
        )
        return self.complete(seeds, generator, settings)

    @torch.no_grad()
    def complete(self, fragments: Structures, generator: torch.Generator, settings: Sampling) -> Structures:
        """Go on from `fragments` (at least one atom each) until each stops or has `settings.max_atoms`.

        All fragments advance together; finished ones leave the batch. Returns them in order, with the bool
        column `finished`.
        """
        return Growth(self, fragments, generator, settings).run()


def choice_divergence(logits: Tensor, choices: Tensor, molecule: Tensor, n: int) -> Tensor:
    """KL(q ‖ p) over (atom, species) and the end together, [B].

    Args:
        logits: [ΣN, S]; the end's logit is 0.
        choices: [ΣN, S], q(focus, species); all 0 where the fragment stops.
        molecule: [ΣN], the fragment of each atom.
        n: B, the number of fragments.
    """
    atom_peak = logits.detach().amax(-1)
    peak = logits.new_zeros(n).scatter_reduce(0, molecule, atom_peak, "amax")
    exponentials = torch.exp(logits - peak[molecule, None]).sum(-1)
    total = torch.exp(-peak).index_add(0, molecule, exponentials)
    log_z = peak + torch.log(total)
    against = (torch.xlogy(choices, choices) - choices * logits).sum(-1)
    return log_z.index_add(0, molecule, against)
