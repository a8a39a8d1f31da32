"""Symphony's second output: where the next atom is, by its distance and direction from the focus."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from tutti.models.generators.symphony.config import PositionConfig
from tutti.models.generators.symphony.products import ElementwiseProduct, OuterProduct
from tutti.nn import spline
from tutti.nn.categorical import draw
from tutti.nn.radial import GaussianBasis
from tutti.nn.spherical import grid_directions, grid_harmonics, harmonics, log_partition
from tutti.nn.tensors import Tensors


@dataclass(frozen=True)
class Cells(Tensors):
    """The C pairs of a fragment and a bin of distances in which the T candidates have any mass.

    Attributes:
        rows: [C], fragment · n_radii + bin.
        places: [T, K], in which cells each candidate is.
        mass: [T, K], its parts in them; they add up to 1.
    """

    rows: Tensor
    places: Tensor
    mass: Tensor


@dataclass(frozen=True)
class Targets(Tensors):
    """Where the next atoms are: T candidates of B fragments.

    Attributes:
        rows: [T], the fragment.
        weights: [T], 1 / number of candidates of the fragment.
        distances: [T], Å.
        directions: [T, 3], unit vectors.
        radial_variance: Å², of the target's Gaussian in the distance.
        cells: where the distances have bins.
    """

    rows: Tensor
    weights: Tensor
    distances: Tensor
    directions: Tensor
    radial_variance: float
    cells: Cells | None = None


class PositionHead(nn.Module):
    """Density of the next atom around its focus: log Σ_ch exp Σ_lm c_lm^ch(r) Y_lm(r̂), normalised.

    The coefficients are linear maps of the products of the focus' features and the species; how they and the
    density depend on the distance is left to the two subclasses.
    """

    def __init__(self, config: PositionConfig, n_species: int, n_radial: int) -> None:
        super().__init__()
        self.config = config
        self.n_radial = n_radial
        product = {"elementwise": ElementwiseProduct, "outer": OuterProduct}[config.species_product]
        self.product = product(config, n_species, config.signal_channels * n_radial)

    def targets(self, rows: Tensor, weights: Tensor, vectors: Tensor, radial_variance: float) -> Targets:
        """`Targets` on the CPU, of candidates at `vectors` [T, 3] (Å) from the foci."""
        distances = vectors.norm(dim=-1)
        return Targets(rows, weights, distances, vectors / distances[:, None], radial_variance)

    def coefficients(self, features: Tensor, species: Tensor) -> Tensor:
        """Features [B, d, channels] of the foci, next species [B] → [B, n_radial, signal_channels, d]."""
        own = self.product(features, species)
        return own.unflatten(-1, (self.config.signal_channels, self.n_radial)).permute(0, 3, 2, 1)

    def grid_size(self, temperature: float = 1.0) -> tuple[int, int]:
        """(polar, azimuths) of the quadrature for training; finer below temperature 1."""
        config = self.config
        # Peaks get narrower with the root of the temperature.
        finer = max(1.0, temperature**-0.5)
        return math.ceil(config.polar * finer), math.ceil(config.azimuths * finer)

    def training_grid(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """(harmonics [G, d], log-weights [G]) of that quadrature."""
        return grid_harmonics(self.config.lmax, *self.grid_size(), like.dtype, like.device)

    def target_on_sphere(self, directions: Tensor, sharpness: float) -> Tensor:
        """Log-masses [T, G] of exp(β δ_lmax(r̂ − r̂*)) on the training grid, normalised."""
        basis, log_weights = self.training_grid(directions)
        logits = sharpness * harmonics(self.config.lmax, directions) @ basis.T + log_weights
        return torch.log_softmax(logits, dim=-1)

    def draw_direction(
        self,
        coefficients: Tensor,
        grid: tuple[int, int],
        generator: torch.Generator,
    ) -> Tensor:
        """Unit vectors [B, 3] drawn on a grid (polar, azimuths) from signals [B, signal_channels, d].

        They are NaN for signals that are not finite.
        """
        device, dtype = coefficients.device, coefficients.dtype
        basis, log_weights = grid_harmonics(self.config.lmax, *grid, dtype, device)
        logits = torch.logsumexp(coefficients @ basis.T, dim=1) + log_weights
        # First the ring of latitude, then the place on it: the same law as one draw from the whole grid.
        probabilities = torch.softmax(logits, -1).unflatten(-1, grid)
        ring, known = draw(probabilities.sum(-1), generator)
        on_ring = probabilities[torch.arange(len(ring), device=device), ring]
        place, _ = draw(on_ring, generator)
        directions = grid_directions(*grid, dtype, device)[ring * grid[1] + place]
        return torch.where(known[:, None], directions, torch.nan)


class GridPositionHead(PositionHead):
    """Distances in bins, one set of signals per bin, normalised over bins and sphere together."""

    def __init__(self, config: PositionConfig, n_species: int) -> None:
        super().__init__(config, n_species, config.n_radii)
        self.register_buffer("radii", self._radii(torch.get_default_dtype()), persistent=False)

    def _radii(self, dtype: torch.dtype) -> Tensor:
        """[n_radii] Å, on the CPU."""
        config = self.config
        return torch.linspace(config.min_radius, config.max_radius, config.n_radii, dtype=torch.float64).to(
            dtype
        )

    def targets(self, rows: Tensor, weights: Tensor, vectors: Tensor, radial_variance: float) -> Targets:
        """Also the bins with mass."""
        targets = super().targets(rows, weights, vectors, radial_variance)
        exponents = -((targets.distances[:, None] - self._radii(vectors.dtype)) ** 2) / (
            2.0 * radial_variance
        )
        # Only the bins within 5 σ have any mass: with the paper's σ, far below the bin width, one or two.
        mass, bins = torch.softmax(exponents, -1).topk(self._n_target_bins(radial_variance), dim=-1)
        cells, places = torch.unique(rows[:, None] * self.n_radial + bins, return_inverse=True)
        return replace(targets, cells=Cells(cells, places, mass / mass.sum(-1, keepdim=True)))

    def _log_partitions(self, coefficients: Tensor, temperature: float = 1.0) -> Tensor:
        """[B, n_radii]: log of each bin's mass, for coefficients [B, n_radii, signal_channels, d]."""
        size = self.grid_size(temperature)
        return log_partition(coefficients.flatten(0, 1), *size).view(coefficients.shape[:2])

    def _n_target_bins(self, radial_variance: float) -> int:
        width = (self.config.max_radius - self.config.min_radius) / (self.n_radial - 1)
        return min(self.n_radial, 2 * math.ceil(5.0 * radial_variance**0.5 / width) + 1)

    def log_density(self, features: Tensor, species: Tensor, vectors: Tensor) -> Tensor:
        """Log-probability per bin and steradian of `vectors` [B, 3] (Å), each from its own focus: [B]."""
        coefficients = self.coefficients(features, species)
        bins = (vectors.norm(dim=-1)[:, None] - self.radii).abs().argmin(-1)
        signals = coefficients[torch.arange(len(bins), device=bins.device), bins]
        basis = harmonics(self.config.lmax, vectors)
        values = torch.logsumexp(torch.einsum("bcd,bd->bc", signals, basis), -1)
        return values - torch.logsumexp(self._log_partitions(coefficients), -1)

    def loss(
        self,
        features: Tensor,
        species: Tensor,
        targets: Targets,
        sharpness: float,
    ) -> Tensor:
        """KL(q ‖ p) of each fragment, [B] (Daigavane et al. 2024, section 3.3)."""
        coefficients = self.coefficients(features, species)
        log_z = torch.logsumexp(self._log_partitions(coefficients), -1)
        basis, log_weights = self.training_grid(coefficients)

        cells, mass = targets.cells, targets.cells.mass
        sphere = self.target_on_sphere(targets.directions, sharpness).exp()
        q = sphere.new_zeros(len(cells.rows), len(basis))
        for place, part in zip(cells.places.T, mass.T, strict=True):
            q = q.index_add(0, place, sphere * (targets.weights * part)[:, None])
        values = torch.logsumexp(coefficients.flatten(0, 1)[cells.rows] @ basis.T, dim=1)
        rows = cells.rows // self.n_radial
        divergence = torch.xlogy(q, q) - q * (values + log_weights - log_z[rows, None])
        return log_z.new_zeros(len(features)).index_add(0, rows, divergence.sum(-1))

    def sample(
        self,
        features: Tensor,
        species: Tensor,
        temperature: float,
        grid: tuple[int, int],
        generator: torch.Generator,
    ) -> Tensor:
        """Vectors [B, 3] (Å) from the foci: the distance from its marginal, then the direction there.

        The temperature divides the coefficients: p ∝ Σ_ch exp(f_ch / T) over bins and sphere together.
        """
        coefficients = self.coefficients(features, species) / temperature
        logits = self._log_partitions(coefficients, temperature)
        bins, _ = draw(torch.softmax(logits, -1), generator)
        signals = coefficients[torch.arange(len(bins), device=bins.device), bins]
        return self.radii[bins, None] * self.draw_direction(signals, grid, generator)


