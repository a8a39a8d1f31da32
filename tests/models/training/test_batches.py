import numpy as np
import pytest

from tutti.models.training.batches import items_of_step, validation_batches


@pytest.mark.parametrize(("n_items", "batch_size"), [(10, 3), (10, 10), (3, 7), (1, 4)])
def test_every_epoch_sees_every_item_once(n_items, batch_size):
    steps = range(4 * n_items)
    stream = np.concatenate([items_of_step(step, n_items, batch_size, seed=5) for step in steps])
    assert len(stream) == 4 * n_items * batch_size
    epochs = stream.reshape(-1, n_items)
    assert (np.sort(epochs, axis=1) == np.arange(n_items)).all()
    if n_items == 10:
        assert len(np.unique(epochs, axis=0)) > len(epochs) // 2


def test_items_depend_on_the_seed_and_not_on_earlier_calls():
    late = items_of_step(77, 10, 3, seed=5)
    items_of_step(3, 10, 3, seed=6)
    assert (items_of_step(77, 10, 3, seed=5) == late).all()
    assert (np.stack([items_of_step(s, 10, 3, 5) for s in range(5)]) != items_of_step(0, 10, 3, 6)).any()


def test_validation_batches():
    whole = validation_batches(10, 4, None, seed=0)
    assert [len(batch) for batch in whole] == [4, 4, 2]
    assert (np.concatenate(whole) == np.arange(10)).all()
    subset = np.concatenate(validation_batches(1000, 4, 50, seed=0))
    assert len(np.unique(subset)) == 50 and subset.max() > 500
    assert (subset != np.concatenate(validation_batches(1000, 4, 50, seed=1))).any()
    assert len(np.concatenate(validation_batches(10, 4, 50, seed=0))) == 10
