"""The mean energies of PoseBusters' ensembles of conformers, each made once.

The library makes an ensemble of a molecule's InChI alone, with a fixed seed, and keeps it by that name: the
order of the atoms and their places do not enter. But it keeps it in one process only, and none that it fails
to make, which take longest. Here the mean, which is all that a verdict needs, goes from process to process.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from posebusters.modules import energy_ratio

MOST = 100_000
"""Means that are kept, some hundred bytes each."""

_make = energy_ratio.get_energies.__wrapped__  # the library keeps fifty numbers of each, without a bound
_known: dict[str, float] = {}
_made: list[tuple[str, float]] = []


@contextmanager
def kept() -> Iterator[list[tuple[str, float]]]:
    """Let the library take what is known and make the rest. Yields what it makes meanwhile, for `learn`."""
    library = energy_ratio.get_energies
    energy_ratio.get_energies = _energies
    _made.clear()
    try:
        yield _made
    finally:
        energy_ratio.get_energies = library


def learn(key: str, mean: float) -> None:
    """Keep what another process has made; the longest known is forgotten when there are too many."""
    _known[key] = mean
    if len(_known) > MOST:
        del _known[next(iter(_known))]


def _energies(inchi: str, n_confs: int, num_threads: int) -> list[float]:
    """In place of the library's fifty energies their mean; it takes the mean of what it is given.

    Raises:
        ValueError: when the library cannot make the ensemble.
    """
    key = f"{n_confs} {inchi}"
    if key not in _known:
        learn(key, _mean(inchi, n_confs, num_threads))
        _made.append((key, _known[key]))
    if np.isnan(_known[key]):
        raise ValueError("there is no ensemble")
    return [_known[key]]


def _mean(inchi: str, n_confs: int, num_threads: int) -> float:
    """kcal/mol; NaN where the library fails, which it does again with its fixed seed."""
    try:
        energies = _make(inchi, n_confs, num_threads)
        return sum(energies) / len(energies)
    except MemoryError:
        raise
    except Exception:
        return np.nan