class SplinePositionHead(PositionHead):
    """Continuous distance: a conditional spline flow for r, then signals on the sphere at that r."""

    TABLE = 2048

    def __init__(self, config: PositionConfig, n_species: int) -> None:
        super().__init__(config, n_species, config.n_radii)
        self.span = config.max_radius - config.min_radius
        self.basis = GaussianBasis(config.n_radii, config.max_radius, start=config.min_radius)
        self.species = nn.Embedding(n_species, config.species_channels)
        width = config.channels + config.species_channels
        self.spline = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.SiLU(),
            nn.Linear(2 * width, 2 * width),
            nn.SiLU(),
            nn.Linear(2 * width, spline.n_parameters(config.spline_bins)),
        )

    def _spline_parameters(self, features: Tensor, species: Tensor) -> Tensor:
        return self.spline(torch.cat([features[:, 0], self.species(species)], dim=-1))

    def _log_radial_density(self, distances: Tensor, parameters: Tensor) -> Tensor:
        """[N, M], per Å, at distances [N, M]; those outside the interval count as its ends."""
        x = (distances - self.config.min_radius) / self.span
        return spline.log_density(x, parameters) - math.log(self.span)

    def _signals(self, coefficients: Tensor, distances: Tensor) -> Tensor:
        """Coefficients [T, n_radial, ch, d] at distances [T] → [T, ch, d]."""
        return torch.einsum("tr,trcd->tcd", self.basis(distances), coefficients)

    def log_density(self, features: Tensor, species: Tensor, vectors: Tensor) -> Tensor:
        """Log-density per Å and steradian of `vectors` [B, 3] (Å), each from its own focus: [B]."""
        distances = vectors.norm(dim=-1)
        signals = self._signals(self.coefficients(features, species), distances)
        values = torch.logsumexp(
            torch.einsum("bcd,bd->bc", signals, harmonics(self.config.lmax, vectors)), -1
        )
        parameters = self._spline_parameters(features, species)
        radial = self._log_radial_density(distances[:, None], parameters)[:, 0]
        return radial + values - log_partition(signals, *self.grid_size())

    def loss(
        self,
        features: Tensor,
        species: Tensor,
        targets: Targets,
        sharpness: float,
    ) -> Tensor:
        """Cross-entropy of the distance plus KL of the direction, [B].

        The distance's target N(r*, σ²) is already drawn from in `targets.distances`; its entropy is taken
        off, so that with one candidate the value estimates KL(q ‖ p).
        """
        rows = targets.rows
        parameters = self._spline_parameters(features, species)[rows]
        entropy = 0.5 * math.log(2.0 * math.pi * math.e * targets.radial_variance)
        radial = -entropy - self._log_radial_density(targets.distances[:, None], parameters)[:, 0]

        signals = self._signals(self.coefficients(features, species)[rows], targets.distances)
        basis, log_weights = self.training_grid(signals)
        log_q = self.target_on_sphere(targets.directions, sharpness)
        values = torch.logsumexp(signals @ basis.T, dim=1) + log_weights
        angular = (log_q.exp() * (log_q - values)).sum(-1) + log_partition(signals, *self.grid_size())
        return radial.new_zeros(len(features)).index_add(0, rows, targets.weights * (radial + angular))

    def sample(
        self,
        features: Tensor,
        species: Tensor,
        temperature: float,
        grid: tuple[int, int],
        generator: torch.Generator,
    ) -> Tensor:
        """Vectors [B, 3] (Å) from the foci: the distance from the spline's density, then the direction.

        The temperature acts on each factor: p(r)^(1/T), and the coefficients of the direction divided by T.
        """
        parameters = self._spline_parameters(features, species)
        n, span, device, dtype = len(features), self.span, features.device, features.dtype
        cells = (torch.arange(self.TABLE, device=device, dtype=dtype) + 0.5) / self.TABLE
        table = self.config.min_radius + span * cells.expand(n, -1)
        logits = self._log_radial_density(table, parameters) / temperature
        cell, _ = draw(torch.softmax(logits, -1), generator)
        within = torch.rand(n, generator=generator, device=device, dtype=dtype) - 0.5
        distances = table.gather(-1, cell[:, None]).flatten() + within * (span / self.TABLE)
        signals = self._signals(self.coefficients(features, species), distances) / temperature
        return distances[:, None] * self.draw_direction(signals, grid, generator)
