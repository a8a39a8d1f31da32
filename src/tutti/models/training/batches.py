"""Which items make up the batches of training and validation."""

from functools import lru_cache

import numpy as np

from tutti.core.randomness import numpy_generator


def items_of_step(step: int, n_items: int, batch_size: int, seed: int) -> np.ndarray:
    """[batch_size] int: items of training step `step` (from 0).

    The steps cut an endless stream of epochs into batches; an epoch is a permutation of all items. All
    batches are full, every item comes once per epoch, and a batch follows from the number of its step alone.
    """
    epochs, places = np.divmod(np.arange(step * batch_size, (step + 1) * batch_size), n_items)
    return np.array([_permutation(n_items, seed, int(e))[i] for e, i in zip(epochs, places, strict=True)])


@lru_cache(maxsize=2)
def _permutation(n_items: int, seed: int, epoch: int) -> np.ndarray:
    return numpy_generator(seed, "epoch", epoch).permutation(n_items)


def validation_batches(n_items: int, batch_size: int, limit: int | None, seed: int) -> list[np.ndarray]:
    """Item numbers of each validation batch: of all items, or of a fixed random subset of `limit`."""
    n = min(n_items, limit or n_items)
    chosen = np.sort(numpy_generator(seed, "validation subset").choice(n_items, n, replace=False))
    return np.split(chosen, range(batch_size, n, batch_size))
