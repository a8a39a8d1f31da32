import dataclasses

import numpy as np
import pytest
import torch
from e3nn import o3
from scipy.stats import chisquare
from symphony_models import SMALL_GRID, model, molecules

from tutti.core.structures import Structures
from tutti.models.base import load
from tutti.models.generators.symphony import MODEL, Config
from tutti.models.generators.symphony.config import PositionConfig
from tutti.models.generators.symphony.model import choice_divergence
from tutti.nn.neighbours import segment_index
from tutti.nn.spherical import SphericalGrid, grid_harmonics, harmonics, log_partition

CPU = torch.device("cpu")


def test_the_defaults_have_the_published_parameters():
    """2.23 million in all; theirs were counted in the authors' code (docs/fidelity.md)."""
    symphony = MODEL(Config())
    parts = {
        name: sum(parameter.numel() for parameter in getattr(symphony, name).parameters())
        for name in ("focus_embedder", "focus_head", "position_embedder", "position_head")
    }
    assert parts == {
        "focus_embedder": 85_632,
        "focus_head": 25_216,
        "position_embedder": 2_070_336,
        "position_head": 51_072,
    }
    assert sum(parameter.numel() for parameter in symphony.parameters()) == 2_232_256
    literal = MODEL(Config(position=PositionConfig(species_product="outer")))
    assert literal.position_head.product.weight.numel() == 3_145_728


