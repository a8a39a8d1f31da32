"""What Symphony's batches hold and how its fragments grow, each against an independent calculation."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from symphony_models import SMALL_GRID, model, molecules

from tutti.core.structures import Structures
from tutti.nn.spherical import SphericalGrid, grid_harmonics, harmonics

SPECIES = [1, 6, 8]


def log_target(direction: torch.Tensor, grid: SphericalGrid, sharpness: float) -> torch.Tensor:
    """Log-masses of exp(β δ_3) on the grid, by Legendre polynomials."""
    cosine = torch.nn.functional.normalize(direction, dim=0) @ grid.directions.T
    legendre = [torch.ones_like(cosine), cosine, (3 * cosine**2 - 1) / 2, (5 * cosine**3 - 3 * cosine) / 2]
    dirac = sum((2 * l + 1) / (4 * torch.pi) * value for l, value in enumerate(legendre))
    return torch.log_softmax(sharpness * dirac + grid.log_weights, 0)


def test_loss_of_the_spline_head_is_its_cross_entropy_written_out():
    head = model("spline").position_head
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(2, 16, 6, dtype=torch.float64, generator=generator)
    kind, rows = torch.tensor([2, 0]), torch.tensor([0, 1, 1])
    distances = torch.tensor([1.0, 1.45, 1.6], dtype=torch.float64)
    vectors = torch.randn(3, 3, dtype=torch.float64, generator=generator)
    vectors = torch.nn.functional.normalize(vectors, dim=-1) * distances[:, None]
    weights = torch.tensor([1.0, 0.5, 0.5], dtype=torch.float64)
    variance, sharpness, grid = 1e-5, 8.0, SphericalGrid(30, 59)
    expected = torch.zeros(2, dtype=torch.float64)
    for t, b in enumerate(rows.tolist()):
        log_q = log_target(vectors[t], grid, sharpness)
        n = len(grid)
        log_p = head.log_density(
            features[[b]].expand(n, -1, -1), kind[[b]].expand(n), distances[t] * grid.directions
        )
        divergence = (log_q.exp() * (log_q - log_p - grid.log_weights)).sum()
        expected[b] += weights[t] * (divergence - 0.5 * np.log(2 * np.pi * np.e * variance))
    result = head.loss(features, kind, head.targets(rows, weights, vectors, variance), sharpness)
    torch.testing.assert_close(result, expected, atol=1e-8, rtol=0)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_choices_follow_the_joint_softmax_with_the_end(temperature):
    symphony, n = model("grid"), 3000
    # Two atoms so far apart that a new one tells which of them was its focus.
    atoms = ([6, 8], [[0, 0, 0], [0, 0, 5.5]])
    with torch.no_grad():
        positions, species = torch.tensor(atoms[1], dtype=torch.float64), torch.tensor([1, 2])
        logits = symphony.choice_logits(species, positions, torch.tensor([2])).flatten()
    probabilities = torch.softmax(torch.cat([logits, torch.zeros(1)]) / temperature, 0).numpy()
    settings = dataclasses.replace(SMALL_GRID, max_atoms=3, focus_temperature=temperature)
    result = symphony.complete(
        Structures.from_frames([atoms] * n), torch.Generator().manual_seed(0), settings
    )
    counts = np.zeros(7)
    counts[6] = (result.n_atoms == 2).sum()
    for i in np.flatnonzero(result.n_atoms == 3):
        numbers, places = result.frame(i)
        focus = int(np.linalg.norm(places[:2] - places[2], axis=1).argmin())
        counts[3 * focus + SPECIES.index(numbers[2])] += 1
    assert chisquare(counts, n * probabilities).pvalue > 1e-3


def test_the_drawn_vector_is_added_to_its_focus_for_its_species(monkeypatch):
    symphony = model("grid")

    def draw(features: torch.Tensor, kind: torch.Tensor, *_: object) -> torch.Tensor:
        return torch.stack([1.0 + 0.1 * kind, 0.3 + 0 * kind, 0 * kind], 1).double()

    monkeypatch.setattr(symphony.position_head, "sample", draw)
    seeds = [([6, 8], [[0, 0, 0], [0, 0, 4.5]]), ([1, 6, 8], [[9, 0, 0], [9, 0, 1], [9, 4, 0]])]
    fragments = Structures.from_frames(seeds * 40)
    settings = dataclasses.replace(SMALL_GRID, max_atoms=4)
    result = symphony.complete(fragments, torch.Generator().manual_seed(0), settings)
    assert result.n_atoms.sum() > fragments.n_atoms.sum() + 20
    for i in range(len(result)):
        numbers, positions = result.frame(i)
        for k in range(fragments.n_atoms[i], len(positions)):
            vector = np.array([1.0 + 0.1 * SPECIES.index(numbers[k]), 0.3, 0])
            assert np.abs(positions[:k] + vector - positions[k]).max(1).min() < 1e-6


def test_noise_has_the_variances_of_the_configuration():
    symphony = model("spline", noise_variance=0.04, radial_variance=1e-4)
    pair = Structures.from_frames([([6, 1], [[0, 0, 0], [0, 0, 1.6]])] * 400)
    batch = symphony.collate(pair, np.arange(800), np.random.default_rng(0))
    assert batch.positions[:, 0].std().item() == pytest.approx(0.2, rel=0.1)
    assert batch.targets.distances.std().item() == pytest.approx(0.01, rel=0.15)


def test_validation_is_on_fragments_without_noise():
    symphony = model("grid", noise_variance=0.04)
    pair = Structures.from_frames([([6, 1], [[0, 0, 0], [0, 0, 1.6]])] * 5)
    noisy, clean = (
        make(pair, np.arange(10), np.random.default_rng(0))
        for make in (symphony.collate, symphony.collate_validation)
    )
    assert set(clean.positions.flatten().tolist()) == {0.0, 1.6}
    assert (noisy.positions != clean.positions).all()
    assert torch.equal(noisy.targets.directions, clean.targets.directions)
    assert torch.equal(noisy.targets.distances, clean.targets.distances)


def test_batches_follow_the_order_of_the_configuration():
    """A molecule with candidates on both sides of the tolerance and of the radius."""
    line = Structures.from_frames([([6, 6, 1, 1], [[0, 0, 0], [0, 0, 1.95], [0, 2.0, 0], [2.05, 0, 0]])])

    def reached(**settings: object) -> set[float]:
        symphony = model("grid", **settings)
        batch = symphony.collate_validation(line, np.zeros(400, int), np.random.default_rng(0))
        at_corner = (batch.positions == 0).all(1)[batch.foci.arrivals.nodes[batch.targets.rows]]
        return {round(float(v), 3) for v in batch.targets.distances[at_corner]}

    assert reached() == {1.95, 2.0}
    assert reached(candidate_radius=2.2) == {1.95, 2.0, 2.05}
    assert reached(tolerance=0.01) == {1.95}
    assert reached(heavy_first=True) == {1.95}


def test_weights_of_a_fragments_targets_add_up_to_one():
    batch = model("grid").collate(molecules(), np.arange(20), np.random.default_rng(0))
    assert len(batch.targets.rows) > len(batch.growing)
    total = torch.bincount(batch.targets.rows, batch.targets.weights)
    torch.testing.assert_close(total, torch.ones(len(batch.growing), dtype=torch.float64))


def test_loss_is_the_mean_over_all_fragments_also_those_that_stop():
    symphony = model("grid", noise_variance=0.0)
    pair = Structures.from_frames([([6, 6], [[0, 0, 0], [0, 0, 1.4]])])

    def loss(*items: int) -> float:
        batch = symphony.collate(pair, np.array(items), np.random.default_rng(0))
        return float(symphony.training_step(batch)[0].detach())

    grow, stop = loss(0), loss(1)
    assert abs(grow - stop) > 0.1
    assert loss(0, 1, 1) == pytest.approx((grow + 2 * stop) / 3, abs=1e-5)


@pytest.mark.parametrize("radius", ["grid", "spline"])
def test_tempered_draws_follow_their_law(radius):
    """Distance and polar angle at T = 0.4 against probabilities summed on a fine grid."""
    head, n, temperature = model(radius, quadrature=(12, 23)).position_head, 3000, 0.4
    features = 0.4 * torch.randn(1, 16, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    kind = torch.tensor([1])
    basis, log_weights = grid_harmonics(3, 60, 119, torch.float64, torch.device("cpu"))
    with torch.no_grad():
        drawn = head.sample(
            features.expand(n, -1, -1),
            kind.expand(n),
            temperature,
            (60, 119),
            torch.Generator().manual_seed(0),
        )
        coefficients = head.coefficients(features, kind)
        if radius == "grid":
            radii, signals = head.radii, coefficients[0]
        else:
            radii = head.config.min_radius + head.span * (torch.arange(700, dtype=torch.float64) + 0.5) / 700
            signals = head._signals(coefficients.expand(700, -1, -1, -1), radii)
        values = torch.logsumexp(signals @ basis.T / temperature, 1) + log_weights
        if radius == "spline":
            density = head._log_radial_density(radii[None], head._spline_parameters(features, kind))[0]
            values = torch.log_softmax(values, -1) + density[:, None] / temperature
        joint = torch.softmax(values.flatten(), 0).view(len(radii), 60, 119).sum(-1)
    nearest = (drawn.norm(dim=-1)[:, None] - radii).abs().argmin(1) // (len(radii) // 7)
    cosines = SphericalGrid(60, 119).directions.view(60, 119, 3)[:, 0, 1].contiguous()
    polar = (harmonics(1, drawn)[:, 2] * (4 * torch.pi / 3) ** 0.5)[:, None].sub(cosines).abs().argmin(
        1
    ) // 15
    expected = n * joint.view(7, -1, 4, 15).sum((1, 3))
    counts = torch.zeros(7, 4, dtype=torch.float64).index_put((nearest, polar), torch.ones(n).double(), True)
    kept = expected > 5
    pooled = [torch.cat([t[kept], t[~kept].sum()[None]]).numpy() for t in (counts, expected)]
    assert len(pooled[0]) > 6
    assert chisquare(*pooled).pvalue > 1e-3
