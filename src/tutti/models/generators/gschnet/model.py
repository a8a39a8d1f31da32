"""G-SchNet: molecules atom by atom; every atom votes on the next one's type and on its distance to it."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.generators.gschnet.batch import TraceBatch
from tutti.models.generators.gschnet.config import Config, Sampling
from tutti.models.generators.gschnet.growth import Growth
from tutti.models.generators.gschnet.heads import (
    DistanceHead,
    FeatureTypeHead,
    TypeHead,
    product_of_votes,
    smeared_labels,
)
from tutti.models.generators.gschnet.steps import between_places
from tutti.models.generators.gschnet.traces import make_traces
from tutti.models.generators.noise import NoisyGenerator
from tutti.models.species import Species
from tutti.nn.glorot import glorot
from tutti.nn.radial import cosine_cutoff, hard_cutoff
from tutti.nn.schnet import SchNet

_CUTOFFS = {"hard": hard_cutoff, "cosine": cosine_cutoff}


class GSchNet(NoisyGenerator):
    """Gebauer, Gastegger and Schütt, NeurIPS 2019 (arXiv:1906.00957).

    An item of training is a molecule with all its steps. The heads' embeddings of types are those that SchNet
    starts from; STOP's is the focus token's. Numbers are those of the authors' code (master, 0cadb05).
    """

    module = "gschnet"
    precisions = ("32-true", "64-true", "bf16-mixed")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.species = Species(config.elements)
        n_species = len(self.species)
        self.network = SchNet(
            n_species + 2,  # the origin, and the focus, which is STOP too
            channels=config.channels,
            layers=config.layers,
            n_gaussians=config.n_gaussians,
            cutoff=config.cutoff,
            envelope=_CUTOFFS[config.cutoff_function],
        )
        if config.type_head == "embeddings":
            self.type_head = TypeHead(config.channels, config.head_layers)
        else:
            self.type_head = FeatureTypeHead(config.channels, n_species + 1, config.head_layers)
        self.distance_head = DistanceHead(config.channels, config.n_bins, config.head_layers)
        self.apply(glorot)

    def fit_statistics(self, structures: Structures) -> None:
        """Nothing to fit; refuses elements that the model does not know."""
        self.species.check(structures)

    def disturbed(
        self, structures: Structures, items: np.ndarray, rng: np.random.Generator, noise: float
    ) -> TraceBatch:
        """All steps of the molecules `items`, in fresh random orders, with noise on what is placed."""
        traces = make_traces(structures, items, self.species, rng)
        moves = rng.normal(scale=noise, size=traces.positions.shape) if noise else None
        return TraceBatch.of(traces, len(self.species), self.dtype, self.config.loss_mean, moves)

    def training_step(self, batch: TraceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Divergences from the next type, and from the smeared distances between the nodes and the next atom.

        What they are means over says `Config.loss_mean`. By default these are all steps of the batch, and all
        nodes of all its steps that place an atom: exactly so for one process. Several processes average the
        means of their parts by molecules, as validation does with its batches; that is the same where parts
        have as many steps a molecule. With "molecules" it always is.
        """
        config = self.config
        x = self.features(batch)
        log_types = self.log_types(x, batch.step, len(batch.targets))
        of_target = log_types.gather(1, batch.targets[:, None]).flatten()
        type_loss = -(batch.weights * of_target).sum()

        log_bins = self.log_bins(x.index_select(0, batch.placing), batch.following)
        labels = smeared_labels(batch.aims, config.n_bins, config.bin_width, config.label_width)
        entropies = torch.special.entr(labels).sum(-1).index_select(0, batch.labels)
        of_labels = (labels.index_select(0, batch.labels) * log_bins).sum(-1)
        distance_loss = -(batch.shares * (of_labels + entropies)).sum()
        return type_loss + distance_loss, {"type": type_loss.detach(), "distance": distance_loss.detach()}

    def features(self, batch: TraceBatch) -> Tensor:
        """SchNet's features [N, channels] of all nodes."""
        filters = map(partial(between_places, pairs=batch.pairs), self.network.filters(batch.distances))
        return self.network.interact(batch.kinds, batch.graph, filters)

    def log_types(self, x: Tensor, step: Tensor, n_steps: int) -> Tensor:
        """Features [N, channels] of the nodes of steps [N] → log p of the next type [n_steps, S + 1]."""
        embeddings, n_species = self.network.embedding.weight, len(self.species)
        types = torch.cat([embeddings[:n_species], embeddings[n_species + 1 :]])
        return product_of_votes(self.type_head(x, types), step, n_steps)

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
