"""The modules behind benchmarks/gpu.py."""

import json
import time
import warnings
from contextlib import suppress

import numpy as np
import pytest
import torch
from device import cost, inputs, record, trainings
from device.clock import OutOfTime, limit, share
from safetensors.torch import load_file

from tutti.core.structures import Structures
from tutti.io import extxyz
from tutti.io.labels import Labels
from tutti.models import base

CPU = torch.device("cpu")


def test_flops_and_bytes_of_a_product_are_counted():
    a, b = torch.zeros(3, 5), torch.zeros(5, 7)
    counted = cost.count(lambda: torch.relu_(a.T.mT @ b))
    assert counted["flops"] == 2 * 3 * 5 * 7
    product = 3 * 5 + 5 * 7 + 3 * 7
    assert counted["op_bytes"] == 4 * (product + 2 * 3 * 7)  # relu_ reads and writes, views are free


def test_flops_of_a_backward_pass_are_counted():
    x, layer = torch.ones(4, 3), torch.nn.Linear(3, 2, bias=False)
    forward = cost.count(lambda: layer(x))
    both = cost.count(lambda: layer(x).sum().backward())
    assert both["flops"] == 2 * forward["flops"] == 2 * (2 * 4 * 3 * 2)


def test_waits_are_what_torch_warns_of(monkeypatch):
    modes = ["default"]
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: modes[-1])
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)

    def step() -> None:
        assert modes[-1] == "warn"
        for _ in range(3):
            warnings.warn("called a synchronizing CUDA operation (Triggered internally)", stacklevel=1)
        warnings.warn("something else", stacklevel=1)

    assert cost.waits(step, torch.device("cuda")) == 3 and modes == ["default", "warn", "default"]
    assert cost.waits(lambda: None, torch.device("cuda")) == 0
    with pytest.raises(ZeroDivisionError):
        cost.waits(lambda: 1 / 0, torch.device("cuda"))
    assert modes[-1] == "default" and cost.waits(step, CPU) is None


def test_least_bytes_are_weights_and_batch():
    layer = torch.nn.Linear(3, 2)
    values = {"x": torch.zeros(10), "y": (torch.zeros(5, dtype=torch.float64),)}
    assert cost.least_bytes(layer, values) == 4 * 8 + 40 + 40
    assert cost.least_bytes(layer, training=True) == cost.TRAINING_PASSES * 32


def test_rates_give_the_time_that_is_needed():
    rates = {"flops": 10.0, "bytes": 2.0}
    found = cost.beside({"seconds": 8.0}, {"flops": 20.0, "op_bytes": 8.0, "least_bytes": 1.0}, rates)
    assert (found["flops_seconds"], found["op_bytes_seconds"], found["least_bytes_seconds"]) == (
        2.0,
        4.0,
        0.5,
    )
    assert found["fraction"] == 0.5
    measured = cost.measure_rates(CPU)
    assert measured["flops"] > 1e8 and measured["bytes"] > 1e8


def spin():
    """Waste time where every `Exception` is taken for an error to go on from."""
    while True:
        with suppress(Exception):
            sum(range(1000))


def test_a_limit_ends_what_takes_too_long():
    started = time.time()
    with pytest.raises(OutOfTime), limit(started + 0.2):
        spin()
    assert 0.2 <= time.time() - started < 5.0


def test_of_nested_limits_the_earliest_counts_and_the_outer_one_stays():
    started = time.time()
    with pytest.raises(OutOfTime), limit(started + 0.6):
        with pytest.raises(OutOfTime), limit(started + 0.2):
            spin()
        assert time.time() < started + 0.6
        spin()
    with pytest.raises(OutOfTime), limit(time.time() + 0.2), limit(time.time() + 1000.0):
        spin()
    with limit(time.time() + 0.1):
        pass
    time.sleep(0.2)  # no signal is left


def test_shares_are_equal_and_never_negative():
    now = time.time()
    assert share(now + 40.0, 4) == pytest.approx(now + 10.0, abs=0.1)
    assert share(now - 40.0, 4) == pytest.approx(now, abs=0.1)


def test_the_file_of_a_part_names_every_task_at_any_time(tmp_path):
    path = tmp_path / "part.json"
    part = record.Part(path, ["done", "nan", "slow", "raises", "left"], CPU, {"device": "here"})

    def read():
        return json.loads(path.read_text())

    assert read()["pending"] == ["done", "nan", "slow", "raises", "left"]
    end = time.time() + 100.0
    assert part.attempt("done", lambda: {"passed": True}, end)["passed"]
    assert part.sound
    part.attempt("nan", lambda: {"passed": False, "deviation": float("nan")}, end)
    assert not part.sound
    assert part.attempt("slow", spin, time.time() + 0.1) is None
    assert part.attempt("raises", lambda: {}["key"], end) is None
    content = read()
    assert content["results"]["nan"]["deviation"] == "nan"
    assert content["skipped"] == ["slow"]
    assert content["failed"]["raises"].startswith("KeyError: 'key' (test_device.py:")
    assert content["pending"] == ["left"]
    again = record.Part(path, ["done", "nan", "slow", "raises", "left"], CPU, {"device": "here"})
    assert again.attempt("done", spin, end)["passed"]  # not done again
    assert again.content["pending"] == ["left"]


