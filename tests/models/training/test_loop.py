import csv
import hashlib
import json
import math
import os
import pickle
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

import tutti.models.base
from toy_model import BIAS, WEIGHT, Config, ToyModel, data, divide, new_model, train_toy
from tutti.models.training import gradients, loop
from tutti.models.training.batches import items_of_step
from tutti.models.training.config import learning_rate
from tutti.models.training.loop import TrainingConfig, train

PLATEAU = {"schedule": "plateau", "decay_factor": 0.5, "patience": 2, "validation_every": 3}


def rows(out, split=None):
    with (out / "log.csv").open() as file:
        return [row for row in csv.DictReader(file) if split in (None, row["split"])]


def log_without_seconds(out):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows(out)]


def checkpoint(out, group):
    tensors = load_file(out / "last.ckpt")
    return {name.removeprefix(f"{group}/"): t for name, t in tensors.items() if name.startswith(f"{group}/")}


def read_step(out):
    with safe_open(out / "last.ckpt", "pt") as file:
        return json.loads(file.metadata()["tutti"])["state"]["step"]


def assert_same_training(out, reference):
    """Equal to the last bit, but for the wall time."""
    assert (out / "weights.safetensors").read_bytes() == (reference / "weights.safetensors").read_bytes()
    assert log_without_seconds(out) == log_without_seconds(reference)
    tensors, expected = load_file(out / "last.ckpt"), load_file(reference / "last.ckpt")
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, expected[name]), name


def interrupt_after(monkeypatch, batches):
    collate, remaining = ToyModel.collate, iter(range(batches))

    def interrupted(*arguments):
        if next(remaining, None) is None:
            raise KeyboardInterrupt
        return collate(*arguments)

    monkeypatch.setattr(ToyModel, "collate", interrupted)


