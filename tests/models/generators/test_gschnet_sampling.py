"""Sampling of G-SchNet: the voted distribution by brute force, and molecules that follow it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gschnet_models import STOP, model, molecules, predictions
from scipy.interpolate import CubicHermiteSpline
from scipy.stats import chisquare

from tutti.core.structures import Structures
from tutti.models.generators.gschnet import voting
from tutti.models.generators.gschnet.config import Sampling
from tutti.models.generators.gschnet.growth import Growth
from tutti.models.generators.gschnet.voting import Grid, Votes, draw_points, shell, subdivided

BIN = 0.20317  # no point of a grid on the border of two bins
COARSE = Sampling(max_atoms=3, grid_spacing=0.4, min_radius=0.9, max_radius=1.7, position_temperature=0.5)


def lattice(spacing: float, low: float, high: float) -> np.ndarray:
    """All points k · spacing of the shell, [G, 3]."""
    ticks = spacing * np.arange(-round(high / spacing) - 1, round(high / spacing) + 2)
    points = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1).reshape(-1, 3)
    radii = np.linalg.norm(points, axis=1)
    return points[(radii > low - 1e-9) & (radii < high + 1e-9)]


def brute_force(
    tables: np.ndarray, voters: np.ndarray, points: np.ndarray, temperature: float, width: float = BIN
) -> np.ndarray:
    """p(x) ∝ Π_j p_j(bin closest to |x − r_j|)^(1/T), point by point."""
    logs = np.zeros(len(points))
    for g, point in enumerate(points):
        for table, voter in zip(tables, voters, strict=True):
            closest = np.argmin(np.abs(width * np.arange(len(table)) - np.linalg.norm(point - voter)))
            logs[g] += table[closest] / temperature
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def grid_of(settings: Sampling) -> Grid:
    return shell(
        settings.grid_spacing, settings.min_radius, settings.max_radius, torch.float64, torch.device("cpu")
    )


def votes(n: int, voters: int, sharpness: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Random log-probabilities [n, voters, 30] and places [n, voters, 3]; the first is the focus."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, voters, 30, dtype=torch.float64, generator=generator)
    places = 1.5 * torch.randn(n, voters, 3, dtype=torch.float64, generator=generator)
    places[:, 0] = 0.0
    return torch.log_softmax(sharpness * logits, -1), places


def judged(votes: Votes, temperature: float, row: int) -> dict[tuple[int, ...], float]:
    """{point in units of 1e-6 Å: probability} of one focus."""
    focus, octant, scores = votes.judge(temperature)
    own = focus == row
    weights = torch.softmax(scores[own].flatten(), 0)
    points = (1e6 * votes.grid.points(octant[own]).flatten(0, 1)).round().long()
    return {tuple(p.tolist()): float(w) for p, w in zip(points, weights, strict=True) if w > 0}


def test_shell_has_all_points_of_the_cubic_grid_once():
    grid = shell(0.05, 0.9, 1.7, torch.float64, torch.device("cpu"))
    found = grid.points(torch.arange(len(grid.outside)))[grid.outside == 0]
    expected = lattice(0.05, 0.9, 1.7)
    assert len(found) == len(expected) > 135_000
    np.testing.assert_array_equal(
        np.unique((found / 0.05).round().long().numpy(), axis=0),
        np.unique(np.rint(expected / 0.05).astype(int), axis=0),
    )


@pytest.mark.parametrize(("temperature", "sharpness"), [(1.0, 1.0), (0.1, 1.0), (0.1, 3.0)])
def test_voted_distribution_equals_brute_force(temperature, sharpness):
    tables, places = votes(3, 4, sharpness)
    grid, points = grid_of(Sampling(grid_spacing=0.15)), lattice(0.15, 0.9, 1.7)
    for row in range(3):
        expected = brute_force(tables[row].numpy(), places[row].numpy(), points, temperature)
        found = judged(Votes(tables, places, BIN, grid), temperature, row)
        keys = [tuple(key) for key in np.rint(1e6 * points).astype(int).tolist()]
        assert found.keys() <= set(keys)
        np.testing.assert_allclose([found.get(key, 0.0) for key in keys], expected, atol=1e-12, rtol=0)


def test_pruned_equals_unpruned(monkeypatch):
    _, places = votes(4, 6, 1.0, seed=1)
    # Votes for a point 1.4 Å away, as of a trained model: broad peaks and a background.
    distances = (places - torch.tensor([0.0, 1.4, 0.0])).norm(dim=-1)
    off = (distances[..., None] - BIN * torch.arange(30)).square()
    tables = torch.log(torch.exp(-off / 0.05) + 1e-3)
    grid, temperature = grid_of(Sampling()), 0.1
    pruned = Votes(tables, places, BIN, grid).judge(temperature)
    monkeypatch.setattr(voting, "MARGIN", np.inf)
    whole = Votes(tables, places, BIN, grid).judge(temperature)
    assert len(whole[0]) == 4 * len(grid.outside) > 10 * len(pruned[0])
    dense = [torch.full((4, *grid.outside.shape), -torch.inf).double() for _ in range(2)]
    for target, (focus, octant, scores) in zip(dense, (pruned, whole), strict=True):
        target[focus, octant] = scores
    one, other = (torch.softmax(scores.flatten(1), 1) for scores in dense)
    torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


def test_bounds_are_never_exceeded():
    """Of cubes and of octants, by any of their points."""
    tables, places = votes(3, 5, 2.0, seed=2)
    grid = grid_of(Sampling())
    asked = Votes(tables, places, 15.0 / 299, grid)
    foci, octants = torch.arange(3), torch.arange(len(grid.outside))
    highest = torch.stack([asked._judge_octants(f.expand(len(octants)), octants).amax(1) for f in foci])
    reach, nowhere = 0.05 * 3**0.5, torch.zeros(3, 3, dtype=torch.float64)
    cubes = asked.scores(foci, nowhere, grid.cubes, 1.5 * reach)
    of_octants = asked.scores(foci, nowhere, grid.middles(octants), 0.5 * reach)
    for bounds, top in [(cubes, highest.view(3, -1, 8).amax(2)), (of_octants, highest)]:
        assert bool((bounds >= top).all()) and float((bounds - top).min()) < 3.0


def test_drawn_points_follow_the_distribution(monkeypatch):
    monkeypatch.setitem(voting._VOTES, "cpu", 20_000)  # several parts
    tables, places = votes(2, 3, 1.0, seed=3)
    points, n = lattice(0.4, 0.9, 1.7), 4000
    many = torch.arange(2).repeat(n)
    drawn = draw_points(
        tables[many], places[many], BIN, grid_of(COARSE), 0.5, torch.Generator().manual_seed(0)
    ).numpy()
    for row in range(2):
        expected = n * brute_force(tables[row].numpy(), places[row].numpy(), points, 0.5)
        closest = np.linalg.norm(drawn[row::2, None] - points, axis=-1)
        assert closest.min(1).max() < 1e-9
        assert fits(np.bincount(closest.argmin(1), minlength=len(points)), expected)


def fits(counts: np.ndarray, expected: np.ndarray) -> bool:
    """Whether counts follow what is expected by the chi-square test; rare outcomes are pooled."""
    common = expected > 8
    pooled = [np.append(a[common], a[~common].sum()) for a in (counts, expected)]
    pooled = [a[pooled[1] > 0] for a in pooled]
    assert len(pooled[0]) > 8
    return chisquare(*pooled).pvalue > 1e-3


def tempered_votes(log_bins: np.ndarray, focus: int) -> np.ndarray:
    """Votes of places, the focus token's added to those of its place."""
    votes = log_bins[:-1].copy()
    votes[focus] += log_bins[-1]
    return votes


