"""E(n)-equivariant graph network (Satorras et al., ICML 2021) as in EDM (Hoogeboom et al., ICML 2022)."""

from dataclasses import dataclass
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from tutti.nn.dense import Dense, dense
from tutti.nn.neighbours import segment_index
from tutti.nn.radial import GaussianBasis
from tutti.nn.tensors import Tensors

EPSILON = 1e-8
"""Å², added to squared distances under the root, whose derivative is not finite at 0."""

# Floats of one tensor of messages evaluated together on a CPU: several of them fit into the cache.
_BLOCK = 1 << 18


def centre(x: Tensor, molecule: Tensor, n_atoms: Tensor) -> Tensor:
    """Vectors [ΣN, 3] minus their mean over each molecule; `molecule` [ΣN] of each row, `n_atoms` [B]."""
    means = x.new_zeros(len(n_atoms), 3).index_add(0, molecule, x) / n_atoms[:, None]
    return x - means.index_select(0, molecule)


@dataclass(frozen=True)
class FullPairs(Tensors):
    """All pairs of atoms of the same molecule; each stands for a message in both directions.

    Messages are [2P, ...]: first those to `first` (sent by `second`), then those to `second`, block by block.

    Attributes:
        first, second: [P], rows of the atoms.
    """

    first: Tensor
    second: Tensor

    @classmethod
    def of_molecules(cls, n_atoms: Tensor) -> Self:
        """All pairs of molecules of `n_atoms` [B] atoms, packed one after another."""
        per_atom = torch.repeat_interleave(n_atoms, n_atoms)
        offsets = torch.repeat_interleave(torch.cumsum(n_atoms, 0) - n_atoms, n_atoms)
        earlier = torch.arange(len(per_atom), device=n_atoms.device) - offsets
        first = segment_index(earlier)
        starts = (torch.cumsum(earlier, 0) - earlier - offsets)[first]
        return cls(first, torch.arange(len(first), device=n_atoms.device) - starts)

    def blocks(self, channels: int) -> list["_Block"]:
        """The pairs in blocks whose messages of so many channels fit into a CPU's cache; on a GPU one."""
        n = max(len(self.first), 1)
        step = max(1, _BLOCK // (2 * channels)) if self.first.device.type == "cpu" else n
        return [
            _Block(slice(start, start + step), torch.cat([i, j]), torch.cat([j, i]))
            for start in range(0, n, step)
            for i, j in [(self.first[start : start + step], self.second[start : start + step])]
        ]


@dataclass(frozen=True)
class _Block:
    """Pairs evaluated together, and the atoms [2p] that receive and send their messages."""

    pairs: slice
    receivers: Tensor
    senders: Tensor


class Squares(nn.Module):
    """Squared distances themselves, as published: [P] Å² → [P, 1]."""

    n = 1

    def forward(self, squares: Tensor) -> Tensor:
        """The values."""
        return squares[:, None]


class Gaussians(nn.Module):
    """16 Gaussians of the distance, centred at 0, 0.4, ... 6 Å and 0.4 Å wide: [P] Å² → [P, 16]."""

    n = 16

    def __init__(self) -> None:
        super().__init__()
        self.basis = GaussianBasis(self.n, 6.0)

    def forward(self, squares: Tensor) -> Tensor:
        """The values."""
        return self.basis((squares + EPSILON).sqrt())


class EdgeMLP(nn.Module):
    """Two layers with SiLU of [h_i, h_j, `n_pair` features of the pair], `channels` wide.

    What the first layer says of an atom is computed once per atom, of a pair once per pair.
    """

    def __init__(self, channels: int, n_pair: int) -> None:
        super().__init__()
        self.channels, self.n_pair = channels, n_pair
        self.first = Dense(2 * channels + n_pair, channels)
        self.second = Dense(channels, channels)

    def of_atoms(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """The first layer's parts of h [N, channels], as that of the receiver and of the sender."""
        of_receiver, of_sender, _ = self.first.weight.split(
            [self.channels, self.channels, self.n_pair], dim=1
        )
        return dense(h, of_receiver, self.first.bias), dense(h, of_sender)

    def forward(self, of_atoms: tuple[Tensor, Tensor], of_pairs: Tensor, block: _Block) -> Tensor:
        """Messages [2p, channels] of a block, from `of_atoms` and the features [P, n_pair] of all pairs."""
        weight = self.first.weight[:, 2 * self.channels :]
        inner = of_atoms[0].index_select(0, block.receivers)
        inner.add_(of_atoms[1].index_select(0, block.senders))
        inner.unflatten(0, (2, -1)).add_(dense(of_pairs[block.pairs], weight))
        return silu(self.second(silu(inner)))


class EquivariantBlock(nn.Module):
    """One update of the features and one of the positions (Hoogeboom et al. 2022, section 3).

    Args:
        channels: features per atom.
        coordinate_range: R, bound of a pair's weight in the sum of the positions' update.
        n_distance: numbers that messages see of a distance.
    """

    def __init__(self, channels: int, coordinate_range: float, n_distance: int = 1) -> None:
        super().__init__()
        self.coordinate_range = coordinate_range
        self.message = EdgeMLP(channels, 2 * n_distance)
        self.attention = Dense(channels, 1)
        self.update = nn.Sequential(Dense(2 * channels, channels), nn.SiLU(), Dense(channels, channels))
        self.weight = EdgeMLP(channels, 2 * n_distance)
        self.weight_out = Dense(channels, 1, bias=False)
        nn.init.xavier_uniform_(self.weight_out.weight, gain=1e-3)

    def forward(
        self,
        h: Tensor,
        x: Tensor,
        distances: nn.Module,
        at_input: Tensor,
        pairs: FullPairs,
        blocks: list[_Block],
    ) -> tuple[Tensor, Tensor]:
        """h [N, channels] and x [N, 3] → the same.

        Args:
            h: features.
            x: positions.
            distances: what messages see of squared distances, [P] Å² → [P, n].
            at_input: [P, n], the same of the distances at the network's input.
            pairs: P pairs of atoms.
            blocks: of the pairs.
        """
        vectors = x.index_select(0, pairs.first) - x.index_select(0, pairs.second)
        now = vectors.square().sum(1)
        of_pairs = torch.cat([distances(now), at_input], dim=1)
        of_atoms, sums = self.message.of_atoms(h), torch.zeros_like(h)
        for block in blocks:
            messages = self.message(of_atoms, of_pairs, block)
            gates = torch.sigmoid(self.attention(messages))
            sums = sums.index_add_(0, block.receivers, messages * gates)
        h = h + self.update(torch.cat([h, sums], dim=1))

        directions = vectors / ((now + EPSILON).sqrt() + 1.0)[:, None]
        of_atoms, moves = self.weight.of_atoms(h), torch.zeros_like(x)
        for block in blocks:
            weights = self.weight_out(self.weight(of_atoms, of_pairs, block))
            along = directions[block.pairs]
            moves = moves.index_add_(0, block.receivers, torch.cat([along, -along]) * torch.tanh(weights))
        return h, x + moves * self.coordinate_range


class EGNN(nn.Module):
    """Linear map of the features, `layers` equivariant blocks, linear map of the features.

    Every atom hears of every other one of its molecule. Features are invariant, positions equivariant under
    translations, rotations and reflections.

    Args:
        n_in, n_out: features per atom of the input and of the result.
        channels: features per atom in between.
        layers: number of blocks.
        coordinate_range: see `EquivariantBlock`.
        distances: what messages see of a distance: its square, or `Gaussians` of it.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        channels: int,
        layers: int,
        coordinate_range: float,
        distances: Literal["squares", "gaussians"] = "squares",
    ) -> None:
        super().__init__()
        self.channels = channels
        self.embedding = Dense(n_in, channels)
        self.distances = Squares() if distances == "squares" else Gaussians()
        self.blocks = nn.ModuleList(
            EquivariantBlock(channels, coordinate_range, self.distances.n) for _ in range(layers)
        )
        self.readout = Dense(channels, n_out)

    def forward(self, h: Tensor, x: Tensor, pairs: FullPairs) -> tuple[Tensor, Tensor]:
        """Features [N, n_in], positions [N, 3] (Å) → features [N, n_out], positions [N, 3]."""
        squares = (x.index_select(0, pairs.first) - x.index_select(0, pairs.second)).square().sum(1)
        at_input = self.distances(squares)
        blocks = pairs.blocks(self.channels)
        h = self.embedding(h)
        for block in self.blocks:
            h, x = block(h, x, self.distances, at_input, pairs, blocks)
        return self.readout(h), x