def run_script(out, *arguments):
    command = [sys.executable, str(Path(__file__).parents[2] / "toy_model.py"), str(out), *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_snapshots_are_the_weights_of_a_shorter_training(tmp_path, monkeypatch):
    settings = {"ema_decay": 0.9, "validation_every": 8, "checkpoint_every": 10}
    whole, shorter, resumed = (tmp_path / name for name in ("whole", "shorter", "resumed"))
    train_toy(whole, steps=40, snapshots=(0.25, 0.7), **settings)
    for share, steps in (("0.25", 10), ("0.7", 28)):
        train_toy(shorter / share, steps=steps, **settings)
        for name in ("weights.safetensors", "config.json"):
            kept = whole / "snapshots" / share / name
            assert kept.read_bytes() == (shorter / share / name).read_bytes()
    # Killed after the first one was kept, and all files of the training lost but the checkpoint.
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        interrupt_after(patched, 30)
        train_toy(resumed, steps=40, snapshots=(0.25, 0.7), **settings)
    assert 10 <= read_step(resumed) < 28
    shutil.rmtree(resumed / "snapshots")
    train_toy(resumed, steps=40, snapshots=(0.25, 0.7), **settings)
    for share in ("0.25", "0.7"):
        name = f"snapshots/{share}/weights.safetensors"
        assert (resumed / name).read_bytes() == (whole / name).read_bytes()
    found = json.loads((resumed / "train.json").read_text())
    moments = [*found["snapshots"].values(), found]
    assert [each["step"] for each in moments] == [10, 28, 40]
    for clock in ("seconds", "processor_seconds"):
        times = [each[clock] for each in moments]
        assert times == sorted(times)
        assert times[0] > 0


def test_snapshots_outside_a_training_are_refused():
    for share in (0.0, 1.0, -0.5):
        with pytest.raises(ValueError, match="must be shares between 0 and 1"):
            TrainingConfig(steps=10, snapshots=(share,))


def test_training_finds_the_regression(tmp_path):
    train_toy(tmp_path, steps=600, schedule="cosine", validation_every=10)
    weights = load_file(tmp_path / "weights.safetensors")
    np.testing.assert_allclose(weights["linear.weight"][0], WEIGHT, atol=1e-3)
    np.testing.assert_allclose(weights["linear.bias"] + weights["mean"], BIAS, atol=1e-3)
    losses = [float(row["loss"]) for row in rows(tmp_path, "valid")]
    assert losses[-1] < 1e-5 < 0.1 < losses[0]


def test_log_has_the_mean_training_loss_and_the_validation_loss(tmp_path):
    train_toy(tmp_path, steps=50, learning_rate=1e-30)  # the weights stay as they are
    assert [(row["step"], row["split"]) for row in rows(tmp_path)] == [
        (str(step), split) for step in (20, 40, 50) for split in ("train", "valid")
    ]
    structures, model = data(), new_model()
    splits = divide(structures)
    with torch.no_grad():
        predicted = model.linear(torch.tensor(structures.positions, dtype=torch.float32))[:, 0].numpy()
    errors = np.abs(predicted + structures.energy[splits.train].mean() - structures.energy)
    for row in rows(tmp_path, "valid"):
        assert float(row["loss"]) == pytest.approx((errors[splits.valid] ** 2).mean(), rel=1e-5)
        assert float(row["absolute"]) == pytest.approx(errors[splits.valid].mean(), rel=1e-5)
    errors = errors[splits.train]
    for row, steps in zip(rows(tmp_path, "train"), (range(20), range(20, 40), range(40, 50)), strict=True):
        items = np.concatenate([items_of_step(step, 97, 5, seed=0) for step in steps])
        assert float(row["loss"]) == pytest.approx((errors[items] ** 2).mean(), rel=1e-5)
        assert float(row["absolute"]) == pytest.approx(errors[items].mean(), rel=1e-5)
        assert float(row["epoch"]) == pytest.approx(5 * (steps[-1] + 1) / 97)
        assert float(row["learning_rate"]) == 1e-30


def test_validation_has_the_same_items_and_noise_every_time(tmp_path):
    model = new_model(noise=1.0)
    train_toy(tmp_path, model, learning_rate=1e-30, validation_items=7)
    assert len({row["loss"] for row in rows(tmp_path, "valid")}) == 1
    assert len({row["loss"] for row in rows(tmp_path, "train")}) == 3


def test_best_weights_are_kept(tmp_path):
    """A rate that explodes after the warm-up: the best weights are those of an early validation."""
    train_toy(tmp_path, schedule="constant", warmup_steps=59, learning_rate=1e4, validation_every=1)
    losses = [float(row["loss"]) for row in rows(tmp_path, "valid")]
    best = 1 + int(np.argmin(losses))
    assert best < 59
    provenance = json.loads((tmp_path / "train.json").read_text())
    assert (provenance["best_step"], provenance["best_loss"]) == (best, min(losses))
    kept, last = load_file(tmp_path / "weights.safetensors"), checkpoint(tmp_path, "model")
    assert not torch.equal(kept["linear.weight"], last["linear.weight"])
    structures = data()
    splits = divide(structures)
    x = torch.tensor(structures.positions[splits.valid], dtype=torch.float32)
    predicted = x @ kept["linear.weight"][0] + kept["linear.bias"] + kept["mean"]
    loss = ((predicted.numpy() - structures.energy[splits.valid]) ** 2).mean()
    assert loss == pytest.approx(min(losses), rel=1e-5)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"ema_decay": 0.9, "schedule": "cosine", "optimizer": "adamw", "gradient_clip": "adaptive"},
        {"schedule": "step", "decay_factor": 0.5, "decay_every": 11, "amsgrad": True},
        PLATEAU
        | {"learning_rate": 0.5, "patience": 3, "validation_items": 5},  # has decayed, is about to again
    ],
)
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path, monkeypatch, fields):
    fields = {"checkpoint_every": 13, "weight_decay": 0.01} | fields
    train_toy(tmp_path / "whole", new_model(noise=0.1), **fields)

    for batches in (30, 25, 20, 1):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            interrupt_after(patch, batches)
            train_toy(tmp_path / "parts", new_model(noise=0.1), **fields)
    train_toy(tmp_path / "parts", new_model(noise=0.1), **fields)
    assert_same_training(tmp_path / "parts", tmp_path / "whole")


def test_a_killed_training_ends_with_the_same_weights(tmp_path):
    """The checkpoints fall between the validations, so that all counters of the plateau matter."""
    settings = PLATEAU | {"steps": 20_000, "checkpoint_every": 35, "validation_every": 20}
    settings |= {"decay_factor": 0.9, "min_learning_rate": 3e-4}
    process = run_script(tmp_path / "killed", "--noise", "0.1", "--settings", json.dumps(settings))
    while not (tmp_path / "killed" / "last.ckpt").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL

    done = read_step(tmp_path / "killed")
    for name in ("killed", "whole"):
        train_toy(tmp_path / name, new_model(noise=0.1), **settings)
    assert_same_training(tmp_path / "killed", tmp_path / "whole")
    provenance = json.loads((tmp_path / "whole" / "train.json").read_text())
    assert 0 < done < provenance["step"] < settings["steps"]
    assert provenance["stopped"] == "the learning rate 0.000286321 is below 0.0003"


def test_time_and_memory_are_those_of_all_pieces(tmp_path, monkeypatch):
    """A batch takes 1 s, in training as in validation; 1000 s lie between two pieces; what is redone is not
    counted."""
    now, peak = [0.0], [3_000]

    class Timed(ToyModel):
        def training_step(self, batch):
            now[0] += 1
            return super().training_step(batch)

    monkeypatch.setattr(
        loop, "time", SimpleNamespace(perf_counter=lambda: now[0], process_time=lambda: now[0] / 2)
    )
    monkeypatch.setattr(loop, "peak_memory", lambda device: peak[0])
    settings = {"checkpoint_every": 13, "validation_every": 6}  # 13 molecules make three batches
    for batches in (30, 25):  # until steps 26 and 39
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            interrupt_after(patch, batches)
            train_toy(tmp_path, Timed(new_model().config), **settings)
        now[0] += 1000
        peak[0] -= 1_000
    train_toy(tmp_path, Timed(new_model().config), **settings)
    provenance = json.loads((tmp_path / "train.json").read_text())
    assert provenance["seconds"] == 60 + 10 * 3
    assert provenance["processor_seconds"] == provenance["seconds"] / 2
    assert provenance["peak_memory_bytes"] == 3_000


