import numpy as np
import pytest
from scipy.stats import chisquare

from tutti.core.structures import Structures
from tutti.models.generators.symphony.fragments import Fragments, make_fragments
from tutti.models.species import Species

ELEMENTS = np.array([1, 6, 8])
SPECIES = Species(["H", "C", "O"])
SPECIES_OF = {1: 0, 6: 1, 8: 2}


def molecules() -> Structures:
    """Methanol-like clusters with random geometry (no two distances alike), H2, and a lone oxygen."""
    rng = np.random.default_rng(0)
    numbers = [[6, 8, 1, 1, 1, 1], [1, 1], [8], [6, 6, 8, 1, 1, 1, 1], [1, 6, 1, 1, 1]]
    return Structures.from_frames([(z, 1.5 * rng.random((len(z), 3))) for z in numbers])


def make(structures: Structures, items: np.ndarray, seed: int = 0, **settings: object) -> Fragments:
    settings = {"tolerance": 0.3, "heavy_first": True, "max_radius": 2.0} | settings
    return make_fragments(structures, items, SPECIES, np.random.default_rng(seed), **settings)


def candidates(
    distances: np.ndarray, placed: list[int], numbers: np.ndarray, tolerance: float, heavy_first: bool
) -> set[tuple[int, int]]:
    """Candidate pairs (placed, unplaced), written as loops."""
    left = [a for a in range(len(numbers)) if a not in placed]
    if heavy_first and any(numbers[a] > 1 for a in left):
        left = [a for a in left if numbers[a] > 1]
    pairs = [(f, a) for f in placed for a in left]
    nearest = min((distances[p] for p in pairs), default=0.0)
    return {p for p in pairs if distances[p] <= nearest + tolerance}


@pytest.mark.parametrize("heavy_first", [True, False])
@pytest.mark.parametrize("tolerance", [0.0, 0.3])
def test_fragments_equal_the_rules_written_as_loops(heavy_first, tolerance):
    structures = molecules()
    items = np.tile(np.arange(len(structures.numbers)), 20)
    fragments = make(structures, items, tolerance=tolerance, heavy_first=heavy_first)
    starts = np.cumsum(fragments.n_atoms) - fragments.n_atoms
    for b, item in enumerate(items):
        molecule = int(np.searchsorted(structures.offsets, item, side="right")) - 1
        numbers, positions = structures.frame(molecule)
        distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
        rows = slice(starts[b], starts[b] + fragments.n_atoms[b])
        assert fragments.n_atoms[b] == item - structures.offsets[molecule] + 1
        placed = [int(np.flatnonzero((positions == x).all(1))[0]) for x in fragments.positions[rows]]
        assert len(set(placed)) == len(placed)
        assert (ELEMENTS[fragments.species[rows]] == numbers[placed]).all()
        if heavy_first and (numbers > 1).any():
            assert numbers[placed[0]] > 1
        for k in range(1, len(placed)):
            pairs = candidates(distances, placed[:k], numbers, tolerance, heavy_first)
            assert placed[k] in {a for _, a in pairs}

        pairs = candidates(distances, placed, numbers, tolerance, heavy_first)
        assert fragments.stop[b] == (len(placed) == len(numbers)) == (not pairs)
        expected = np.zeros((len(placed), 3))
        for f, a in pairs:
            expected[placed.index(f), SPECIES_OF[numbers[a]]] += 1 / len(pairs)
        np.testing.assert_allclose(fragments.choices[rows], expected, atol=1e-12)
        if pairs:
            focus = placed[fragments.focus[b] - starts[b]]
            targets = {
                a for f, a in pairs if f == focus and SPECIES_OF[numbers[a]] == fragments.target_species[b]
            }
            found = fragments.target_vectors[fragments.target_fragment == b]
            assert len(found) == len(targets) > 0
            vectors = {tuple(np.round(positions[a] - positions[focus], 9)) for a in targets}
            assert {tuple(np.round(v, 9)) for v in found} == vectors
        else:
            assert not (fragments.target_fragment == b).any()


def test_choice_of_focus_and_target_is_uniform_over_candidate_pairs():
    structures = molecules()
    fragments = make(structures, np.full(4000, structures.offsets[3]), tolerance=5.0, heavy_first=False)
    # All six other atoms are candidates around the one placed: species are drawn as often as they occur.
    per_first = [
        np.bincount(fragments.target_species[fragments.species[::1] == s], minlength=3) for s in (1, 2)
    ]
    for counts, others in zip(per_first, ([4, 1, 1], [4, 2, 0]), strict=True):
        expected = counts.sum() * np.array(others) / 6
        kept = expected > 0
        assert counts[~kept].sum() == 0
        assert chisquare(counts[kept], expected[kept]).pvalue > 1e-3


def test_targets_beyond_the_models_range_are_left_out_unless_they_are_the_closest():
    line = Structures.from_frames([([6, 6, 6], [[0, 0, 0], [0, 0, 1.9], [0, 2.1, 0]])])
    fragments = make(line, np.full(50, 0), tolerance=0.5)
    starts_at_corner = (fragments.positions == 0).all(1)
    first = fragments.target_vectors[starts_at_corner[fragments.target_fragment]]
    assert len(first) == starts_at_corner.sum()
    assert (np.abs(first[:, 2] - 1.9) < 1e-12).all()
    far = make(Structures.from_frames([([6, 6], [[0, 0, 0], [0, 0, 3.0]])]), np.zeros(5, int))
    assert len(far.target_vectors) == 5


def test_orders_are_fresh_and_seeded():
    structures = molecules()
    items = np.full(30, structures.offsets[4] - 1)
    first, same, other = make(structures, items), make(structures, items), make(structures, items, seed=1)
    assert np.array_equal(first.positions, same.positions)
    assert not np.array_equal(first.positions, other.positions)
