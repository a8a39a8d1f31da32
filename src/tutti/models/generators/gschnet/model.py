"""G-SchNet: molecules atom by atom; every atom votes on the next one's type and on its distance to it."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.base import Generator
from tutti.models.generators.gschnet.batch import TraceBatch
from tutti.models.generators.gschnet.config import Config, Sampling
from tutti.models.generators.gschnet.growth import Growth
from tutti.models.generators.gschnet.heads import DistanceHead, TypeHead, smeared_labels
from tutti.models.generators.gschnet.steps import between_places
from tutti.models.generators.gschnet.traces import make_traces
from tutti.models.species import Species
from tutti.nn.schnet import SchNet


class GSchNet(Generator):
    """Gebauer, Gastegger and Schütt, NeurIPS 2019 (arXiv:1906.00957).

    An item of training is a molecule with all its steps. The next type's embedding in the distance head is
    the one that SchNet starts from.
    """

    module = "gschnet"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.species = Species(config.elements)
        n_species = len(self.species)
        self.network = SchNet(
            n_species + 2,  # the origin and the focus
            channels=config.channels,
            layers=config.layers,
            n_gaussians=config.n_gaussians,
            cutoff=config.cutoff,
        )
        self.type_head = TypeHead(config.channels, n_species + 1, config.head_layers)
        self.distance_head = DistanceHead(config.channels, config.n_bins, config.head_layers)

    def fit_statistics(self, structures: Structures) -> None:
        """Nothing to fit; refuses elements that the model does not know."""
        self.species.check(structures)

    def collate(self, structures: Structures, items: np.ndarray, rng: np.random.Generator) -> TraceBatch:
        """All steps of the molecules `items`, in fresh random orders."""
        traces = make_traces(structures, items, self.species, rng)
        return TraceBatch.of(traces, len(self.species), self.dtype)

    def training_step(self, batch: TraceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of the next type + mean over nodes of that of their distances to the next atom.

        The first is a mean over all 2n steps of a molecule, the second over the n that place an atom, as in
        the original; then both over the molecules.
        """
        config = self.config
        filters = map(partial(between_places, pairs=batch.pairs), self.network.filters(batch.distances))
        x = self.network.interact(batch.kinds, batch.graph, filters)
        log_types = self.type_head(x, batch.step, len(batch.targets))
        of_target = log_types.gather(1, batch.targets[:, None]).flatten()
        type_loss = -(batch.weights * of_target).sum()

        log_bins = self.log_bins(x.index_select(0, batch.placing), batch.following)
        labels = smeared_labels(batch.distances, config.n_bins, config.bin_width, config.label_width)
        of_labels = (labels.index_select(0, batch.labels) * log_bins).sum(-1)
        distance_loss = -(batch.shares * of_labels).sum()
        return type_loss + distance_loss, {"type": type_loss.detach(), "distance": distance_loss.detach()}

    def log_bins(self, x: Tensor, following: Tensor) -> Tensor:
        """Log-probabilities [N, n_bins] of distances from nodes [N, channels] to a next atom of type [N]."""
        return self.distance_head(x, self.network.embedding(following))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, settings: Sampling) -> Structures:
        """`n` molecules grown around the origin, all at once, with coordinates relative to it."""
        nothing = Structures.from_frames([([], np.zeros((0, 3)))] * n)
        return Growth(self, nothing, generator, settings).run()

    @torch.no_grad()
    def complete(self, fragments: Structures, generator: torch.Generator, settings: Sampling) -> Structures:
        """Go on from `fragments`, whose atoms are all unfinished, until each is a molecule.

        The origin stands at the fragment's centre of mass, since the whole molecule's is not known.
        """
        return Growth(self, fragments, generator, settings).run()