def test_a_killed_job_goes_on_with_as_many_gpus_only(tmp_path, monkeypatch):
    """What scripts/train.py leaves of a checkpoint before it trains."""
    structures, found = data(), []
    structures.save(tmp_path / "data.npz")
    divide(structures).save(tmp_path / "splits.json")
    checkpoint = tmp_path / "out" / "last.ckpt"

    def record(*_, devices, **__):
        found.append((checkpoint.exists(), devices))
        checkpoint.write_text("state")

    monkeypatch.setattr(loop, "train", record)
    monkeypatch.setattr(tutti.models.base, "create", lambda *_: new_model())

    def job(gpu, size=None):
        files = {"dataset": str(tmp_path / "data.npz"), "splits": str(tmp_path / "splits.json")}
        params = {
            "kind": "generators",
            "module": "toy",
            "config": {},
            "training": {"steps": 60},
            "size": size,
        }
        snakemake = SimpleNamespace(
            input=Named(files | {"initial": []}),
            output=SimpleNamespace(weights=str(tmp_path / "out" / "weights.safetensors")),
            params=Named(params | {"seed": 0}),
            resources=SimpleNamespace(gpu=gpu),
            wildcards=SimpleNamespace(model="toy"),
            log=[str(tmp_path / "job.log")],
        )
        script = Path(__file__).parents[3] / "scripts" / "train.py"
        runpy.run_path(str(script), {"snakemake": snakemake}, "__main__")

    for gpu, size in ((1, None), (1, None), (2, None), (2, None), (2, 50)):
        job(gpu, size)
    assert found == [(False, 1), (True, 1), (False, 2), (True, 2), (False, 2)]


class Named:
    """Values by name, which come one after another as Snakemake's do: lists of files one by one."""

    def __init__(self, values):
        vars(self).update(values)

    def __iter__(self):
        for value in vars(self).values():
            yield from [value] if value != [] else []


def test_two_processes_train_like_one(tmp_path):
    """A batch of 5 is shared out as 3 and 2; 13 validation items as batches 5 and 3, and 5."""
    settings = PLATEAU | {"ema_decay": 0.5, "gradient_clip": 0.5, "learning_rate": 0.5, "early_stopping": 4}
    process = run_script(tmp_path / "two", "--devices", "2", "--settings", json.dumps(settings))
    train_toy(tmp_path / "one", **settings)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    for group in ("model", "average", "best"):
        one, two = checkpoint(tmp_path / "one", group), checkpoint(tmp_path / "two", group)
        for name, tensor in one.items():
            torch.testing.assert_close(two[name], tensor, rtol=0, atol=1e-6)
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert float(two["loss"]) == pytest.approx(float(one["loss"]), abs=1e-6)
        assert float(two["absolute"]) == pytest.approx(float(one["absolute"]), abs=1e-6)
        assert two["learning_rate"] == one["learning_rate"]
    assert read_step(tmp_path / "two") == read_step(tmp_path / "one") < 60


def test_a_finished_training_is_not_repeated_and_its_files_come_back(tmp_path, monkeypatch):
    train_toy(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"weights.safetensors", "config.json", "log.csv", "train.json", "last.ckpt"}
    for name in before.keys() - {"last.ckpt"}:
        (tmp_path / name).unlink()
    monkeypatch.setattr(ToyModel, "training_step", None)
    train_toy(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("fields", [{}, {"schedule": "step", "decay_factor": 0.5, "decay_every": 15}])
def test_more_steps_continue_a_schedule_without_an_end(tmp_path, fields):
    train_toy(tmp_path / "longer", steps=40, **fields)
    train_toy(tmp_path / "longer", steps=60, **fields)
    train_toy(tmp_path / "whole", steps=60, **fields)
    assert_same_training(tmp_path / "longer", tmp_path / "whole")
    with pytest.raises(ValueError, match=r"last.ckpt: 60 steps are done already, but steps is 50"):
        train_toy(tmp_path / "longer", steps=50, **fields)


@pytest.mark.parametrize("fields", [{"schedule": "cosine"}, PLATEAU])
def test_more_steps_do_not_continue_the_other_schedules(tmp_path, fields):
    train_toy(tmp_path, steps=40, **fields)
    with pytest.raises(ValueError, match=r"training.steps was 40, is now 60"):
        train_toy(tmp_path, steps=60, **fields)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0.01}, r"training.learning_rate was 0.05, is now 0.01\. Put"),
        ({"seed": 1}, r"seed was 0, is now 1\. Put"),
        ({"model": {"noise": 0.5}}, r"model.config.noise was 0.0, is now 0.5\. Put"),
        ({"structures": 121}, r"dataset was '.*', is now '.*'; splits was"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, changes, message):
    train_toy(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    make = {"model": lambda config: new_model(**config), "structures": data}
    with pytest.raises(ValueError, match=rf"last.ckpt: belongs to another training: {message}"):
        train_toy(
            tmp_path, **{key: make[key](value) if key in make else value for key, value in changes.items()}
        )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[:-10],
        lambda b: b"",
        lambda b: b"\x80\x04" + b,
        lambda b: b[:50],
        lambda b: b[:-9] + bytes([b[-9] ^ 4]) + b[-8:],
    ],
)
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    train_toy(tmp_path)
    path = tmp_path / "last.ckpt"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"last.ckpt: .*damaged.*; delete it to start anew"):
        train_toy(tmp_path)


