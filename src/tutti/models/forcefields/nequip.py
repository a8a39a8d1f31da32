"""NequIP: equivariant features of every degree up to lmax."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from torch import Tensor

from tutti.core.structures import Structures
from tutti.models.forcefields.base import ForceField
from tutti.models.forcefields.batch import AtomicBatch
from tutti.models.forcefields.config import ForceFieldConfig, Loss
from tutti.models.forcefields.neighbours import NeighbourLists
from tutti.nn.nequip_potential import NequIPPotential
from tutti.nn.pairs import PairGraph

# Structures that the mean number of neighbours is taken from.
COUNTED = 1000


@dataclass(frozen=True)
class Config(ForceFieldConfig):
    """Settings of NequIP; the defaults are those of the paper's small molecules, the loss that of rMD17.

    Attributes:
        lmax: highest degree of features and harmonics.
        parity: whether features of both parities are made for each degree.
        channels: per degree and parity.
        layers: interactions.
        n_basis: Bessel functions.
        radial_hidden: width of the radial networks.
        radial_layers: their hidden layers.
        average_neighbours: whose root divides the sum over neighbours; None: that of the training set.
    """

    loss: Loss = field(default_factory=lambda: Loss(energy=1.0, forces=1 / 3, per_atom=True))
    lmax: int = 1
    parity: bool = True
    channels: int = 32
    layers: int = 4
    n_basis: int = 8
    radial_hidden: int = 64
    radial_layers: int = 2
    average_neighbours: float | None = None

    def for_data(self, structures: Structures) -> Self:
        """The configuration with elements and mean number of neighbours of `structures`."""
        config = super().for_data(structures)
        if self.average_neighbours is not None:
            return config
        lists, n = NeighbourLists(structures, self.cutoff), min(COUNTED, len(structures))
        pairs = sum(len(lists[i].first) for i in range(n))
        mean = 2.0 * pairs / int(np.sum(structures.n_atoms[:n]))
        return replace(config, average_neighbours=max(mean, 1.0))


class NequIPForceField(ForceField):
    """Batzner et al., Nature Communications 13, 2453 (2022) (arXiv:2101.03164)."""

    module = "nequip"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.average_neighbours is None:
            raise ValueError("average_neighbours is not given; name it, or make the model for its data")
        self.network = NequIPPotential(
            len(config.elements),
            lmax=config.lmax,
            parity=config.parity,
            channels=config.channels,
            layers=config.layers,
            n_basis=config.n_basis,
            radial_hidden=config.radial_hidden,
            radial_layers=config.radial_layers,
            cutoff=config.cutoff,
            neighbour_norm=config.average_neighbours**0.5,
        )

    def atomwise(self, batch: AtomicBatch, graph: PairGraph) -> Tensor:
        """See the base class."""
        return self.network(batch.species, graph)


MODEL = NequIPForceField
