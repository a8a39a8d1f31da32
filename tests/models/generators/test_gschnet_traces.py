"""Traces of molecules against the rules, by hand and as plain loops."""

import numpy as np
import pytest
from gschnet_models import ETHANOL_NUMBERS, ETHANOL_POSITIONS, STOP, molecules
from scipy.stats import chisquare

from tutti.core.structures import Structures
from tutti.models.generators.connectivity import bonded
from tutti.models.generators.gschnet.traces import Traces, make_traces
from tutti.models.species import Species

SPECIES = Species(("H", "C", "O"))
MASSES = {1: 1.008, 6: 12.011, 8: 15.999}
H, C, O = range(3)

# Each step: atoms placed, place of the focus, next type. Atoms closest to the centre of mass first: the
# methylene carbon, O, the methyl carbon, the hydrogens of methylene, two of methyl, of O, the last of methyl.
NEAREST_FOCUS = [
    (0, 0, C), (1, 1, O), (2, 1, C), (3, 1, H), (4, 1, H), (5, 1, STOP), (5, 2, H), (6, 2, STOP), (6, 3, H),
    (7, 3, H), (8, 3, H), (9, 3, STOP), (9, 4, STOP), (9, 5, STOP), (9, 7, STOP), (9, 8, STOP), (9, 6, STOP),
    (9, 9, STOP),
]  # fmt: skip
NEAREST_ORDER = [1, 2, 0, 7, 8, 3, 5, 6, 4]
FARTHEST_FOCUS = [
    (0, 0, C), (1, 1, O), (2, 2, H), (3, 3, STOP), (3, 2, STOP), (3, 1, C), (4, 4, H), (5, 5, STOP),
    (5, 4, H), (6, 6, STOP), (6, 4, H), (7, 7, STOP), (7, 4, STOP), (7, 1, H), (8, 8, STOP), (8, 1, H),
    (9, 9, STOP), (9, 1, STOP),
]  # fmt: skip
FARTHEST_ORDER = [1, 2, 3, 0, 5, 6, 4, 7, 8]


class Prefers(np.random.Generator):
    """Draws such that the first, or the last, of the candidates is chosen."""

    def __init__(self, last: bool) -> None:
        super().__init__(np.random.PCG64(0))
        self.last = last

    def random(self, size: tuple[int, int]) -> np.ndarray:
        ramp = np.broadcast_to(np.arange(size[1]) / (size[1] + 1.0), size)
        return ramp[:, ::-1] if self.last else ramp


def centred(numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    masses = np.array([MASSES[int(z)] for z in numbers])
    return positions - masses @ positions / masses.sum()


@pytest.mark.parametrize(
    ("last", "steps", "order"),
    [(False, NEAREST_FOCUS, NEAREST_ORDER), (True, FARTHEST_FOCUS, FARTHEST_ORDER)],
)
def test_trace_of_ethanol_written_out(last, steps, order):
    structures = Structures.from_frames([(ETHANOL_NUMBERS, ETHANOL_POSITIONS + 5.0)])
    traces = make_traces(structures, np.array([0]), SPECIES, Prefers(last))
    found = np.stack([traces.placed[0], traces.focus[0], traces.target[0]], axis=1)
    assert list(map(tuple, found.tolist())) == steps
    expected = centred(np.array(ETHANOL_NUMBERS), ETHANOL_POSITIONS)[order]
    np.testing.assert_allclose(traces.positions[0], expected, atol=1e-12)
    assert traces.species[0].tolist() == SPECIES.of(np.array(ETHANOL_NUMBERS)[order]).tolist()


def replay(numbers: np.ndarray, positions: np.ndarray, traces: Traces, row: int) -> None:
    """Go through the rules atom by atom, with the foci of the trace, and assert every step."""
    n, where = len(numbers), centred(numbers, positions)
    radii = [float(np.linalg.norm(p)) for p in where]
    bonds = bonded(numbers, np.linalg.norm(where[:, None] - where, axis=-1))
    order, finished = [], set()
    for step in range(2 * n):
        assert traces.placed[row, step] == len(order)
        place = traces.focus[row, step]
        if step == 0:
            waiting = [min(range(n), key=radii.__getitem__)]
            assert place == 0
        else:
            focus = order[place - 1]
            assert focus not in finished
            waiting = [a for a in range(n) if bonds[focus, a] and a not in order]
        if waiting:
            following = min(waiting, key=radii.__getitem__)
            assert traces.target[row, step] == SPECIES.of(numbers[[following]])[0]
            order.append(following)
        else:
            assert traces.target[row, step] == STOP
            finished.add(focus)
    assert finished == set(range(n))
    np.testing.assert_allclose(traces.positions[row, :n], where[order], atol=1e-12)
    assert traces.species[row, :n].tolist() == SPECIES.of(numbers[order]).tolist()
    assert traces.steps[row].tolist() == [step < 2 * n for step in range(traces.placed.shape[1])]


def test_traces_keep_the_rules():
    rng, structures = np.random.default_rng(1), molecules()
    noise = rng.normal(scale=0.02, size=structures.positions.shape)
    structures.positions[:] += noise
    rows = np.tile(np.arange(5), 20)
    traces = make_traces(structures, rows, SPECIES, rng)
    for i, row in enumerate(rows):
        replay(*structures.frame(row), traces, i)


def test_foci_are_drawn_uniformly():
    """Of formaldehyde's two unfinished atoms in its third step, C and O."""
    structures = molecules()[4:]
    traces = make_traces(structures, np.zeros(2000, dtype=int), SPECIES, np.random.default_rng(0))
    assert chisquare(np.bincount(traces.focus[:, 2], minlength=3)[1:]).pvalue > 1e-3


def test_far_pieces_are_joined_and_unknown_elements_refused():
    apart = Structures.from_frames([([6, 8, 1], [[0, 0, 0], [0, 0, 6.0], [0, 0, 7.0]])])
    traces = make_traces(apart, np.array([0]), SPECIES, np.random.default_rng(0))
    replay(*apart.frame(0), traces, 0)
    fluorine = Structures.from_frames([([9], [[0, 0, 0]])])
    with pytest.raises(ValueError, match="F, which the model does not know"):
        make_traces(fluorine, np.array([0]), SPECIES, np.random.default_rng(0))