def test_weights_file_as_checkpoint_is_refused(tmp_path):
    train_toy(tmp_path)
    (tmp_path / "last.ckpt").write_bytes((tmp_path / "weights.safetensors").read_bytes())
    with pytest.raises(ValueError, match=r"last.ckpt: damaged or no checkpoint"):
        train_toy(tmp_path)


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path):
    class Diverging(ToyModel):
        def training_step(self, batch):
            loss, logs = super().training_step(batch)
            if self.training:
                self.steps = getattr(self, "steps", 0) + 1
            return (loss * math.nan if getattr(self, "steps", 0) == 31 else loss), logs

    model = Diverging(new_model().config)
    with pytest.raises(FloatingPointError) as raised:
        train_toy(tmp_path, model)
    for part in ("step 30", "learning rate 0.05", "loss nan", "absolute", "last.ckpt holds", "learning_rate"):
        assert part in str(raised.value)
    assert json.loads((tmp_path / "train.json").read_text())["step"] == 25
    assert all(p.isfinite().all() for p in model.parameters())
    for name in ("last.ckpt", "weights.safetensors"):
        assert all(t.isfinite().all() for t in load_file(tmp_path / name).values())


def test_a_gradient_that_is_not_finite_stops_the_training(tmp_path):
    class Diverging(ToyModel):
        def training_step(self, batch):
            loss, logs = super().training_step(batch)
            return loss + (0 * self.linear.weight).sum().sqrt(), logs  # the slope of sqrt at 0 is infinite

    model = Diverging(new_model().config)
    with pytest.raises(FloatingPointError, match=r"step 0 .* gradient norm nan.*no checkpoint yet"):
        train_toy(tmp_path, model)
    assert all(p.isfinite().all() for p in model.parameters())
    assert not list(tmp_path.iterdir())


def test_a_validation_loss_that_is_not_finite_stops_the_training(tmp_path):
    structures = data()
    splits = divide(structures)
    structures.energy[splits.valid[0]] = np.nan
    with pytest.raises(FloatingPointError, match=r"step 20 .*validation loss nan"):
        train_toy(tmp_path, structures=structures)


def test_the_average_of_the_weights_is_exponential(tmp_path):
    """θ_EMA(5) = d⁵ θ_0 + Σ_k (1 - d) d^(5-k) θ_k, from the weights of trainings of 1 ... 5 steps."""
    decay, start = 0.7, new_model().linear.weight.detach().double()
    expected = decay**5 * start
    for steps in range(1, 6):
        train_toy(tmp_path / str(steps), steps=steps)
        weight = checkpoint(tmp_path / str(steps), "model")["linear.weight"].double()
        expected += (1 - decay) * decay ** (5 - steps) * weight
    train_toy(tmp_path / "ema", steps=5, ema_decay=decay)
    torch.testing.assert_close(
        checkpoint(tmp_path / "ema", "model")["linear.weight"].double(), weight, rtol=0, atol=0
    )
    kept = load_file(tmp_path / "ema" / "weights.safetensors")["linear.weight"].double()
    torch.testing.assert_close(kept, expected, rtol=0, atol=1e-6)
    assert (kept - weight).abs().max() > 0.01


def test_learning_rate_has_the_closed_form():
    cosine = TrainingConfig(steps=110, learning_rate=2.0, schedule="cosine", warmup_steps=10)
    assert [learning_rate(cosine, step) for step in (0, 4, 9, 10)] == pytest.approx([0.2, 1.0, 2.0, 2.0])
    assert learning_rate(cosine, 35) == pytest.approx(1 + math.sqrt(0.5))
    assert learning_rate(cosine, 60) == pytest.approx(1.0)
    assert learning_rate(cosine, 110) == pytest.approx(0.0)
    constant = TrainingConfig(steps=110, learning_rate=2.0, warmup_steps=4)
    assert [learning_rate(constant, step) for step in (0, 3, 4, 109)] == [0.5, 2.0, 2.0, 2.0]


