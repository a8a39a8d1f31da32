"""SchNet: continuous-filter convolutions on scalars."""

from dataclasses import dataclass

from torch import Tensor

from tutti.models.forcefields.base import ForceField
from tutti.models.forcefields.batch import AtomicBatch
from tutti.models.forcefields.config import ForceFieldConfig
from tutti.nn.glorot import glorot
from tutti.nn.heads import Atomwise
from tutti.nn.pairs import PairGraph
from tutti.nn.schnet import SchNet, ShiftedSoftplus


@dataclass(frozen=True)
class Config(ForceFieldConfig):
    """Settings of SchNet; the defaults are those of the paper's MD runs with the usual 5 Å cutoff.

    Attributes:
        channels: features per atom.
        layers: interaction blocks.
        n_gaussians: radial basis functions from 0 to the cutoff.
    """

    channels: int = 64
    layers: int = 3
    n_gaussians: int = 50


class SchNetForceField(ForceField):
    """Schütt et al., NeurIPS 2017 (arXiv:1706.08566)."""

    module = "schnet"
    gains_by_compiling = True

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = SchNet(
            len(config.elements),
            channels=config.channels,
            layers=config.layers,
            n_gaussians=config.n_gaussians,
            cutoff=config.cutoff,
        )
        self.readout = Atomwise(config.channels, ShiftedSoftplus())
        self.apply(glorot)

    def atomwise(self, batch: AtomicBatch, graph: PairGraph) -> Tensor:
        """See the base class."""
        return self.readout(self.network(batch.species, graph))


MODEL = SchNetForceField
