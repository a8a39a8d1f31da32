"""G-SphereNet: molecules atom by atom, the next one by flows of its type, distance, angle and torsion."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot
from torch.utils.checkpoint import checkpoint

from tutti.core.structures import Structures
from tutti.models.base import Generator
from tutti.models.generators.connectivity import bonded
from tutti.models.generators.gspherenet.config import Config, Sampling
from tutti.models.generators.gspherenet.flows import AffineFlow, Conditioner
from tutti.models.generators.gspherenet.growth import Growth
from tutti.models.generators.gspherenet.trees import Placements, canonical
from tutti.models.species import Species
from tutti.nn.prefixes import PrefixGraph, rank_in_molecule
from tutti.nn.spherenet import SphereNet
from tutti.nn.tensors import Tensors

_GROUP = 1 << 13
"""Edges that a CPU embeds together."""


@dataclass(frozen=True)
class PrefixBatch(Tensors):
    """B molecules with N atoms in the order of placement, and all their prefixes.

    Attributes:
        species: [N].
        noisy_types: [N, S], one-hot types plus uniform noise.
        graphs: all prefixes, in groups of consecutive molecules; V nodes in all, prefix by prefix.
        slots: [Q, M], node of each rank of each of the Q prefixes, V where the prefix has no such atom.
        open: [V], 1.0 where the atom of the node has a bonded neighbour that is not in the prefix.
        open_weights: [V], 1 / (atoms of the prefix).
        starts: [B], row of the first atom of each molecule.
        placed: [G], row of each atom but the first ones.
        prefix: [G], prefix before it.
        against: [G, 3], nodes of f, c1 and c2.
        coordinates: [G, 3], distance (Å), angle, torsion.
        with_angle, with_torsion: [G'], [G''], rows of those that have one.
    """

    species: Tensor
    noisy_types: Tensor
    graphs: tuple[PrefixGraph, ...]
    slots: Tensor
    open: Tensor
    open_weights: Tensor
    starts: Tensor
    placed: Tensor
    prefix: Tensor
    against: Tensor
    coordinates: Tensor
    with_angle: Tensor
    with_torsion: Tensor


class GSphereNet(Generator):
    """Luo and Ji, ICLR 2022: An autoregressive flow model for 3D molecular geometry generation from scratch.

    Molecules are not told from their mirror images: each is turned into the one whose first torsion out of
    the plane is positive, the flows learn the density q of those, and sampling reflects with probability 1/2:
    p(x) = (q(x) + q(mirror image of x)) / 2, exactly.
    """

    module = "gspherenet"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.species = Species(config.elements)
        n_species, channels = len(self.species), config.channels
        self.embedder = SphereNet(
            n_species,
            channels=channels,
            layers=config.layers,
            cutoff=config.cutoff,
            n_spherical=config.n_spherical,
            n_radial=config.n_radial,
            triplet_channels=config.triplet_channels,
            basis_channels=config.basis_channels,
            before=config.residuals_before,
            after=config.residuals_after,
        )
        self.focus_head = nn.Sequential(nn.Linear(channels, channels), nn.SiLU(), nn.Linear(channels, 1))
        self.start = nn.Parameter(torch.randn(2 * channels))
        self.next_species = nn.Embedding(n_species, channels)
        self.type_condition = Conditioner(1, channels, config.heads)
        self.conditions = nn.ModuleList(Conditioner(n, channels, config.heads) for n in (1, 2, 3))
        sizes = 2 * channels, channels, config.flow_layers
        self.type_flow = AffineFlow(n_species, *sizes)
        self.flows = nn.ModuleList(AffineFlow(1, *sizes) for _ in range(3))

    def collate(self, structures: Structures, items: np.ndarray, rng: np.random.Generator) -> PrefixBatch:
        """All prefixes of molecules, which are in Prim's order from their first atom and of one handedness.

        An atom of a prefix is open if it is bonded to an atom that is not in the prefix.
        """
        # Molecules of one size side by side leave little padding in a group.
        items = items[np.argsort(structures.n_atoms[items], kind="stable")]
        n_atoms = structures.n_atoms[items]
        atoms = structures.atom_rows(items)
        counts, points = torch.from_numpy(n_atoms), torch.from_numpy(structures.positions[atoms]).double()
        order, parents, sign, _ = canonical(points, counts, self.config.tolerance)
        atoms = atoms[order.numpy()]
        numbers, positions = structures.numbers[atoms], structures.positions[atoms]
        species = self.species.of(numbers)
        noise = rng.uniform(high=self.config.dequantisation, size=(len(atoms), len(self.species)))
        jitter = torch.from_numpy(rng.normal(scale=self.config.noise_variance**0.5, size=positions.shape))
        sign = torch.repeat_interleave(sign, counts)[:, None]
        targets, jitter = points[order] * sign, jitter * sign
        placements = Placements(targets, counts, parents, self.config.tolerance, jitter)
        points = targets + jitter
        last = torch.from_numpy(_last_neighbours(numbers, positions, n_atoms))
        return self._batch(
            torch.from_numpy(species), torch.from_numpy(noise), points, counts, placements, last
        )

    def _batch(
        self,
        species: Tensor,
        noise: Tensor,
        positions: Tensor,
        n_atoms: Tensor,
        placements: Placements,
        last_neighbours: Tensor,
    ) -> PrefixBatch:
        graphs = self.graphs(positions.to(self.dtype), n_atoms, every=True)
        sizes = rank_in_molecule(n_atoms) + 1
        starts = torch.cumsum(n_atoms, 0) - n_atoms
        first_nodes = torch.cumsum(sizes, 0) - sizes
        # The prefix of k + 1 atoms has the number of the molecule's row k.
        prefix = starts[placements.molecule] + placements.rank - 1
        ranks = torch.stack([placements.focus, placements.first, placements.second], dim=1)
        of_node = torch.repeat_interleave(sizes, sizes)
        there = torch.arange(int(n_atoms.max())) < sizes[:, None]
        slots = torch.where(there, first_nodes[:, None] + torch.arange(there.shape[1]), len(of_node))
        row_of_node = torch.repeat_interleave(torch.repeat_interleave(starts, n_atoms), sizes)
        last_of_node = last_neighbours[row_of_node + rank_in_molecule(sizes)]
        return PrefixBatch(
            species=species,
            noisy_types=(one_hot(species, len(self.species)) + noise).to(self.dtype),
            graphs=graphs,
            slots=slots,
            open=(last_of_node >= of_node).to(self.dtype),
            open_weights=1.0 / of_node.to(self.dtype),
            starts=starts,
            placed=prefix + 1,
            prefix=prefix,
            against=first_nodes[prefix, None] + ranks,
            coordinates=placements.coordinates.to(self.dtype),
            with_angle=torch.nonzero(placements.has_angle).flatten(),
            with_torsion=torch.nonzero(placements.has_torsion).flatten(),
        )

    def training_step(self, batch: PrefixBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """−ln q of a molecule by its parts, plus the cross-entropy of open atoms, averaged over each prefix.

        All are sums over a molecule's prefixes and means over molecules.
        """
        n_molecules = len(batch.starts)
        features = self.embed(batch.species, batch.graphs)
        logits = self.focus_head(features)[:, 0]
        entropies = binary_cross_entropy_with_logits(logits, batch.open, batch.open_weights, reduction="sum")
        first = self.type_flow.negative_log_likelihood(
            batch.noisy_types[batch.starts], self.start.expand(n_molecules, -1)
        )
        sums = {"focus": entropies, "type": first.sum()} | dict.fromkeys(
            ("distance", "angle", "torsion"), entropies.new_zeros(())
        )
        if len(batch.placed):
            for name, value in self._placement_losses(features, batch).items():
                sums[name] = sums[name] + value
        parts = {name: value / n_molecules for name, value in sums.items()}
        return sum(parts.values()), {name: value.detach() for name, value in parts.items()}

    def graphs(self, positions: Tensor, n_atoms: Tensor, every: bool) -> tuple[PrefixGraph, ...]:
        """`PrefixGraph.of_molecules`, for a CPU in groups of molecules whose messages stay in its cache."""
        groups = [len(n_atoms)]
        if self.device.type == "cpu":
            groups = _groups(n_atoms**3 // 3 if every else n_atoms**2)
        counts = n_atoms.split(groups)
        # One group is not asked for its number of atoms, for which a GPU would have to wait.
        points = positions.split([int(n.sum()) for n in counts]) if len(groups) > 1 else [positions]
        return tuple(
            PrefixGraph.of_molecules(x, n, self.config.cutoff, every)
            for x, n in zip(points, counts, strict=True)
        )

    def embed(self, species: Tensor, graphs: tuple[PrefixGraph, ...]) -> Tensor:
        """Features [V, channels] of the nodes of all graphs, for the species [N] of their atoms.

        On a CPU, what the embedder computes is not kept for the gradient but computed again: fetching so much
        memory takes longer.
        """
        own = species.split([len(graph.positions) for graph in graphs])
        if species.device.type == "cpu" and torch.is_grad_enabled():
            parts = [
                checkpoint(self.embedder, s, graph, use_reentrant=False, preserve_rng_state=False)
                for s, graph in zip(own, graphs, strict=True)
            ]
        else:
            parts = [self.embedder(s, graph) for s, graph in zip(own, graphs, strict=True)]
        return torch.cat(parts)

    def _placement_losses(self, features: Tensor, batch: PrefixBatch) -> dict[str, Tensor]:
        padded = torch.cat([features, features.new_zeros(1, features.shape[1])])
        slots = batch.slots[batch.prefix]
        present = slots < len(features)
        chosen, everything = features[batch.against], padded[slots]
        condition = self.type_condition(chosen[:, 0], everything, present)
        types = self.type_flow.negative_log_likelihood(batch.noisy_types[batch.placed], condition)
        losses = {"type": types.sum()}
        own = self.next_species(batch.species[batch.placed])[:, None]
        chosen, everything = chosen * own, everything * own
        rows = slice(None), batch.with_angle, batch.with_torsion
        for axis, name in enumerate(("distance", "angle", "torsion")):
            at = rows[axis]
            condition = self.conditions[axis](chosen[at, : axis + 1].flatten(1), everything[at], present[at])
            values = batch.coordinates[at, axis : axis + 1]
            losses[name] = self.flows[axis].negative_log_likelihood(values, condition).sum()
        return losses

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, settings: Sampling) -> Structures:
        """`n` molecules from first atoms whose types the flow draws (see `complete`)."""
        noise = torch.randn(n, len(self.species), generator=generator, device=self.device, dtype=self.dtype)
        values = self.type_flow.inverse(noise * settings.type_temperature, self.start.expand(n, -1))
        seeds = Structures(
            n_atoms=np.ones(n, dtype=np.int64),
            numbers=self.species.atomic_numbers(values.argmax(1)),
            positions=np.zeros((n, 3)),
        )
        return self.complete(seeds, generator, settings)

    @torch.no_grad()
    def complete(self, fragments: Structures, generator: torch.Generator, settings: Sampling) -> Structures:
        """Go on from `fragments` (at least one atom each) until no atom is open, or at `settings.max_atoms`.

        The network sees a fragment's atoms in Prim's order from its first one; the result has them as they
        were. All fragments advance together; finished ones leave the batch. Returns them in order, with the
        bool column `finished`.
        """
        return Growth(self, fragments, generator, settings).run()


def _groups(edges: Tensor) -> list[int]:
    """How many consecutive molecules, of `edges` [B], to embed together: `_GROUP` edges at most, or one."""
    groups, total = [0], 0
    for own in edges.tolist():
        total += own
        if groups[-1] and total > _GROUP:
            groups.append(0)
            total = own
        groups[-1] += 1
    return groups


def _last_neighbours(numbers: np.ndarray, positions: np.ndarray, n_atoms: np.ndarray) -> np.ndarray:
    """[ΣN]: highest rank of the atoms bonded to each atom; −1 for none."""
    result = np.full(len(numbers), -1)
    for start, n in zip(np.cumsum(n_atoms) - n_atoms, n_atoms, strict=True):
        own = slice(start, start + n)
        difference = positions[own, None] - positions[own]
        adjacent = bonded(numbers[own], np.sqrt(np.einsum("ijk,ijk->ij", difference, difference)))
        result[own] = np.where(adjacent, np.arange(n), -1).max(1)
    return result
