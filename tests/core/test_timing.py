"""Wall times and their means."""

import time

import numpy as np
import pytest
import torch

from tutti.core import timing

CPU = torch.device("cpu")


def test_a_call_is_timed_whole():
    assert timing.seconds(lambda: time.sleep(0.02), CPU) >= 0.02


def test_geometric_mean_with_its_t_interval():
    mean, low, high = timing.geometric_mean([1.0, 10.0, 100.0])
    half = 4.302653 * np.log(10) / np.sqrt(3)
    assert [mean, low, high] == pytest.approx([10, 10 * np.exp(-half), 10 * np.exp(half)], rel=1e-6)


def test_places_name_their_threads(monkeypatch):
    assert timing.where(CPU) == timing.on_threads(torch.get_num_threads())
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert timing.openmp().endswith(", 3 thread(s)")
