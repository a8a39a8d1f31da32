"""Tensor products of features of both parities with spherical harmonics: paths and coefficients.

An irrep is a degree l and whether its parity is natural, (−1)^l, as that of the harmonics. A path
(l1, l2, l3) with l1 + l2 + l3 even keeps naturalness, one with an odd sum changes it: both use the same
Clebsch-Gordan coefficients, in e3nn's `component` normalisation.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from tutti.nn.so3 import spherical_harmonics, wigner_3j


class Irrep(NamedTuple):
    """Degree l and whether the parity is (−1)^l."""

    l: int
    natural: bool

    @property
    def size(self) -> int:
        """Number of components, 2l + 1."""
        return 2 * self.l + 1


class Coupling(NamedTuple):
    """All products of degree `l1` with harmonics into the degrees `l3`, with l1 + l2 + l3 even or odd."""

    l1: int
    l3: tuple[int, ...]
    odd: bool
    lmax: int

    def l2(self, l3: int) -> range:
        """Degrees of the harmonics that couple l1 to `l3`; empty where there are none."""
        lowest = abs(self.l1 - l3)
        return range(lowest + self.odd, min(self.l1 + l3, self.lmax) + 1, 2)

    @property
    def rows(self) -> int:
        """Number of results' components."""
        return sum((2 * l3 + 1) * len(self.l2(l3)) for l3 in self.l3)

    def tensor(self) -> Tensor:
        """[(lmax + 1)² harmonics, rows, 2 l1 + 1] float64; rows by l3, then m3, then l2."""
        blocks = []
        for l3 in self.l3:
            block = torch.zeros((self.lmax + 1) ** 2, 2 * l3 + 1, len(self.l2(l3)), 2 * self.l1 + 1).double()
            for k, l2 in enumerate(self.l2(l3)):
                symbols = wigner_3j(self.l1, l2, l3)
                block[l2 * l2 : (l2 + 1) ** 2, :, k] = math.sqrt(2 * l3 + 1) * symbols.permute(1, 2, 0)
            blocks.append(block.flatten(1, 2))
        return torch.cat(blocks, dim=1)