def smooth(tables: np.ndarray, parts: int) -> np.ndarray:
    """A cubic spline through the bins with the slopes of central differences, at their `parts`."""
    bins, ends = np.arange(tables.shape[-1]), [(0, 0)] * (tables.ndim - 1) + [(1, 1)]
    padded = np.pad(tables, ends, mode="edge")
    slopes = (padded[..., 2:] - padded[..., :-2]) / 2
    points = np.arange((len(bins) - 1) * parts + 1) / parts
    return CubicHermiteSpline(bins, tables, slopes, axis=-1)(points)


def test_votes_between_bins_are_those_of_a_spline_and_exact_of_gaussians():
    tables, _ = votes(2, 3, 2.0)
    found = subdivided(tables, 5)
    np.testing.assert_allclose(found.numpy(), smooth(tables.numpy(), 5), atol=1e-12, rtol=0)
    assert subdivided(tables, 1) is tables
    parabola = -(torch.arange(30, dtype=torch.float64) - 11.3).square()
    finer = -(torch.arange(5 * 29 + 1, dtype=torch.float64) / 5 - 11.3).square()
    torch.testing.assert_close(subdivided(parabola, 5)[5:-5], finer[5:-5], atol=1e-11, rtol=0)


@pytest.mark.parametrize("bin_parts", [1, 3])
def test_next_atoms_follow_the_law_written_out(bin_parts):
    """Types, positions and ends after two atoms: the second focus is asked when the first has ended."""
    made, n, settings = model(), 5000, replace(COARSE, bin_parts=bin_parts)
    fragment = Structures.from_frames([([6, 8], [[0.3, 0, 0], [0, 0.2, 1.3]])])
    start = Growth(made, fragment, torch.Generator(), COARSE).positions[0, 1:3].numpy()
    offsets = lattice(0.4, 0.9, 1.7)
    with torch.no_grad():
        asked = [predictions(made, [1, 2], start, focus) for focus in range(2)]
    stop = [float(torch.exp(log_types[STOP])) for log_types, _ in asked]
    outcomes, expected = [], []
    for focus, (log_types, log_bins) in enumerate(asked):
        reached = 0.5 * (1.0 + stop[1 - focus])
        for kind in range(3):
            places = np.concatenate([np.zeros((1, 3)), start])
            tables = smooth(tempered_votes(log_bins[kind].numpy(), focus + 1), bin_parts)
            width = made.config.bin_width / bin_parts
            law = brute_force(tables, places - start[focus], offsets, 0.5, width)
            expected.append(n * reached * float(torch.exp(log_types[kind])) * law)
            outcomes.append(np.column_stack([np.full(len(offsets), kind), offsets + start[focus]]))
    outcomes, expected = np.concatenate(outcomes), np.concatenate(expected)
    result = made.complete(fragment[np.zeros(n, dtype=int)], torch.Generator().manual_seed(0), settings)
    grown = result.n_atoms == 3
    last = result.offsets[1:][grown] - 1
    shift = fragment.positions[0] - start[0]
    kinds = made.species.of(result.numbers[last])
    seen = np.column_stack([kinds, result.positions[last] - shift])
    key = {tuple(row): i for i, row in enumerate(np.rint(1e5 * outcomes).astype(int).tolist())}
    counts = np.bincount(
        [key[tuple(row)] for row in np.rint(1e5 * seen).astype(int).tolist()], minlength=len(key)
    )
    ends = n * stop[0] * stop[1]
    assert fits(np.append(counts, n - grown.sum()), np.append(expected, ends))
    assert result.columns["finished"][~grown].all()