@pytest.mark.parametrize("species_product", ["elementwise", "outer"])
def test_coefficients_are_linear_in_the_product_with_the_species(species_product):
    head = model(species_product=species_product).position_head
    features = torch.randn(3, 16, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    species, product = torch.tensor([2, 0, 2]), head.product
    result = head.coefficients(features, species)
    for b, z in enumerate(species.tolist()):
        for row in range(16):
            l = int(row**0.5)
            if species_product == "elementwise":
                mixed = (features[b, row] * product.species[z, l]) @ product.linear.weight[l]
                expected = mixed * (4 * torch.pi / 6) ** 0.5
            else:
                outer = torch.outer(features[b, row], product.species.weight[z]).flatten()
                expected = outer @ product.weight[l] + (product.bias if row == 0 else 0.0)
            torch.testing.assert_close(result[b, :, :, row].T.flatten(), expected, atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize(
    ("radius", "species_product"), [("grid", "elementwise"), ("spline", "elementwise"), ("grid", "outer")]
)
def test_predicted_distributions_are_equivariant(radius, species_product):
    symphony = model(radius, species_product=species_product)
    generator = torch.Generator().manual_seed(0)
    n_atoms, species = torch.tensor([5, 3]), torch.tensor([1, 0, 2, 0, 1, 1, 2, 0])
    positions = 2.5 * torch.rand(8, 3, dtype=torch.float64, generator=generator)
    focus, kind = torch.tensor([2, 7]), torch.tensor([0, 1])
    vectors = 1.2 * torch.randn(2, 3, dtype=torch.float64, generator=generator)
    turn = -o3.angles_to_matrix(*torch.tensor([0.3, 1.2, -0.7], dtype=torch.float64))
    permutation = torch.tensor([3, 2, 0, 4, 1, 6, 7, 5])

    def predict(x: torch.Tensor, z: torch.Tensor, foci: torch.Tensor, to: torch.Tensor) -> tuple:
        features = symphony.focus_features(z, x, n_atoms, foci)
        logits = symphony.choice_logits(z, x, n_atoms)
        return logits, symphony.position_head.log_density(features, kind, to)

    logits, density = predict(positions, species, focus, vectors)
    moved = positions @ turn.T + torch.tensor([5.0, -3.0, 0.5])
    places = torch.argsort(permutation)[focus]
    new_logits, new_density = predict(moved[permutation], species[permutation], places, vectors @ turn.T)
    torch.testing.assert_close(new_logits, logits[permutation], atol=1e-9, rtol=0)
    torch.testing.assert_close(new_density, density, atol=1e-5, rtol=0)
    _, elsewhere = predict(positions, species, focus, vectors @ turn.T)
    assert (elsewhere - density).abs().min().item() > 1e-3


@pytest.mark.parametrize("radius", ["grid", "spline"])
def test_density_of_the_position_is_normalised(radius):
    head = model(radius).position_head
    features = torch.randn(1, 16, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    sphere = SphericalGrid(30, 59)
    if radius == "grid":
        radii, widths = head.radii, torch.ones(7, dtype=torch.float64)
    else:
        nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(60))
        radii = head.config.min_radius + head.span * (nodes + 1) / 2
        widths = head.span * weights / 2
    kind = torch.ones(len(sphere), dtype=torch.long)
    with torch.no_grad():
        masses = [
            (head.log_density(features.expand(len(kind), -1, -1), kind, r * sphere.directions))
            .add(sphere.log_weights)
            .exp()
            .sum()
            for r in radii
        ]
    # The spline's density has kinks, which limit Gauss-Legendre.
    tolerance = 1e-9 if radius == "grid" else 5e-3
    assert float((torch.stack(masses) * widths).sum()) == pytest.approx(1.0, abs=tolerance)


def dense_divergence(head, features, kind, vectors, weights, variance, sharpness):
    """KL(q ‖ p) of one fragment over all bins and the whole grid, nothing left out."""
    basis, log_weights = grid_harmonics(3, 30, 59, torch.float64, CPU)
    coefficients = head.coefficients(features, kind)[0]
    logits = torch.logsumexp(coefficients @ basis.T, 1) + log_weights
    log_p = torch.log_softmax(logits.flatten(), 0)
    q = torch.zeros_like(logits)
    for vector, weight in zip(vectors, weights, strict=True):
        radial = torch.softmax(-((vector.norm() - head.radii) ** 2) / (2 * variance), 0)
        dirac = (2 * torch.arange(4) + 1) / (4 * torch.pi)
        cosine = (torch.nn.functional.normalize(vector, dim=0) * SphericalGrid(30, 59).directions).sum(-1)
        legendre = torch.stack(
            [torch.ones_like(cosine), cosine, (3 * cosine**2 - 1) / 2, (5 * cosine**3 - 3 * cosine) / 2]
        )
        angular = torch.softmax(sharpness * (dirac[:, None] * legendre).sum(0) + log_weights, 0)
        q += weight * radial[:, None] * angular
    q = q.flatten()
    return (torch.xlogy(q, q) - q * log_p).sum()


def test_loss_of_the_position_equals_the_dense_sum():
    symphony = model("grid")
    head = symphony.position_head
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(3, 16, 6, dtype=torch.float64, generator=generator)
    kind = torch.tensor([2, 0, 1])
    vectors = torch.nn.functional.normalize(
        torch.randn(4, 3, dtype=torch.float64, generator=generator), dim=-1
    ) * torch.tensor([[1.0], [1.45], [1.45], [1.63]], dtype=torch.float64)
    rows = torch.tensor([0, 1, 1, 2])
    weights = torch.tensor([1.0, 0.5, 0.5, 1.0], dtype=torch.float64)
    variance, sharpness = 1e-3, 8.0
    losses = head.loss(features, kind, head.targets(rows, weights, vectors, variance), sharpness)
    for b in range(3):
        mine = rows == b
        expected = dense_divergence(
            head, features[[b]], kind[[b]], vectors[mine], weights[mine], variance, sharpness
        )
        assert float(losses[b]) == pytest.approx(float(expected), abs=2e-4)
        assert float(losses[b]) > 0


def test_divergence_of_the_choice_equals_a_sum_over_all_options():
    generator = torch.Generator().manual_seed(0)
    n_atoms = torch.tensor([2, 1, 3])
    logits = 3.0 * torch.randn(6, 2, dtype=torch.float64, generator=generator)
    choices = torch.zeros(6, 2, dtype=torch.float64)
    choices[0, 1], choices[1, 0] = 0.25, 0.75
    choices[5] = torch.tensor([0.5, 0.5])
    result = choice_divergence(logits, choices, segment_index(n_atoms), 3)
    start = 0
    for b, n in enumerate(n_atoms.tolist()):
        options = torch.cat([logits[start : start + n].flatten(), torch.zeros(1)])
        q = torch.cat([choices[start : start + n].flatten(), torch.zeros(1)])
        q[-1] = 1 - q.sum()
        expected = (torch.xlogy(q, q) - q * torch.log_softmax(options, 0)).sum()
        assert float(result[b]) == pytest.approx(float(expected), abs=1e-12)
        start += n


@pytest.mark.parametrize("radius", ["grid", "spline"])
def test_gradients_are_finite_differences(radius):
    symphony = model(radius)
    structures = molecules()
    batch = symphony.collate(structures, np.arange(0, len(structures.numbers), 5), np.random.default_rng(0))
    symphony.training_step(batch)[0].backward()
    rng = np.random.default_rng(1)
    for name, parameter in symphony.named_parameters():
        place = tuple(rng.integers(0, size) for size in parameter.shape)
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                parameter[place] += step
                values.append(float(symphony.training_step(batch)[0]))
                parameter[place] -= step
        numerical = (values[0] - values[1]) / 2e-5
        assert float(parameter.grad[place]) == pytest.approx(numerical, abs=1e-6, rel=1e-5), name


@pytest.mark.parametrize("radius", ["grid", "spline"])
def test_draws_follow_the_density(radius):
    """Bins of the distance against their exact probabilities, and the mean direction against the density."""
    symphony = model(radius)
    head = symphony.position_head
    n = 2000
    features = torch.randn(1, 16, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    kind = torch.tensor([1])
    with torch.no_grad():
        drawn = head.sample(
            features.expand(n, -1, -1), kind.expand(n), 1.0, (60, 119), torch.Generator().manual_seed(0)
        )
        distances = drawn.norm(dim=-1)
        if radius == "grid":
            probabilities = torch.softmax(head._log_partitions(head.coefficients(features, kind))[0], 0)
            counts = torch.bincount((distances[:, None] - head.radii).abs().argmin(1), minlength=7)
        else:
            ends = (head.config.min_radius, head.config.max_radius)
            fine = ends[0] + head.span * (torch.arange(7000, dtype=torch.float64) + 0.5) / 7000
            density = head._log_radial_density(fine[None], head._spline_parameters(features, kind)).exp()
            probabilities = density.view(7, -1).sum(1) * head.span / 7000
            counts = torch.histc(distances, 7, *ends)
        assert float(probabilities.sum()) == pytest.approx(1.0, abs=1e-3)
        expected = n * probabilities / probabilities.sum()
        assert chisquare(counts.numpy(), expected.numpy()).pvalue > 1e-3

    # The exact mean of every harmonic at the drawn distances is the gradient of the log-partition function.
    with torch.no_grad():
        coefficients = head.coefficients(features, kind)
        if radius == "grid":
            signals = coefficients[0, (distances[:, None] - head.radii).abs().argmin(1)]
        else:
            signals = head._signals(coefficients.expand(n, -1, -1, -1), distances)
    signals.requires_grad_()
    log_partition(signals, *head.grid_size()).sum().backward()
    expected = signals.grad.sum(1).mean(0)
    assert float(expected[1:].abs().max()) > 0.1
    torch.testing.assert_close(harmonics(3, drawn).mean(0), expected, atol=0.05, rtol=0)


def test_temperature_zero_limit_is_the_mode():
    head = model("grid", quadrature=(12, 23)).position_head  # made finer for the temperature
    features = torch.randn(1, 16, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        coefficients = head.coefficients(features, torch.tensor([1]))[0]
        basis = grid_harmonics(3, 60, 119, torch.float64, CPU)[0]
        values = torch.logsumexp(coefficients @ basis.T, 1)
        drawn = head.sample(
            features.expand(20, -1, -1),
            torch.ones(20, dtype=torch.long),
            1e-3,
            (60, 119),
            torch.Generator().manual_seed(0),
        )
        found = torch.logsumexp(
            torch.einsum(
                "bcd,bd->bc",
                coefficients[(drawn.norm(dim=-1)[:, None] - head.radii).abs().argmin(1)],
                harmonics(3, drawn),
            ),
            1,
        )
    assert float(found.min()) > float(values.max()) - 0.02


BY_HAND = {
    True: [1 / 6, (1 / 2 + 2 / 3 + 1) / 6, (1 / 2 + 1 + 1 / 3 + 1) / 6],
    False: [
        (2 / 3 + 1 + 2 / 3 + 4 / 7 + 4 / 5) / 6,
        (1 / 6 + 2 / 7 + 1 / 5) / 6,
        (1 / 6 + 1 / 3 + 1 / 7 + 1) / 6,
    ],
}


@pytest.mark.parametrize("heavy_first", [True, False])
def test_statistics_are_the_distribution_of_first_atoms(heavy_first):
    symphony = model(heavy_first=heavy_first)
    structures = molecules()
    symphony.fit_statistics(structures)
    rng = np.random.default_rng(0)
    starts = structures.offsets[:-1].repeat(300)
    batch = symphony.collate(structures, starts, rng)
    counts = np.bincount(batch.species.numpy(), minlength=3)
    expected = len(starts) * symphony.first_species.numpy()
    assert chisquare(counts, expected).pvalue > 1e-3
    assert symphony.first_species.numpy() == pytest.approx(BY_HAND[heavy_first], abs=1e-12)


def test_unknown_element_is_named():
    with pytest.raises(ValueError, match=r"hold F, .*elements"):
        model().fit_statistics(Structures.from_frames([([9, 1], np.zeros((2, 3)))]))


@pytest.mark.parametrize("radius", ["grid", "spline"])
def test_sampling_is_seeded_and_marks_unfinished_molecules(radius):
    symphony = model(radius)
    first = symphony.sample(40, torch.Generator().manual_seed(5), SMALL_GRID)
    same = symphony.sample(40, torch.Generator().manual_seed(5), SMALL_GRID)
    other = symphony.sample(40, torch.Generator().manual_seed(6), SMALL_GRID)
    assert first.digest == same.digest != other.digest
    assert np.isfinite(first.positions).all()
    assert first.n_atoms.max() <= 9
    assert (first.n_atoms[~first.columns["finished"]] == 9).all()
    assert 0 < first.columns["finished"].sum() < 40
    starts = first.offsets[:-1]
    assert (first.numbers[starts] == 1).all() and not first.positions[starts].any()


def test_completion_keeps_the_fragments_atoms_in_place_and_in_order():
    symphony = model()
    fragments = molecules()
    result = symphony.complete(fragments, torch.Generator().manual_seed(0), SMALL_GRID)
    assert len(result) == len(fragments)
    for i in range(len(fragments)):
        numbers, positions = fragments.frame(i)
        new_numbers, new_positions = result.frame(i)
        assert np.array_equal(new_numbers[: len(numbers)], numbers)
        np.testing.assert_allclose(new_positions[: len(numbers)], positions, atol=1e-12)


def test_new_atoms_are_within_range_of_some_older_atom():
    symphony = model("spline")
    result = symphony.sample(30, torch.Generator().manual_seed(0), SMALL_GRID)
    settings = symphony.config.position
    for i in range(len(result)):
        _, positions = result.frame(i)
        for k in range(1, len(positions)):
            distances = np.linalg.norm(positions[:k] - positions[k], axis=1)
            inside = (distances > settings.min_radius - 1e-6) & (distances < settings.max_radius + 1e-6)
            assert inside.any()


def test_first_atom_may_follow_the_training_set():
    symphony = model()
    symphony.first_species.copy_(torch.tensor([0.0, 0.3, 0.7]))
    settings = dataclasses.replace(SMALL_GRID, first_atom="training", max_atoms=1)
    sampled = symphony.sample(2000, torch.Generator().manual_seed(0), settings)
    counts = [int((sampled.numbers == z).sum()) for z in (6, 8)]
    assert chisquare(counts, [600, 1400]).pvalue > 1e-3


def test_saved_model_samples_the_same(tmp_path):
    symphony = model()
    symphony.save(tmp_path)
    again = load(tmp_path)
    seed = torch.Generator().manual_seed
    assert again.sample(5, seed(0), SMALL_GRID).digest == symphony.sample(5, seed(0), SMALL_GRID).digest
