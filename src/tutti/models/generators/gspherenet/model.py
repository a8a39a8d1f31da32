"""G-SphereNet: molecules atom by atom, the next one by flows of its type, distance, angle and torsion."""

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from tutti.core.structures import Structures
from tutti.models.base import Generator
from tutti.models.generators.gspherenet.batches import Groups, Molecules, Prefixes, groups_of
from tutti.models.generators.gspherenet.config import Config, Sampling
from tutti.models.generators.gspherenet.flows import AffineFlow, Conditioner
from tutti.models.generators.gspherenet.growth import Growth
from tutti.models.generators.gspherenet.trees import CARBON
from tutti.models.species import Species
from tutti.nn.parts import sum_over_parts
from tutti.nn.prefixes import PrefixGraph
from tutti.nn.spherenet import SphereNet

LOSSES = "type", "distance", "angle", "torsion", "focus"


class GSphereNet(Generator):
    """Luo and Ji, ICLR 2022: An autoregressive flow model for 3D molecular geometry generation from scratch.

    A molecule's first atom is carbon: its first one takes the place of the first atom. One without carbon is
    learnt from as it is, but not sampled. Nor do single atoms have anything to learn from.

    Molecules are told from their mirror images, unless `Config.mirrored`: then each is turned into the one
    whose first torsion out of the plane is positive, the flows learn the density q of those, and sampling
    reflects with probability 1/2: p(x) = (q(x) + q(mirror image of x)) / 2, exactly.
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
            readout_channels=config.readout_channels,
            before=config.residuals_before,
            after=config.residuals_after,
        )
        self.focus_head = nn.Sequential(
            nn.Linear(channels, config.focus_channels), nn.ReLU(), nn.Linear(config.focus_channels, 1)
        )
        for layer in self.focus_head[::2]:
            nn.init.orthogonal_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.type_condition = Conditioner(1, channels, config.heads)
        self.conditions = nn.ModuleList(Conditioner(n, channels, config.heads) for n in (1, 2, 3))
        self.type_flow = AffineFlow(n_species, 2 * channels, channels, config.flow_layers)
        self.flows = nn.ModuleList(
            AffineFlow(1, (n + 1) * channels, channels, config.flow_layers) for n in (1, 2, 3)
        )

    @property
    def chiral(self) -> bool:
        """Whether a molecule and its mirror image differ."""
        return not self.config.mirrored

    def collate(self, structures: Structures, items: np.ndarray, rng: np.random.Generator) -> Groups:
        """All prefixes but the whole of molecules, which are in Prim's order from a carbon.

        Single atoms have none and are left out.
        """
        items = items[structures.n_atoms[items] > 1]
        if not len(items):
            return Groups(())
        molecules = Molecules.of(structures, items, self.species, self.config, rng)
        groups = groups_of(molecules.n_atoms**3 // 3, self.device)
        return Groups(tuple(own.prefixes(self.config, self.dtype) for own in molecules.split(groups)))

    def training_step(self, batch: Groups) -> tuple[Tensor, dict[str, Tensor]]:
        """Σ of −ln q of types, distances, angles and torsions, and the cross-entropy of complete atoms.

        Each is a mean over all its elements (of the type, each component is one), and lacks ln(2π) / 2.
        """
        sizes = np.array(
            [
                [
                    g.noisy_types.numel(),
                    len(g.placed),
                    len(g.with_angle),
                    len(g.with_torsion),
                    g.n_judged,
                ]
                for g in batch.groups
            ]
        ).reshape(-1, len(LOSSES))
        weights = (1.0 / np.maximum(sizes.sum(0), 1)).tolist()
        loss, parts = sum_over_parts(
            partial(self._losses, weights), batch.groups, len(LOSSES), list(self.parameters())
        )
        return loss, dict(zip(LOSSES, parts, strict=True))

    def embed(self, species: Tensor, positions: Tensor, n_atoms: Tensor) -> Tensor:
        """Features [N, channels] of whole molecules' atoms: species [N], positions [N, 3] Å, sizes [B]."""
        groups = groups_of(n_atoms**2, self.device)
        counts = n_atoms.split(groups)
        # One group is not asked for its number of atoms, for which a GPU would have to wait.
        atoms = [int(n.sum()) for n in counts] if len(groups) > 1 else [len(species)]
        parts = [
            self.embedder(s, PrefixGraph.of_molecules(x, n, self.config.cutoff, every=False))
            for s, x, n in zip(species.split(atoms), positions.split(atoms), counts, strict=True)
        ]
        return torch.cat(parts)

    def _losses(self, weights: list[float], group: Prefixes) -> Tensor:
        """[5]: sums of the losses of some molecules, times their weights [5]."""
        features = self.embedder(group.species, group.graph)
        logits = self.focus_head(features)[:, 0]
        condition = self.type_condition(features[group.against[:, 0]], features, group.slots)
        sums = [self.type_flow.negative_log_likelihood(group.noisy_types, condition).sum()]
        features = features * self.embedder.embedding(group.placed)[group.prefix]
        rows = torch.arange(len(group.placed), device=features.device), group.with_angle, group.with_torsion
        for axis, at in enumerate(rows):
            local = features[group.against[at, : axis + 1]].flatten(1)
            condition = self.conditions[axis](local, features, group.slots[at])
            values = group.coordinates[at, axis : axis + 1]
            sums.append(self.flows[axis].negative_log_likelihood(values, condition).sum())
        of_focus = binary_cross_entropy_with_logits(logits, group.complete, reduction="sum")
        if group.whole:
            of_focus = of_focus - logsigmoid(self.focus_head(self.embedder(*group.whole))).sum()
        sums.append(of_focus)
        # Factors on the host: a tensor of them would have to be waited for on its way to a GPU.
        return torch.stack([own * weight for own, weight in zip(sums, weights, strict=True)])

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, settings: Sampling) -> Structures:
        """`n` molecules that begin with a carbon (see `complete`)."""
        seeds = Structures(
            n_atoms=np.ones(n, dtype=np.int64),
            numbers=np.full(n, CARBON, dtype=np.uint8),
            positions=np.zeros((n, 3)),
        )
        return self.complete(seeds, generator, settings)

    @torch.no_grad()
    def complete(self, fragments: Structures, generator: torch.Generator, settings: Sampling) -> Structures:
        """Go on from `fragments` (at least one atom each) until no atom is open, or at `settings.max_atoms`.

        The network sees a fragment's atoms as those of molecules in training; the result has them as they
        were. All fragments advance together; finished ones leave the batch. Returns them in order, with the
        bool column `finished`; one in which no atom is open has finished, however few atoms it has.
        """
        return Growth(self, fragments, generator, settings).run()
