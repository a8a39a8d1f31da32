"""Throughput of a model whose speed is known."""

import time

import numpy as np
import pytest

import toy_model
from tutti import registry
from tutti.throughput import ROUNDS, throughput_table


class Sleeper(toy_model.ToyModel):
    def sample(self, n, generator, settings):
        time.sleep(0.02 + 0.001 * n)
        return super().sample(n, generator, settings)


@pytest.fixture
def table(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "module", lambda kind, name: toy_model)
    monkeypatch.setattr(toy_model, "MODEL", Sleeper)
    Sleeper(toy_model.Config()).save(tmp_path)
    return throughput_table(
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
    assert seconds.loc["batch 20", "n"] == 20 * ROUNDS
    assert "cpu" in seconds.loc["batch 1", "note"]


def test_peak_memory_is_given(table):
    assert 10 < table.set_index("metric").loc["peak_memory", "value"] < 1e5
