"""Throughput of a model whose speed is known."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

import toy_model
from tutti.benchmark.samples import throughput
from tutti.core import timing
from tutti.core.hardware import hardware


class Sleeper(toy_model.ToyModel):
    def sample(self, n, generator, settings):
        time.sleep(0.02 + 0.001 * n)
        return super().sample(n, generator, settings)


@pytest.fixture
def table(toy_in_the_registry, monkeypatch, tmp_path):
    monkeypatch.setattr(toy_model, "MODEL", Sleeper)
    Sleeper(toy_model.Config()).save(tmp_path)
    return throughput.table(
        tmp_path, [1, 20], seed=0, settings={}, model="toy", dataset="data", accelerator="cpu"
    )


def test_seconds_per_molecule_and_their_inverse(table):
    rows = table.set_index(["metric", "subset"])
    seconds, rate = rows.loc["sampling_time"], rows.loc["molecules_per_second"]
    # A busy machine is slower than the sleeps, never faster.
    assert seconds.loc["batch 1", "value"] >= 0.021
    assert seconds.loc["batch 20", "value"] >= 0.002
    np.testing.assert_allclose(rate["value"] * seconds["value"], 1)
    np.testing.assert_allclose(rate["ci_low"] * seconds["ci_high"], 1)
    assert (seconds["ci_low"] <= seconds["value"]).all() and (seconds["value"] <= seconds["ci_high"]).all()
    assert seconds.loc["best batch", "value"] == seconds["value"].min()
    assert seconds.loc["batch 20", "n"] == 20 * throughput.ROUNDS
    assert seconds.loc["batch 1", "note"].startswith(f"on {hardware()['processor']}, ")


def test_peak_memory_is_given(table):
    row = table.set_index("metric").loc["peak_memory"]
    assert 10 < row["value"] < 1e5
    assert row["note"].endswith("; of the whole process")


@pytest.fixture
def seconds(toy_in_the_registry, monkeypatch, tmp_path):
    """{subset: sampling time} of a model whose batches take known times."""

    def measure(times):
        """`times` by batch size: s for each batch of that size, the first one first."""
        now, left = [0.0], {size: iter(durations) for size, durations in times.items()}

        class Timed(toy_model.ToyModel):
            def sample(self, n, generator, settings):
                now[0] += next(left[n])
                return super().sample(n, generator, settings)

        monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: now[0]))
        monkeypatch.setattr(toy_model, "MODEL", Timed)
        Timed(toy_model.Config()).save(tmp_path)
        names = {"model": "toy", "dataset": "data"}
        made = throughput.table(tmp_path, list(times), seed=0, settings={}, accelerator="cpu", **names)
        return made[made["metric"] == "sampling_time"].set_index("subset")["value"]

    return measure


def test_the_first_batch_of_each_size_is_not_counted(seconds):
    warm = {1: [0.5] * throughput.ROUNDS, 10: [2.0] * throughput.ROUNDS}
    steady = seconds({size: [times[0], *times] for size, times in warm.items()})
    slow_at_first = seconds({size: [100.0, *times] for size, times in warm.items()})
    assert steady.to_dict() == pytest.approx({"batch 1": 0.5, "batch 10": 0.2, "best batch": 0.2})
    assert slow_at_first.to_dict() == pytest.approx(steady.to_dict())


def test_the_best_batch_is_that_of_the_smallest_reported_time(seconds):
    """One slow batch of size 1: its arithmetic mean is above that of size 2, its geometric mean below."""
    found = seconds({1: [1.0] * throughput.ROUNDS + [10.0], 2: [4.0] * (throughput.ROUNDS + 1)})
    assert found["batch 1"] == pytest.approx(10 ** (1 / throughput.ROUNDS))
    assert found["best batch"] == found["batch 1"] < found["batch 2"] == pytest.approx(2)