def test_learning_rate_falls_by_steps():
    config = TrainingConfig(
        steps=500, learning_rate=2.0, schedule="step", decay_factor=0.1, decay_every=150, warmup_steps=4
    )
    steps = {0: 0.5, 3: 2.0, 4: 2.0, 153: 2.0, 154: 0.2, 303: 0.2, 304: 0.02, 454: 0.002}
    assert [learning_rate(config, step) for step in steps] == pytest.approx(list(steps.values()), rel=1e-12)


def test_step_decay_is_used_for_the_steps(tmp_path):
    fields = {"schedule": "step", "decay_factor": 0.5, "decay_every": 7, "validation_every": 1}
    train_toy(tmp_path, steps=30, **fields)
    rates = [float(row["learning_rate"]) for row in rows(tmp_path, "train")]
    assert rates == [0.05 * 0.5 ** (step // 7) for step in range(30)]


def train_scripted(out, losses, parts=None, **fields):
    """Train with these validation losses and `part`s, one after every step, and give train.json."""

    class Scripted(ToyModel):
        def training_step(self, batch):
            loss, _ = super().training_step(batch)
            if self.training:
                return loss, {"part": loss}
            return torch.tensor(next(remaining)), {"part": torch.tensor(next(remaining_parts))}

    remaining, remaining_parts = iter(losses), iter(parts or losses)
    model = Scripted(new_model().config)
    train_toy(out, model, **{"steps": len(losses), "validation_every": 1, "validation_items": 5} | fields)
    return json.loads((out / "train.json").read_text())


@pytest.mark.parametrize("threshold", [0.0, 0.03])
@pytest.mark.parametrize("patience", [1, 2, 5])
def test_plateau_decays_like_torch(tmp_path, patience, threshold):
    """ReduceLROnPlateau counts one validation more; the kept weights are those of the very lowest loss."""
    losses = (np.random.default_rng(patience).random(80) * np.linspace(2, 1, 80)).tolist()
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.05)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.7, patience=patience - 1, threshold=threshold, eps=0.0
    )
    expected = []
    for loss in losses:
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(loss)
    assert expected[-1] < 0.05 * 0.7**2
    provenance = train_scripted(
        tmp_path, losses, schedule="plateau", decay_factor=0.7, patience=patience, threshold=threshold
    )
    rates = [float(row["learning_rate"]) for row in rows(tmp_path, "train")]
    assert rates == pytest.approx(expected, rel=1e-12)
    assert provenance["best_step"] == 1 + int(np.argmin(losses))


def test_improvements_below_the_threshold_stop_a_training_early(tmp_path):
    """Also of losses below 0: 1 % of 5 is 0.05."""
    losses = [-5.0, -5.03125, -5.0625, -5.09375, -5.109375, -5.125]
    provenance = train_scripted(tmp_path, losses, early_stopping=2, threshold=0.01)
    assert (provenance["step"], provenance["best_step"], provenance["best_loss"]) == (5, 5, -5.109375)


def test_selects_by_a_part_of_the_loss(tmp_path):
    """Weights, early stopping and the provenance follow the named part, whatever the loss does."""
    part = [5.0, 3.0, 4.0, 2.0, 2.5, 2.5, 2.5, 2.5]
    provenance = train_scripted(
        tmp_path, [9.0 - k for k in range(8)], parts=part, select="part", early_stopping=2
    )
    assert (provenance["step"], provenance["best_step"], provenance["best_loss"]) == (6, 4, 2.0)
    assert provenance["stopped"] == "no lower validation part in 2 validations"


def test_a_threshold_without_an_effect_is_refused():
    with pytest.raises(ValueError, match="threshold has no effect"):
        TrainingConfig(steps=10, threshold=0.1)


def test_an_unknown_part_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="select is 'nll'; toy_model has loss, absolute"):
        train_toy(tmp_path, select="nll")


def test_validates_what_the_model_collates_for_it(tmp_path):
    """Energies have noise of 100 in training; a validation without it sees the fit improve below that."""

    class Undisturbed(ToyModel):
        def collate_validation(self, structures, items, rng):
            return ToyModel(Config()).collate(structures, items, rng)

    config = {"steps": 3, "validation_every": 1}
    train_toy(tmp_path / "noisy", ToyModel(Config(noise=100.0)), **config)
    train_toy(tmp_path / "clean", Undisturbed(Config(noise=100.0)), **config)
    noisy, clean = (
        [float(row["loss"]) for row in rows(tmp_path / name, "valid")] for name in ("noisy", "clean")
    )
    assert max(clean) < 100.0 < 1000.0 < min(noisy)
    assert all(float(row["loss"]) > 1000.0 for row in rows(tmp_path / "clean", "train"))