def test_a_device_that_does_not_work_is_found():
    assert record._works(CPU)
    assert not record._works(torch.device("meta"))  # it has no numbers


@pytest.mark.parametrize("n", [21, 100, 1000])
def test_water_has_its_density_and_no_atoms_on_top_of_each_other(n):
    frame = inputs.water(n)
    assert len(frame) == 1 and frame.n_atoms[0] == n
    numbers, positions = frame.frame(0)
    assert (numbers[::3] == 8).all() and (np.delete(numbers, np.s_[::3]) == 1).all()
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)[np.triu_indices(n, 1)]
    assert distances.min() > 0.9
    bonds = np.linalg.norm(positions[1::3] - positions[::3][: len(positions[1::3])], axis=1)
    np.testing.assert_allclose(bonds, np.linalg.norm(inputs.WATER[1]))


def test_large_weights_are_rounded_and_can_be_loaded(tmp_path, monkeypatch):
    structures = Structures.load(inputs.FRAMES)[:20]
    model = inputs.make("forcefields", inputs.catalogue()["schnet_tiny"], structures)
    model.save(tmp_path)
    path = tmp_path / base.WEIGHTS
    size, before = path.stat().st_size, load_file(path)
    assert trainings.shrink(path) == {"bytes": size, "rounded": None}
    monkeypatch.setattr(trainings, "LARGEST", size - 1)
    assert trainings.shrink(path)["bytes"] == path.stat().st_size < 0.6 * size
    for name, value in base.load(tmp_path).state_dict().items():
        assert value.dtype == before[name].dtype
        torch.testing.assert_close(value, before[name], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("step", "chosen"),
    [({"": 0.01}, "edm"), ({"": 1.0, "_demo": 0.01}, "edm_demo"), ({"": 9.0, "_demo": 9.0}, "edm_demo")],
)
def test_the_size_is_chosen_by_the_epochs_that_fit(monkeypatch, step, chosen):
    catalogue = {
        f"edm{size}": {"training": {"batch_size": 10}, "step": step.get(size)} for size in ("", "_demo")
    }
    monkeypatch.setattr(trainings, "_time_steps", lambda entry, *_: (entry["step"], 1000))
    plan = trainings.choose(catalogue, None, CPU, 3.0, time.time() + 60.0)
    assert plan.name == chosen and plan.step_seconds == step[chosen.removeprefix("edm")]
    # 60 s · 0.6 · 0.85 of them in steps of 10 of 1,000 items.
    assert plan.epochs == pytest.approx(0.306 / plan.step_seconds, rel=1e-3)
    assert list(plan.tried)[-1] == chosen


def test_the_schedule_ends_with_the_time():
    entry = inputs.catalogue()["gschnet"]
    plan = trainings.Plan("gschnet", entry, 0.01, 5.0, {}, "")
    config = trainings.schedule(plan, 100.0)
    assert config.steps == int(0.85 * 100.0 / 0.01) - trainings.VALIDATIONS * trainings.VALIDATION_BATCHES
    assert config.schedule == "cosine" and config.warmup_steps == config.steps // 20
    assert config.batch_size == entry["training"]["batch_size"]
    assert config.validation_every == config.checkpoint_every == config.steps // trainings.VALIDATIONS
    assert trainings.schedule(plan, 1e-3).steps == 2


def test_a_training_that_is_cut_keeps_the_weights_of_its_last_checkpoint(tmp_path, monkeypatch):
    structures = Structures.load(inputs.MOLECULES)[:40]
    entry = inputs.catalogue()["gschnet_tiny"]
    plan = trainings.Plan("gschnet_tiny", entry, 1e-3, 9.0, {}, "")

    whole, schedule = trainings.train, trainings.schedule

    def cut(*arguments, **options):
        whole(*arguments, **options)
        raise OutOfTime

    monkeypatch.setattr(trainings, "schedule", lambda *_: schedule(plan, 1e-3))
    monkeypatch.setattr(trainings, "train", cut)
    splits = trainings.split(structures)
    result = trainings.run_training(plan, structures, splits, CPU, tmp_path, time.time() + 100.0)
    assert result["ended"].startswith("stopped by the clock")
    assert base.load(tmp_path).module == "gschnet"


def test_the_samples_that_there_is_time_for_are_written(tmp_path, monkeypatch):
    class Slow:
        def sample(self, n, generator, settings):
            time.sleep(0.2)
            carbon = (np.array([6]), np.zeros((1, 3)))
            return Structures.from_frames([carbon] * n, columns={"finished": np.ones(n, bool)})

    monkeypatch.setattr(trainings.base, "load", lambda *_: Slow())
    entry, end = inputs.catalogue()["edm_tiny"], time.time() + 3.0
    part = record.Part(tmp_path / "part.json", ["samples"], CPU, {})
    result = part.attempt("samples", lambda: trainings.run_sampling(entry, tmp_path, CPU, end), end)
    assert result["batch"] <= result["n"] < result["wanted"] == 1000
    assert result["finished"] == result["n"] and result["not_finite"] == 0
    assert len(list(extxyz.frames(tmp_path / "samples.extxyz", {}, Labels()))) == result["n"]
