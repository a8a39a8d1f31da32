import numpy as np
import torch

from tutti.core.randomness import numpy_generator, torch_generator

STREAMS = [(0, "noise"), (0, "noise", 0), (0, "noise", 0, 0), (0, "noise", 1), (1, "noise"), (0, "batches")]
STREAMS += [(0, "noise", 5), (0, "noise", 5, 1), (0, "noise", 5 + 2**32), (2**32, "noise"), (-1, "noise")]

PINNED_NUMPY = [362369, 72063, 310200]
PINNED_TORCH = [345019, 254285, 745649]


def test_the_same_stream_gives_the_same_numbers():
    assert np.array_equal(numpy_generator(3, "x", 1).random(8), numpy_generator(3, "x", 1).random(8))
    first, again = (torch.rand(8, generator=torch_generator(3, "x", 1)) for _ in range(2))
    assert torch.equal(first, again)


def test_all_streams_differ_also_by_a_trailing_zero():
    drawn = {numpy_generator(*stream).integers(2**63) for stream in STREAMS}
    assert len(drawn) == len(STREAMS)
    seeds = {torch_generator(*stream).initial_seed() for stream in STREAMS}
    assert len(seeds) == len(STREAMS)


def test_streams_are_pinned_so_that_results_stay_reproducible():
    assert numpy_generator(0, "noise").integers(10**6, size=3).tolist() == PINNED_NUMPY
    generator = torch_generator(0, "noise")
    assert torch.randint(10**6, (3,), generator=generator).tolist() == PINNED_TORCH


def test_numpy_integers_may_be_seeds():
    assert numpy_generator(np.int64(4), "x", np.int32(2)).random() == numpy_generator(4, "x", 2).random()


def test_global_state_is_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    torch.rand(2, generator=torch_generator(0, "x")), numpy_generator(0, "x").random()
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])