def test_plateau_ends_below_the_lowest_rate(tmp_path):
    """Two losses that are not lower halve the rate; the third time, 0.05 / 8 < 0.01."""
    losses = [5.0, 4.0, 4.0, 6.0, 6.0, 6.0, 3.0, 3.5, 3.0, 2.0, 1.0]
    provenance = train_scripted(tmp_path, losses, **PLATEAU | {"validation_every": 1}, min_learning_rate=0.01)
    rates = [float(row["learning_rate"]) for row in rows(tmp_path, "valid")]
    assert rates == [0.05] * 4 + [0.025] * 2 + [0.0125] * 3
    assert (provenance["step"], provenance["best_step"], provenance["best_loss"]) == (9, 7, 3.0)
    assert provenance["stopped"] == "the learning rate 0.00625 is below 0.01"
    assert read_step(tmp_path) == 9


def test_the_warmup_is_no_plateau(tmp_path):
    losses = [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    provenance = train_scripted(
        tmp_path, losses, **PLATEAU | {"validation_every": 1}, warmup_steps=4, early_stopping=4
    )
    rates = [float(row["learning_rate"]) for row in rows(tmp_path, "valid")]
    assert rates == pytest.approx([0.0125, 0.025, 0.0375, 0.05, 0.05, 0.025, 0.025], rel=1e-12)
    assert (provenance["step"], provenance["best_step"]) == (7, 1)


@pytest.mark.parametrize("ema_decay", [None, 0.5])
def test_early_stopping_is_final(tmp_path, monkeypatch, ema_decay):
    """The sixth loss is the third after the lowest one that is not lower."""
    losses = [5.0, 6.0, 4.0, 6.0, 4.5, 4.0, 3.0, 2.0]
    provenance = train_scripted(tmp_path, losses, early_stopping=3, ema_decay=ema_decay)
    assert (provenance["step"], provenance["best_step"], provenance["best_loss"]) == (6, 3, 4.0)
    assert provenance["stopped"] == "no lower validation loss in 3 validations"
    assert [row["step"] for row in rows(tmp_path, "valid")] == list("123456")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"weights.safetensors", "config.json", "log.csv", "train.json", "last.ckpt"}

    monkeypatch.setattr(ToyModel, "collate", None)
    settings = {"validation_every": 1, "validation_items": 5, "early_stopping": 3, "ema_decay": ema_decay}
    for steps in (8, 100):
        train_toy(tmp_path, steps=steps, **settings)
        after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        said, said_before = (json.loads(files["train.json"]) for files in (after, before))
        assert said.pop("seal") and said_before.pop("seal")
        assert said_before["training"].pop("steps") == 8 and said["training"].pop("steps") == steps
        assert said == said_before
        del after["train.json"]
        assert after == {name: content for name, content in before.items() if name != "train.json"}


def test_a_training_that_improves_does_not_stop_early(tmp_path):
    losses = [5.0, 6.0, 4.0, 6.0, 3.0, 7.0, 2.0, 7.0]
    provenance = train_scripted(tmp_path, losses, early_stopping=2)
    assert (provenance["step"], provenance["stopped"]) == (8, None)


def test_amsgrad_is_that_of_torch(tmp_path):
    structures = data()
    training = structures[divide(structures).train]
    weights = {}
    for amsgrad in (False, True):
        model = new_model()
        model.fit_statistics(training)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.5, amsgrad=amsgrad)
        for step in range(60):
            items = items_of_step(step, 97, 5, seed=0)
            optimizer.zero_grad()
            model.training_step(model.collate(training, items, np.random.default_rng(0)))[0].backward()
            optimizer.step()
        weights[amsgrad] = model.linear.weight.detach()
    train_toy(tmp_path, amsgrad=True, learning_rate=0.5)
    torch.testing.assert_close(
        checkpoint(tmp_path, "model")["linear.weight"], weights[True], rtol=0, atol=1e-6
    )
    assert (weights[True] - weights[False]).abs().max() > 1e-4


class WithForces(ToyModel):
    """Also learns the slope of the energy, by a second differentiation, and has a parameter it never uses."""

    def __init__(self, config):
        super().__init__(config)
        self.unused = torch.nn.Parameter(torch.ones(2))

    def training_step(self, batch):
        self.positions = batch.positions.requires_grad_()
        with torch.enable_grad():
            energy = self.linear(self.positions)[:, 0] ** 2
            (slope,) = torch.autograd.grad(energy.sum(), self.positions, create_graph=self.training)
        target = (
            2
            * (batch.positions.detach().double() @ torch.tensor(WEIGHT) + BIAS)[:, None]
            * torch.tensor(WEIGHT)
        )
        return (slope - target).square().mean(), {}