def test_first_atoms_follow_the_law_written_out():
    """Both tokens at the origin vote, with no temperature, on the centres of the bins on a line."""
    made, n = model(), 4000
    settings = Sampling(max_atoms=1, position_temperature=0.1)
    samples = made.sample(n, torch.Generator().manual_seed(0), settings)
    assert (samples.n_atoms == 1).all() and not samples.positions[:, 1:].any()
    with torch.no_grad():
        log_types, log_bins = predictions(made, [], np.zeros((0, 3)), None)
    types = torch.softmax(log_types[:3], 0)
    laws = log_bins.exp().prod(1)
    expected = n * types[:, None] * laws / laws.sum(1, keepdim=True)
    place = samples.positions[:, 0] / made.config.bin_width
    np.testing.assert_allclose(place, np.rint(place), atol=1e-9)
    outcomes = 31 * made.species.of(samples.numbers) + np.rint(place).astype(int)
    assert fits(np.bincount(outcomes, minlength=93), expected.flatten().numpy())


def test_completion_keeps_the_fragments():
    made, structures = model(), molecules()
    structures.positions[:] += 100.0 / 3.0
    for dtype in (torch.float64, torch.float32):
        made = made.to(dtype)
        for rows in ([0, 1, 2, 3, 4], [3], [1, 1, 0]):
            fragments = structures[rows]
            result = made.complete(fragments, torch.Generator().manual_seed(1), replace(COARSE, max_atoms=12))
            assert (result.n_atoms >= fragments.n_atoms).all() and result.n_atoms.max() <= 12
            for i in range(len(fragments)):
                numbers, positions = result.frame(i)
                own_numbers, own_positions = fragments.frame(i)
                np.testing.assert_array_equal(numbers[: len(own_numbers)], own_numbers)
                np.testing.assert_array_equal(positions[: len(own_numbers)], own_positions)


