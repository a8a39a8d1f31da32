"""SchNet's continuous-filter convolution, extended to features of higher degree (E3SchNet)."""

from itertools import pairwise

from torch import Tensor, nn

from tutti.nn.convolution import EdgeConvolution
from tutti.nn.equivariant import EquivariantLinear, Gate, pad_degrees
from tutti.nn.graph import EdgeGraph
from tutti.nn.radial import GaussianBasis, cosine_cutoff, shifted_softplus


class ShiftedSoftplus(nn.Module):
    """`shifted_softplus` as a module."""

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise."""
        return shifted_softplus(x)


class E3SchNetInteraction(nn.Module):
    """h_i += interaction block of SchNet (Schütt et al. 2017, figure 2), its cfconv taken with Y_l(r̂_ij).

    Filters are two dense layers on Gaussians times a cosine cutoff; atom-wise layers mix the channels of each
    degree; the activation is shifted softplus on scalars and a sigmoid gate on higher degrees.
    At degree 0 this is SchNet's block exactly.
    """

    def __init__(
        self, lmax_in: int, lmax_edge: int, lmax_out: int, channels: int, n_gaussians: int, cutoff: float
    ) -> None:
        super().__init__()
        self.lmax_out, self.cutoff = lmax_out, cutoff
        self.basis = GaussianBasis(n_gaussians, cutoff)
        self.filter = nn.Sequential(nn.Linear(n_gaussians, channels), ShiftedSoftplus())
        self.before = EquivariantLinear(lmax_in, channels, channels, bias=False)
        self.convolution = EdgeConvolution(lmax_in, lmax_edge, lmax_out, channels, channels, bias=True)
        self.between = EquivariantLinear(lmax_out, channels, channels)
        self.gates = nn.Linear(channels, lmax_out * channels) if lmax_out else None
        self.gate = Gate(lmax_out, ShiftedSoftplus())
        self.after = EquivariantLinear(lmax_out, channels, channels)

    def forward(self, h: Tensor, graph: EdgeGraph) -> Tensor:
        """[N, (lmax_in + 1)², channels] → [N, (lmax_out + 1)², channels]."""
        envelope = cosine_cutoff(graph.distances, self.cutoff)
        # The filter's second dense layer is inside the convolution; its bias takes the envelope too.
        radial = self.filter(self.basis(graph.distances)) * envelope[:, None]
        x = self.between(self.convolution(self.before(h), radial, envelope, graph, len(h)))
        gates = x[:, 0] if self.gates is None else self.gates(x[:, 0])
        return pad_degrees(h, self.lmax_out) + self.after(self.gate(x, gates))


class E3SchNet(nn.Module):
    """Embedding of the species and `layers` E3SchNet interactions; the last returns degrees up to `lmax_out`.

    Args:
        n_species: size of the embedding.
        lmax: highest degree of features and harmonics between the layers.
        lmax_out: highest degree of the result.
        channels: per degree.
        layers: number of interactions.
        n_gaussians: radial basis functions from 0 to the cutoff.
        cutoff: Å.
    """

    def __init__(
        self,
        n_species: int,
        *,
        lmax: int,
        lmax_out: int,
        channels: int,
        layers: int,
        n_gaussians: int,
        cutoff: float,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_species, channels)
        degrees = [0, *[lmax] * (layers - 1), lmax_out]
        self.interactions = nn.ModuleList(
            E3SchNetInteraction(l_in, lmax, l_out, channels, n_gaussians, cutoff)
            for l_in, l_out in pairwise(degrees)
        )

    def forward(self, species: Tensor, graph: EdgeGraph) -> Tensor:
        """Species [N] → features [N, (lmax_out + 1)², channels]."""
        h = self.embedding(species)[:, None]
        for interaction in self.interactions:
            h = interaction(h, graph)
        return h
