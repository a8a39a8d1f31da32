"""Completion: fragments, and models that can and cannot complete."""

import json

import numpy as np
import pytest
import torch

import toy_model
from table_names import NAMES
from tutti.benchmark.samples.completion import table
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.structures import Structures
from tutti.models.generators.completion import complete_to_file, without_one_hydrogen


def molecules():
    rng = np.random.default_rng(0)
    kinds = [[6, 1, 1, 1, 1], [8, 1, 1], [6, 8], [1, 1], [1]] * 8
    return Structures.from_frames([(kind, rng.normal(size=(len(kind), 3))) for kind in kinds])


def test_one_hydrogen_is_removed_and_nothing_else_changes():
    whole = molecules()
    fragments = without_one_hydrogen(whole, 100, np.random.default_rng(0))
    assert len(fragments) == 24  # carbon monoxide and the lone hydrogen have none to lose
    originals = [whole.frame(i) for i in range(len(whole))]
    for i in range(len(fragments)):
        numbers, positions = fragments.frame(i)
        rest = {row.tobytes() for row in positions}
        (source,) = [f for f in originals if rest < {row.tobytes() for row in f[1]}]
        (removed,) = [k for k, row in enumerate(source[1]) if row.tobytes() not in rest]
        assert source[0][removed] == 1
        np.testing.assert_array_equal(numbers, np.delete(source[0], removed))


def test_which_hydrogen_is_random():
    first = Structures.from_frames([([6, 1, 1, 1, 1], np.arange(15.0).reshape(5, 3))] * 200)
    fragments = without_one_hydrogen(first, 200, np.random.default_rng(0))
    sums = fragments.positions.reshape(200, 4, 3).sum(axis=(1, 2))
    assert set(np.unique(sums, return_counts=True)[1] > 30) == {True} and len(np.unique(sums)) == 4


def test_which_molecules_is_random():
    rng = np.random.default_rng(0)
    # Molecule k stands k Å from the origin.
    lines = [([6, 1], [[k, 0, 0], [k, 1, 0]]) for k in range(20)]
    whole = Structures.from_frames([(np.array(kinds), np.array(place, float)) for kinds, place in lines])
    draws = [without_one_hydrogen(whole, 5, rng).positions[:, 0].astype(int) for _ in range(400)]
    assert all(len(set(rows)) == 5 for rows in draws)
    counts = np.bincount(np.concatenate(draws), minlength=20)
    assert np.abs(counts - 100).max() < 5 * np.sqrt(100)  # each is in a quarter of the draws


class Completer(toy_model.ToyModel):
    @torch.no_grad()
    def complete(self, fragments, generator, settings):
        step = torch.randn(3, generator=generator).numpy()
        frames = [fragments.frame(i) for i in range(len(fragments))]
        grown = [(np.append(z, 1), np.vstack([x, x[-1] + step])) for z, x in frames]
        return Structures.from_frames(grown, columns={"finished": np.ones(len(grown), bool)})


@pytest.fixture
def complete(toy_in_the_registry, monkeypatch, tmp_path):
    def run(model, out="done.npz", **changes):
        monkeypatch.setattr(toy_model, "MODEL", model)
        model(toy_model.Config()).save(tmp_path / "weights")
        arguments = {"n": 10, "seed": 1, "batch_size": 4, "settings": {}, "accelerator": "cpu"} | changes
        complete_to_file(tmp_path / "weights", molecules(), tmp_path / out, **arguments)
        return Structures.load(tmp_path / out), json.loads((tmp_path / out).with_suffix(".json").read_text())

    return run


def test_completed_molecules_and_their_sidecar(complete, tmp_path):
    done, record = complete(Completer)
    assert len(done) == 10
    assert (record["n"], record["seed"], record["seconds_per_molecule"] > 0) == (10, 1, True)
    assert not (tmp_path / "done.parts").exists()
    again, _ = complete(Completer, out="again.npz")
    other, _ = complete(Completer, out="other.npz", seed=2)
    assert done.digest == again.digest != other.digest


def test_a_model_that_cannot_complete_is_refused(complete):
    with pytest.raises(ValueError, match="'toy_model' makes whole molecules: it cannot complete"):
        complete(toy_model.ToyModel)


def test_the_rate_is_the_share_of_valid_completions():
    verdicts = assign_all(molecules(), "xyz2mol", jobs=1, progress=False)
    (row,) = table({"train": verdicts}, **NAMES).itertuples()
    assert (row.value, row.n) == (verdicts["valid"].mean(), len(verdicts))


def test_no_hydrogen_at_all_is_refused(complete, monkeypatch):
    monkeypatch.setattr("test_completion.molecules", lambda: Structures.from_frames([([6, 8], np.eye(2, 3))]))
    with pytest.raises(ValueError, match="has a hydrogen that could be removed"):
        complete(Completer)
