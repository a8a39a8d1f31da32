"""Where the next atom goes: a grid around the focus, every point judged by all that is there.

The law is p(x) ∝ Π_j p_j(|x − r_j|)^(1/T) on the points x of a cubic grid (Gebauer et al. 2019, section 4),
where each p_j is a histogram of the distance. The grid's axes are fixed, so that rotations change the samples
within a grid spacing, as in the original; rotated molecules have rotated votes.

Points whose probability is not above exp(−MARGIN) of the best one's are left out, exactly: points are taken
in cubes of 4 × 4 × 4, which fall into 8 octants; within a cube or octant the distance to an atom stays within
some bins, whose largest entry is the most that it can vote; if the sum of these is too far below a point
already judged, no point in there counts.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import max_pool1d, pad

MARGIN = 40.0
"""A grid of 10⁵ points loses less than 10⁻¹² of its mass."""

_EDGE = 4
_PROBED = 8
# Votes evaluated together (on a CPU, what fits into its cache), and foci judged together.
_VOTES = {"cpu": 1 << 19, "cuda": 1 << 26}
_FOCI = {"cpu": 16, "cuda": 512}


@dataclass(frozen=True)
class Grid:
    """Points of a cubic grid in a shell around the focus, in C cubes of 8 octants of 8 points.

    Attributes:
        cubes: [C, 3], Å, middles of the cubes.
        octants: [8, 3], Å, middles of a cube's octants, from its own.
        corners: [8, 3], Å, points of an octant, from its middle.
        outside: [8 C, 8], 0 for the points in the shell, −∞ for others.
    """

    cubes: Tensor
    octants: Tensor
    corners: Tensor
    outside: Tensor

    def middles(self, octant: Tensor) -> Tensor:
        """Middles [n, 3] (Å) of octants [n], numbered 0 ... 8 C − 1."""
        return self.cubes[octant // 8] + self.octants[octant % 8]

    def points(self, octant: Tensor) -> Tensor:
        """Points [n, 8, 3] (Å) of octants [n]."""
        return self.middles(octant)[:, None] + self.corners


@lru_cache(maxsize=4)
def shell(
    spacing: float, min_radius: float, max_radius: float, dtype: torch.dtype, device: torch.device
) -> Grid:
    """The points k · spacing (k integer vectors) at `min_radius` ... `max_radius` Å from the focus."""
    n = math.floor(max_radius / spacing / _EDGE) + 1
    ends = _EDGE * torch.arange(-n, n, dtype=torch.float64)
    signs = torch.tensor([-0.5, 0.5], dtype=torch.float64)
    corners = spacing * torch.cartesian_prod(signs, signs, signs)
    cubes = spacing * (torch.cartesian_prod(ends, ends, ends) + (_EDGE - 1) / 2)
    octants = 2.0 * corners
    radii = (cubes[:, None, None] + octants[:, None] + corners).norm(dim=-1)
    tiny = 1e-9 * spacing
    inside = (radii >= min_radius - tiny) & (radii <= max_radius + tiny)
    used = inside.flatten(1).any(1)
    inside = inside[used].flatten(0, 1)
    outside = torch.zeros(inside.shape, dtype=torch.float64).masked_fill(~inside, -torch.inf)
    return Grid(*(tensor.to(device, dtype) for tensor in (cubes[used], octants, corners, outside)))


class Votes:
    """What J voters say of the distances around each of M foci.

    Args:
        tables: [M, J, n_bins], log-probabilities of the bins; rows of 0 have no say.
        voters: [M, J, 3], Å, relative to the focus.
        bin_width: Å, between centres of bins; the first centre is 0.
        grid: where the next atom may be.
    """

    def __init__(self, tables: Tensor, voters: Tensor, bin_width: float, grid: Grid) -> None:
        self.tables, self.voters, self.bin_width, self.grid = tables, voters, bin_width, grid
        n, n_voters, self.n_bins = tables.shape
        rows = torch.arange(n * n_voters, device=tables.device)
        self._starts = self.n_bins * rows.view(n, n_voters, 1)

    def scores(self, focus: Tensor, middles: Tensor, shifts: Tensor, reach: float = 0.0) -> Tensor:
        """Σ_j of the votes at the points middles [R, 3] + shifts [K, 3] (Å) around the foci [R]; [R, K].

        With a `reach` (Å), a bound of the scores of all points so close: each vote is the highest within it.
        """
        tables = self.tables
        if reach:
            width = math.ceil(reach / self.bin_width + 1e-3)  # a little more, for rounding
            tables = max_pool1d(tables, 2 * width + 1, stride=1, padding=width)
        tables = tables.flatten()
        step = max(1, _limit(_VOTES, tables) // (self.tables.shape[1] * len(shifts)))
        parts = zip(focus.split(step), middles.split(step), strict=True)
        return torch.cat([self._add_votes(tables, *part, shifts) for part in parts])

    def _add_votes(self, tables: Tensor, focus: Tensor, middles: Tensor, shifts: Tensor) -> Tensor:
        # |v − s|² = |v|² − 2 v·s + |s|² as one product of matrices, in units of the bins.
        vectors = (self.voters[focus] - middles[:, None]) / self.bin_width
        shifts = shifts / self.bin_width
        left = torch.cat([vectors, torch.ones_like(vectors[..., :1]), _squares(vectors)], dim=-1)
        right = torch.cat([-2.0 * shifts, _squares(shifts), torch.ones_like(shifts[:, :1])], dim=-1)
        bins = (left @ right.T).clamp_min_(0.0).sqrt_().add_(0.5).clamp_max_(self.n_bins - 0.5)
        entries = bins.long().add_(self._starts[focus])
        return tables.index_select(0, entries.flatten()).view(entries.shape).sum(1)

    def judge(self, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
        """Foci [R], octants [R] and scores / temperature [R, 8] of all octants that may count.

        They are in order of the foci, then the octants. Points outside the shell score −∞.
        """
        grid, n = self.grid, len(self.tables)
        of_points, of_octants = (float(shift.norm(dim=1).max()) for shift in (grid.corners, grid.octants))
        foci = torch.arange(n, device=self.tables.device)
        bounds = self.scores(foci, grid.cubes.new_zeros(n, 3), grid.cubes, of_octants + of_points)
        likely = bounds.topk(min(_PROBED, bounds.shape[1]), dim=1).indices
        inside = torch.arange(8, device=foci.device)
        probed = (8 * likely[..., None] + inside).flatten()
        best = self._judge_octants(foci.repeat_interleave(8 * likely.shape[1]), probed).view(n, -1).amax(1)
        lowest = best - MARGIN * temperature

        focus, cube = torch.nonzero(bounds >= lowest[:, None], as_tuple=True)
        bounds = self.scores(focus, grid.cubes[cube], grid.octants, of_points)
        row, octant = torch.nonzero(bounds >= lowest[focus, None], as_tuple=True)
        focus, octant = focus[row], 8 * cube[row] + octant
        return focus, octant, self._judge_octants(focus, octant) / temperature

    def _judge_octants(self, focus: Tensor, octant: Tensor) -> Tensor:
        """Scores [R, 8] of the points of octants [R] around foci [R]."""
        return self.scores(focus, self.grid.middles(octant), self.grid.corners) + self.grid.outside[octant]

    def draw(self, temperature: float, generator: torch.Generator) -> Tensor:
        """One point [M, 3] (Å) relative to each focus."""
        focus, octant, scores = self.judge(temperature)
        n = len(self.tables)
        peak = scores.new_full((n,), -torch.inf).scatter_reduce(0, focus, scores.amax(1), "amax")
        # Foci one after another: each draws between its first and its last point.
        ends = (scores - peak[focus, None]).flatten().double().exp().cumsum(0)
        last = ends[8 * torch.bincount(focus, minlength=n).cumsum(0) - 1]
        first = pad(last[:-1], (1, 0))
        drawn = torch.rand(n, generator=generator, dtype=ends.dtype, device=ends.device)
        point = torch.searchsorted(ends, first + drawn * (last - first), right=True)
        return self.grid.middles(octant[point // 8]) + self.grid.corners[point % 8]


def draw_points(
    tables: Tensor,
    voters: Tensor,
    bin_width: float,
    grid: Grid,
    temperature: float,
    generator: torch.Generator,
) -> Tensor:
    """One point [M, 3] (Å) relative to each focus; NaN where votes or voters are not finite.

    Arguments are those of `Votes`. Some foci are judged at a time, so that memory is bounded: if nothing can
    be left out, about 0.1 GB on a CPU and 4 GB on a GPU for the default grid.
    """
    points = tables.new_full((len(tables), 3), torch.nan)
    sound = torch.nonzero(tables.isfinite().all(-1).all(-1) & voters.isfinite().all(-1).all(-1)).flatten()
    for rows in sound.split(_limit(_FOCI, tables)):
        if len(rows):
            votes = Votes(tables[rows], voters[rows], bin_width, grid)
            points[rows] = votes.draw(temperature, generator)
    return points


def subdivided(tables: Tensor, parts: int) -> Tensor:
    """Votes [..., n] at the bins' centres → [..., (n − 1) parts + 1], with `parts` − 1 more between each two.

    By cubic convolution (Keys 1981, a = −1/2), which is exact where log p is a parabola, as of the Gaussians
    that votes are trained on. Beyond the first and the last centre their votes go on as they are.
    """
    if parts == 1:
        return tables
    t = torch.arange(parts, dtype=tables.dtype, device=tables.device) / parts
    weights = torch.stack(
        [
            ((2.0 - t) * t - 1.0) * t / 2.0,
            ((3.0 * t - 5.0) * t * t + 2.0) / 2.0,
            ((4.0 - 3.0 * t) * t + 1.0) * t / 2.0,
            (t - 1.0) * t * t / 2.0,
        ]
    )
    ends = torch.cat([tables[..., :1], tables, tables[..., -1:]], dim=-1)
    between = ends.unfold(-1, 4, 1) @ weights
    return torch.cat([between.flatten(-2), tables[..., -1:]], dim=-1)


def _squares(x: Tensor) -> Tensor:
    return x.square().sum(-1, keepdim=True)


def _limit(limits: dict[str, int], like: Tensor) -> int:
    return limits.get(like.device.type, limits["cuda"])
