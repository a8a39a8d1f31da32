"""The flows of G-SphereNet and what they are conditioned on."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu


class AffineFlow(nn.Module):
    """z = exp(s(h)) · (x + t(h)), `layers` times, elementwise (Luo and Ji 2022, section 3.2).

    Every layer has a perceptron of its own for s and t. s is kept between −1 and 1 by a tanh, so that no
    density is sharper than exp(−layers) times the unit of x.

    Args:
        n: components of x.
        condition: width of h.
        hidden: width of the perceptrons' hidden layer.
        layers: number of layers.
    """

    def __init__(self, n: int, condition: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.n, self.layers = n, layers
        # The perceptrons of all layers in one: they see the same h.
        self.hidden = nn.Linear(condition, layers * hidden)
        # Small, so that the flow begins close to the identity.
        self.weight = nn.Parameter(0.01 * torch.randn(layers, hidden, 2 * n) / math.sqrt(hidden))
        self.bias = nn.Parameter(torch.zeros(layers, 2 * n))

    def parameters_of(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """(s, t), each [R, layers, n], for `condition` [R, condition]."""
        hidden = silu(self.hidden(condition)).unflatten(-1, (self.layers, -1))
        s, t = (torch.einsum("rkh,kho->rko", hidden, self.weight) + self.bias).split(self.n, dim=-1)
        return torch.tanh(s), t

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Values [R, n] → (z [R, n], log |det ∂z/∂x| [R])."""
        s, t = self.parameters_of(condition)
        for layer in range(self.layers):
            x = torch.exp(s[:, layer]) * (x + t[:, layer])
        return x, s.sum((1, 2))

    def inverse(self, z: Tensor, condition: Tensor) -> Tensor:
        """The values [R, n] that `forward` turns into z [R, n]."""
        s, t = self.parameters_of(condition)
        for layer in reversed(range(self.layers)):
            z = z * torch.exp(-s[:, layer]) - t[:, layer]
        return z

    def negative_log_likelihood(self, x: Tensor, condition: Tensor) -> Tensor:
        """−ln p(x | h), [R], with a standard normal prior of z."""
        z, log_det = self(x, condition)
        return 0.5 * (z.square() + math.log(2.0 * math.pi)).sum(-1) - log_det


class Conditioner(nn.Module):
    """A local feature of some atoms, and a global one by attention from it to all atoms of the molecule.

    Args:
        atoms: number of atoms that the local feature is made of.
        channels: of all features.
        heads: of the attention (Vaswani et al. 2017).
    """

    def __init__(self, atoms: int, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.local = nn.Linear(atoms * channels, channels)
        self.query = nn.Linear(channels, channels, bias=False)
        self.key = nn.Linear(channels, channels, bias=False)
        self.value = nn.Linear(channels, channels)

    def forward(self, chosen: Tensor, everything: Tensor, present: Tensor) -> Tensor:
        """Local and global features side by side, [P, 2 · channels].

        Args:
            chosen: [P, atoms · channels], features of the atoms of the local feature.
            everything: [P, M, channels], features of all atoms.
            present: [P, M] bool, which of them there are; at least one in each row.
        """
        local = silu(self.local(chosen))
        query = self.query(local).unflatten(-1, (self.heads, -1))
        keys = self.key(everything).unflatten(-1, (self.heads, -1))
        logits = torch.einsum("phc,pmhc->phm", query, keys) / math.sqrt(keys.shape[-1])
        weights = torch.softmax(logits.masked_fill(~present[:, None], -torch.inf), dim=-1)
        values = self.value(everything).unflatten(-1, (self.heads, -1))
        return torch.cat([local, torch.einsum("phm,pmhc->phc", weights, values).flatten(1)], dim=-1)
