"""The flows of G-SphereNet and what they are conditioned on."""

import math

import torch
from torch import Tensor, nn


class AffineFlow(nn.Module):
    """z = exp(s(h)) · (x + t(h)), `layers` times, elementwise (Luo and Ji 2022, section 3.2).

    Every layer has a perceptron of its own for s and t, with a tanh between its layers, and a scale w:
    s = exp(w) · tanh(its first half), t is the second half.

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
        for own in self.hidden.weight.detach().split(hidden):
            nn.init.xavier_uniform_(own)
        nn.init.zeros_(self.hidden.bias)
        # The flow begins as the identity.
        self.weight = nn.Parameter(torch.full((layers, hidden, 2 * n), 1e-10))
        self.bias = nn.Parameter(torch.zeros(layers, 2 * n))
        self.scale = nn.Parameter(torch.zeros(layers))

    def parameters_of(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """(s, t), each [R, layers, n], for `condition` [R, condition]."""
        hidden = torch.tanh(self.hidden(condition)).unflatten(-1, (self.layers, -1))
        s, t = (torch.einsum("rkh,kho->rko", hidden, self.weight) + self.bias).split(self.n, dim=-1)
        return torch.exp(self.scale)[:, None] * torch.tanh(s), t

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Values [R, n] → (z, ln |∂z/∂x|), [R, n] each, by component."""
        s, t = self.parameters_of(condition)
        for layer in range(self.layers):
            x = torch.exp(s[:, layer]) * (x + t[:, layer])
        return x, s.sum(1)

    def inverse(self, z: Tensor, condition: Tensor) -> Tensor:
        """The values [R, n] that `forward` turns into z [R, n]."""
        s, t = self.parameters_of(condition)
        for layer in reversed(range(self.layers)):
            z = z * torch.exp(-s[:, layer]) - t[:, layer]
        return z

    def negative_log_likelihood(self, x: Tensor, condition: Tensor) -> Tensor:
        """−ln p(x | h) − ln(2π) / 2 by component, [R, n], with a standard normal prior of z."""
        z, log_det = self(x, condition)
        return 0.5 * z.square() - log_det


class Conditioner(nn.Module):
    """The features of some atoms, and a global one by attention from them to all atoms of the molecule.

    The attention is that of Vaswani et al. 2017. Keys have no bias: it would not change the weights.

    Args:
        atoms: number of atoms that the local feature is made of.
        channels: of all features.
        heads: of the attention.
    """

    def __init__(self, atoms: int, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(atoms * channels, channels)
        self.key = nn.Linear(channels, channels, bias=False)
        self.value, self.out = nn.Linear(channels, channels), nn.Linear(channels, channels)

    def forward(self, local: Tensor, features: Tensor, slots: Tensor) -> Tensor:
        """Local and global features side by side, [P, (atoms + 1) · channels].

        Args:
            local: [P, atoms · channels], features of the chosen atoms.
            features: [V, channels], features of the atoms of all molecules.
            slots: [P, M], rows of the molecule's atoms, V for none; at least one in each row.
        """
        query, keys, values = (
            x.unflatten(-1, (self.heads, -1))
            for x in (
                self.query(local),
                _padded(self.key(features), slots),
                _padded(self.value(features), slots),
            )
        )
        logits = torch.einsum("phc,pmhc->phm", query, keys) / math.sqrt(keys.shape[-1])
        present = slots < len(features)
        weights = torch.softmax(logits.masked_fill(~present[:, None], -torch.inf), dim=-1)
        mixed = torch.einsum("phm,pmhc->phc", weights, values).flatten(1)
        return torch.cat([local, self.out(mixed)], dim=-1)


def _padded(x: Tensor, slots: Tensor) -> Tensor:
    """[P, M, C]: rows of x [V, C], and 0 for row V."""
    return torch.cat([x, x.new_zeros(1, x.shape[1])])[slots]