@lru_cache(maxsize=64)
def _matrix(
    couplings: tuple[Coupling, ...], scale: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """[(lmax + 1)², 2 · entries]: from harmonics to all couplings, for both directions of a pair."""
    with torch.inference_mode(False):
        there = torch.cat([coupling.tensor().flatten(1) for coupling in couplings], dim=1) * scale
        lmax = couplings[0].lmax
        signs = torch.cat([torch.full((2 * l + 1,), (-1.0) ** l) for l in range(lmax + 1)]).double()
        return torch.cat([there, signs[:, None] * there], dim=1).to(device, dtype)


@lru_cache(maxsize=64)
def _raising(l: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """[(2l + 1) · 3, 2l + 3]: Y_{l+1} from Y_l ⊗ r̂, all in `component` normalisation."""
    with torch.inference_mode(False):
        matrix = wigner_3j(l, 1, l + 1).flatten(0, 1)
        pole = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
        lower, upper = (spherical_harmonics(n, pole, "component") for n in (l, l + 1))
        raised = torch.outer(lower, pole).flatten() @ matrix
        return (matrix * (upper @ upper / (upper @ raised))).to(device, dtype)


def component_harmonics(lmax: int, directions: Tensor) -> Tensor:
    """Real spherical harmonics of unit vectors, |Y_l|² = 2l + 1, differentiable without end.

    Args:
        lmax: highest degree.
        directions: [P, 3].

    Returns:
        [P, (lmax + 1)²], e3nn's order.
    """
    harmonics = [torch.ones_like(directions[:, :1])]
    for l in range(lmax):
        products = (harmonics[-1][:, :, None] * directions[:, None, :]).flatten(1)
        harmonics.append(products @ _raising(l, directions.dtype, directions.device))
    return torch.cat(harmonics, dim=1)


def couple(couplings: tuple[Coupling, ...], harmonics: Tensor, scale: float) -> dict[Coupling, Tensor]:
    """Contract the harmonics [P, (lmax + 1)²] of each pair's direction with the coefficients of `couplings`.

    Returns:
        Matrices [2P, rows, 2 l1 + 1] times `scale`; the two directions of a pair stand next to each other.
    """
    matrix = _matrix(couplings, scale, harmonics.dtype, harmonics.device)
    entries = [coupling.rows * (2 * coupling.l1 + 1) for coupling in couplings]
    parts = (harmonics @ matrix).view(-1, sum(entries)).split(entries, dim=1)
    return {
        coupling: part.unflatten(1, (coupling.rows, -1))
        for coupling, part in zip(couplings, parts, strict=True)
    }


class Block(NamedTuple):
    """Paths from one irrep to one irrep: where they stand in products, result and weights."""

    size: int  # components of the result's irrep
    n: int  # paths
    row: int  # first row in the group's products
    out: int  # first row in the result
    width: int  # paths into the irrep of the result
    weight: int  # first path among all


class Group(NamedTuple):
    """Paths that share one coupling and one input irrep."""

    coupling: int
    source: slice
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Product:
    """Which paths lead from the irreps `sources` to the irreps `results` by harmonics up to `lmax`.

    The result of each irrep has the components (m3, path), paths in the order of `paths`.
    """

    sources: tuple[Irrep, ...]
    results: tuple[Irrep, ...]
    lmax: int

    @cached_property
    def links(self) -> list[tuple[Irrep, Irrep, Coupling]]:
        """(source, result, coupling) that have at least one path, by source."""
        found = []
        for source in self.sources:
            for odd in (False, True):
                reached = [r for r in self.results if r.natural == (source.natural != odd)]
                degrees = tuple(r.l for r in reached if Coupling(source.l, (r.l,), odd, self.lmax).rows)
                coupling = Coupling(source.l, degrees, odd, self.lmax)
                found += [(source, r, coupling) for r in reached if r.l in degrees]
        return found

    def paths(self, result: Irrep) -> list[tuple[Irrep, int]]:
        """(source, l2) of each path into `result`."""
        return [
            (source, l2)
            for source, other, coupling in self.links
            if other == result
            for l2 in coupling.l2(result.l)
        ]

    @cached_property
    def couplings(self) -> tuple[Coupling, ...]:
        """The distinct couplings, in the order in which `convolve` takes them."""
        return tuple(dict.fromkeys(coupling for _, _, coupling in self.links))

    @cached_property
    def n_paths(self) -> int:
        """Number of paths into all results."""
        return sum(len(self.paths(result)) for result in self.results)

    @cached_property
    def rows(self) -> dict[Irrep, slice]:
        """Rows of each irrep in the result [N, rows, C]; those of one irrep are (m3, path)."""
        starts = _slices([result.size * len(self.paths(result)) for result in self.results])
        return dict(zip(self.results, starts, strict=True))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """How `convolve` goes over the paths."""
        sources = dict(zip(self.sources, _slices([s.size for s in self.sources]), strict=True))
        offsets = dict(zip(self.results, _slices([len(self.paths(r)) for r in self.results]), strict=True))
        groups = []
        for source, coupling in dict.fromkeys((s, c) for s, _, c in self.links):
            natural = source.natural != coupling.odd
            row, blocks = 0, []
            for l3 in coupling.l3:
                result, n = Irrep(l3, natural), len(coupling.l2(l3))
                into = self.paths(result)
                first = into.index((source, coupling.l2(l3)[0]))
                out, weight = self.rows[result].start + first, offsets[result].start + first
                blocks.append(Block(result.size, n, row, out, len(into), weight))
                row += result.size * n
            groups.append(Group(self.couplings.index(coupling), sources[source], tuple(blocks)))
        return tuple(groups)


def _slices(sizes: list[int]) -> list[slice]:
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