@pytest.mark.parametrize("precision", ["32-true", "64-true", "bf16-mixed"])
def test_a_loss_of_forces_is_learned_without_their_own_gradient(tmp_path, precision):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = WithForces(new_model().config)
    train_toy(tmp_path, model, steps=400, schedule="cosine", precision=precision)
    weights = load_file(tmp_path / "weights.safetensors")
    sign = float(weights["linear.bias"].sign())  # the energy is the same for both signs
    tolerance = 0.05 if precision == "bf16-mixed" else 1e-3
    np.testing.assert_allclose(sign * weights["linear.weight"][0], WEIGHT, atol=tolerance)
    np.testing.assert_allclose(sign * weights["linear.bias"], BIAS, atol=tolerance)
    assert torch.equal(weights["unused"], torch.ones(2, dtype=weights["unused"].dtype))


def test_the_gradient_by_the_positions_is_not_computed(tmp_path, monkeypatch):
    model = WithForces(new_model().config)
    interrupt_after(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        train_toy(tmp_path, model)
    assert model.training and model.positions.requires_grad and model.positions.grad is None


def train_from(out, directory, adapted):
    """Train a toy that begins at the weights in `directory`; `adapted` receives the adapted datasets."""

    class Adapting(ToyModel):
        def fit_statistics(self, structures):
            raise AssertionError("the statistics were fitted anew")

        def adapt_statistics(self, structures):
            adapted.append(structures.digest)

    model = Adapting(new_model().config)
    initial = tutti.models.base.start_from(model, directory)
    structures = data()
    config = TrainingConfig(steps=4, batch_size=5, learning_rate=1e-30, checkpoint_every=2)
    train(model, structures, divide(structures), config, out, 0, "cpu", initial=initial)
    return initial


def test_a_training_starts_from_the_weights_of_another(tmp_path):
    first, second = train_toy(tmp_path / "first"), train_toy(tmp_path / "second", seed=1)
    assert not torch.equal(first.linear.weight, second.linear.weight)
    adapted = []
    initial = train_from(tmp_path / "on", tmp_path / "first", adapted)
    content = (tmp_path / "first" / "weights.safetensors").read_bytes()
    assert initial == hashlib.sha256(content).hexdigest()
    assert json.loads((tmp_path / "on" / "train.json").read_text())["initial"] == initial
    structures = data()
    assert adapted == [structures[divide(structures).train].digest]
    kept, expected = (load_file(tmp_path / name / "weights.safetensors") for name in ("on", "first"))
    for name, tensor in expected.items():
        torch.testing.assert_close(kept[name], tensor, rtol=0, atol=1e-12)

    train_from(tmp_path / "on", tmp_path / "first", adapted)  # finished: nothing is adapted again
    assert len(adapted) == 1
    with pytest.raises(ValueError, match=rf"belongs to another training: initial was '{initial}', is now '"):
        train_from(tmp_path / "on", tmp_path / "second", adapted)


def first_gradient():
    """Gradient of the toy's loss on the first batch, by the analytic formula, in float64."""
    structures, model = data(), new_model()
    training = structures[divide(structures).train]
    items = items_of_step(0, 97, 5, seed=0)
    x, energy = training.positions[items], training.energy[items]
    weight, bias = model.linear.weight.detach().numpy()[0], model.linear.bias.detach().numpy()
    error = x @ weight + bias + training.energy.mean() - energy
    return weight, (2 / 5) * error @ x, np.append((2 / 5) * error @ x, (2 / 5) * error.sum())


@pytest.mark.parametrize("clip", [None, 1e-7])
def test_first_step_of_adam_has_the_closed_form(tmp_path, monkeypatch, clip):
    """θ - lr g / (|g| + ε) at the warm-up rate; a clipped norm near ε = 1e-8 makes clipping visible."""
    interrupt_after(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        train_toy(tmp_path, steps=10, checkpoint_every=1, warmup_steps=9, gradient_clip=clip)
    weight, gradient, whole = first_gradient()
    if clip is not None:
        gradient = gradient * clip / (np.linalg.norm(whole) + 1e-6)
    expected = weight - 0.05 / 9 * gradient / (np.abs(gradient) + 1e-8)
    actual = checkpoint(tmp_path, "model")["linear.weight"][0]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)


def test_adaptive_clipping_follows_the_last_norms(tmp_path, monkeypatch):
    """Limits written out: the queue starts with 3000, keeps 50 norms, and takes no more than the limit."""
    norms, limits = torch.zeros(0, dtype=torch.float64), []
    rng = np.random.default_rng(0)
    queue = [3000.0]
    for norm in [2.0, 9000.0, *(10 * rng.random(60)), 500.0]:
        limit = 1.5 * np.mean(queue) + 2 * np.std(queue)
        queue = [*queue, min(norm, limit)][-50:]
        limits.append(float(gradients.adaptive_limit(norms)))
        assert limits[-1] == pytest.approx(limit, rel=1e-12)
        norms = gradients.remember(norms, torch.tensor(norm, dtype=torch.float64))
        assert norms.tolist() == pytest.approx(queue, rel=1e-12)
    assert limits[0] == 4500 and limits[-1] < 50

    monkeypatch.setattr(gradients, "FIRST", 1e-7)
    interrupt_after(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        train_toy(tmp_path, steps=10, checkpoint_every=1, warmup_steps=9, gradient_clip="adaptive")
    weight, gradient, whole = first_gradient()
    gradient = gradient * 1.5e-7 / (np.linalg.norm(whole) + 1e-6)
    expected = weight - 0.05 / 9 * gradient / (np.abs(gradient) + 1e-8)
    np.testing.assert_allclose(checkpoint(tmp_path, "model")["linear.weight"][0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("precision", "dtype"), [("64-true", torch.float64), ("bf16-mixed", torch.float32)])
def test_precisions_train(tmp_path, precision, dtype):
    train_toy(tmp_path, steps=300, precision=precision, validation_every=150)
    weights = load_file(tmp_path / "weights.safetensors")
    assert {t.dtype for t in weights.values()} == {dtype}
    losses = [float(row["loss"]) for row in rows(tmp_path, "valid")]
    assert losses[-1] < 0.1 < float(rows(tmp_path)[0]["loss"])


@pytest.mark.parametrize("precision", ["highest", "high"])
def test_products_of_matrices_have_their_precision_while_a_training_runs(tmp_path, precision):
    class Noting(ToyModel):
        def training_step(self, batch):
            found.add(torch.get_float32_matmul_precision())
            return super().training_step(batch)

    found, before = set(), torch.get_float32_matmul_precision()
    train_toy(tmp_path, Noting(new_model().config), float32_matmul_precision=precision)
    assert found == {precision} and torch.get_float32_matmul_precision() == before == "highest"


def test_a_precision_that_the_model_does_not_stand_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(ToyModel, "precisions", ("32-true",))
    with pytest.raises(ValueError, match=r"bf16-mixed.*takes 32-true: in bfloat16"):
        train_toy(tmp_path, precision="bf16-mixed")
    assert not list(tmp_path.iterdir())


def test_nothing_is_pickled(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("pickle was used")

    for module, name in [
        (torch, "load"),
        (torch, "save"),
        *((pickle, n) for n in ("load", "loads", "dump", "dumps")),
    ]:
        monkeypatch.setattr(module, name, refuse)
    train_toy(tmp_path, steps=40, ema_decay=0.9)
    train_toy(tmp_path, steps=60, ema_decay=0.9)


def test_provenance(tmp_path):
    train_toy(tmp_path)
    provenance = json.loads((tmp_path / "train.json").read_text())
    assert provenance["dataset"] == data().digest
    assert provenance["model"] == {"kind": "generators", "module": "toy_model", "config": {"noise": 0.0}}
    assert provenance["training"]["steps"] == provenance["step"] == 60
    assert provenance["environment"]["versions"]["torch"] == torch.__version__
    assert provenance["environment"]["torch_threads"] == torch.get_num_threads()
    assert provenance["seconds"] > 0


def test_bad_input_is_refused(tmp_path):
    structures = data()
    config = TrainingConfig(steps=5)
    splits = divide(structures, valid=0)
    with pytest.raises(ValueError, match="the validation split is empty"):
        train(new_model(), structures, splits, config, tmp_path, 0, "cpu")
    with pytest.raises(ValueError, match="belong to another dataset"):
        train(new_model(), data(119), splits, config, tmp_path, 0, "cpu")
    with pytest.raises(ValueError, match="batch_size 1 is too small for 2 devices"):
        train_toy(tmp_path, devices=2, batch_size=1)
    with pytest.raises(ValueError, match="accelerator 'gpu': write auto, cpu or cuda"):
        train(new_model(), structures, divide(structures), config, tmp_path, 0, "gpu")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "fields",
    [
        {"steps": 0},
        {"batch_size": -1},
        {"learning_rate": 0.0},
        {"validation_items": 0},
        {"gradient_clip": 0.0},
        {"ema_decay": 1.0},
        {"warmup_steps": 10},
        {"early_stopping": 0},
        {"threshold": 1.0, **PLATEAU},
        {"decay_every": None, "schedule": "step", "decay_factor": 0.5},
        {"decay_every": 0, "schedule": "step", "decay_factor": 0.5},
        {"decay_every": 5},
        {"decay_factor": 1.0, "schedule": "step", "decay_every": 5},
        {"decay_factor": 0.5, "schedule": "cosine"},
        {"patience": None, "schedule": "plateau", "decay_factor": 0.5},
        {"patience": 0, "schedule": "plateau", "decay_factor": 0.5},
        {"patience": 3, "schedule": "step", "decay_factor": 0.5, "decay_every": 5},
        {"min_learning_rate": 1e-6},
        {"min_learning_rate": 1.0, **PLATEAU},
        {"min_learning_rate": 0.0, **PLATEAU},
    ],
)
def test_config_refuses_values_out_of_range(fields):
    with pytest.raises(ValueError, match=f"{next(iter(fields))} is"):
        TrainingConfig(**{"steps": 10} | fields)