def test_new_atoms_stand_on_the_grid_around_an_earlier_one():
    made, fragments = model(), molecules()[:3]
    result = made.complete(fragments, torch.Generator().manual_seed(1), Sampling(max_atoms=12))
    assert result.n_atoms.sum() > fragments.n_atoms.sum() + 3
    for i, given in enumerate(fragments.n_atoms):
        positions = result.frame(i)[1]
        for k in range(given, len(positions)):
            steps = (positions[k] - positions[:k]) / 0.05
            off_grid = np.abs(steps - np.rint(steps)).max(1)
            distances = 0.05 * np.linalg.norm(steps, axis=1)
            assert ((off_grid < 1e-6) & (distances > 0.9 - 1e-6) & (distances < 1.7 + 1e-6)).any()


def test_a_molecule_at_its_limit_may_still_end():
    made = model(type_head="features")
    with torch.no_grad():
        made.type_head.network[-1].bias += torch.tensor([0.0, 0, 0, 50.0], dtype=torch.float64)
    ended = made.complete(molecules(), torch.Generator().manual_seed(0), Sampling(max_atoms=2))
    np.testing.assert_array_equal(ended.n_atoms, molecules().n_atoms)
    assert ended.columns["finished"].all()
    with torch.no_grad():
        made.type_head.network[-1].bias -= torch.tensor([0.0, 0, 0, 100.0], dtype=torch.float64)
    grown = made.sample(5, torch.Generator().manual_seed(0), Sampling(max_atoms=4))
    assert (grown.n_atoms == 4).all() and not grown.columns["finished"].any()


@pytest.mark.parametrize("bad", [np.nan, 1e200])
def test_a_broken_molecule_harms_no_other(bad):
    made, fragments = model(), molecules()
    fragments.positions[10] = bad
    result = made.complete(fragments, torch.Generator().manual_seed(0), replace(COARSE, max_atoms=12))
    bounds = list(zip(result.offsets[:-1], result.offsets[1:], strict=True))
    finite = [bool(np.isfinite(result.positions[a:b]).all()) for a, b in bounds]
    others = [i for i in range(5) if i != 1]
    assert all(finite[i] for i in others)
    if np.isnan(bad):
        assert not finite[1] and not result.columns["finished"][1] and result.n_atoms[1] == 4


def test_samples_of_broken_weights_are_marked():
    made = model()
    with torch.no_grad():
        made.network.interactions[0].after.bias.fill_(torch.nan)
    samples = made.sample(4, torch.Generator().manual_seed(0), Sampling())
    assert not samples.columns["finished"].any()
    assert np.isnan(samples.positions).all() and (samples.n_atoms == 1).all()
