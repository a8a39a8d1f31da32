"""Controls: sets of molecules whose scores are known beforehand, judged beside every model.

The test split is what a perfect model would generate. The adversaries must score badly: molecules copied from
the training split (not novel), real molecules with jittered atoms, and with displaced hydrogens.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tutti.benchmark.tables import WHOLE
from tutti.core.elements import HYDROGEN
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures

JITTER = 0.1  # Å, standard deviation of each coordinate
DISPLACEMENT = 0.3  # Å, of each hydrogen in a random direction


def jittered(molecules: Structures, rng: np.random.Generator) -> Structures:
    """Every coordinate moved by Gaussian noise of standard deviation `JITTER`."""
    return _moved(molecules, rng.normal(scale=JITTER, size=molecules.positions.shape))


def displaced_hydrogens(molecules: Structures, rng: np.random.Generator) -> Structures:
    """Every hydrogen moved by `DISPLACEMENT` in a random direction; heavy atoms stay."""
    steps = rng.normal(size=molecules.positions.shape)
    steps *= DISPLACEMENT / np.linalg.norm(steps, axis=1, keepdims=True)
    steps[molecules.numbers != HYDROGEN] = 0.0
    return _moved(molecules, steps)


def copied(molecules: Structures, rng: np.random.Generator) -> Structures:
    """The molecules as they are."""
    return _moved(molecules, np.zeros_like(molecules.positions))


CHANGES: dict[str, Callable[[Structures, np.random.Generator], Structures]] = {
    "copied_training": copied,
    "jittered": jittered,
    "displaced_hydrogens": displaced_hydrogens,
}
"""What happens to the molecules of each adversary."""


def control(name: str, molecules: Structures, n: int) -> Structures:
    """A control of `tutti.benchmark.tables`: a split as it is, an adversary of `n` molecules of it, or all
    of the data in random order, so that the first of them are a random sample.

    Args:
        name: of the control.
        molecules: of the part of the data that the declaration of the control names: the training molecules
            for those that show what copying gives, molecules that no model saw for the others.
        n: most molecules of an adversary.

    Raises:
        ValueError: when there are no molecules to draw from.
    """
    if name == WHOLE:
        return molecules[numpy_generator(0, f"control {name}").permutation(len(molecules))]
    return adversary(name, molecules, n, seed=0) if name in CHANGES else molecules


def adversary(name: str, molecules: Structures, n: int, seed: int) -> Structures:
    """At most `n` random, distinct ones of `molecules`, changed as the adversary `name` changes them.

    Raises:
        ValueError: when there are no molecules to draw from.
    """
    if not len(molecules):
        raise ValueError(f"control '{name}': there is no molecule to draw from; is the split empty?")
    rng = numpy_generator(seed, f"control {name}")
    rows = rng.permutation(len(molecules))[:n]  # in this order: a part of them is random too
    return CHANGES[name](molecules[rows], rng)


def _moved(molecules: Structures, steps: np.ndarray) -> Structures:
    """Energies and other columns belong to the unmoved molecules; bonds and charges stay what they are."""
    kept = {name: column for name, column in molecules.columns.items() if name == "charge"}
    moved = {"positions": molecules.positions + steps, "columns": kept, "units": {}}
    return replace(molecules, **moved, energy=None, forces=None, cell=None, pbc=None)
