"""One training loop for all models: resumable to the same weights, on one device or several."""

import copy
import dataclasses
import functools
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from tutti.core.devices import choose_accelerator, describe, float32_products, peak_memory
from tutti.core.progress import Progress
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.models.base import Batch, Model, snapshot
from tutti.models.training import checkpoints, gradients, results
from tutti.models.training.batches import items_of_step, validation_batches
from tutti.models.training.checkpoints import State
from tutti.models.training.config import TrainingConfig, learning_rate
from tutti.models.training.transfers import Transfer, check_finite

CHECKPOINT = "last.ckpt"
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def train(
    model: Model,
    structures: Structures,
    splits: Splits,
    config: TrainingConfig,
    out: Path,
    seed: int,
    accelerator: str = "auto",
    devices: int = 1,
    initial: str | None = None,
) -> None:
    """Train `model`, or go on from `out`/last.ckpt to the same weights as if never interrupted.

    Writes into `out`: weights.safetensors and config.json (the weights of the lowest validated value, see
    `TrainingConfig.select`), snapshots/<share> (the same of each of `TrainingConfig.snapshots`), log.csv,
    train.json (provenance) and last.ckpt, from which the others can be written again. A finished training is
    not repeated. A larger `steps` continues it when its schedule is "constant" or "step" and it has no
    snapshots, unless it stopped early, which is final.

    A batch is shared out over `devices` processes. More than one are spawned, so that the calling script must
    guard its main part by `if __name__ == "__main__"`. A resume is exact to the last bit where the device
    computes reproducibly: on a CPU with the same number of threads, and compiled as before or not.

    A training that begins at the weights of another one (`models.start_from`) names their SHA-256 as
    `initial`, and a resume with other ones is refused. The statistics are then adapted, not fitted.

    Raises:
        ValueError: for splits of another dataset, an empty split, a checkpoint of another training, or
            `compile: true` for a model that is not made for it.
        FloatingPointError: when the loss or the gradient is not finite (inside
            `torch.multiprocessing.ProcessRaisedException` when there are several processes).
    """
    if splits.digest != structures.digest:
        raise ValueError("the splits belong to another dataset; make them again from this one")
    training, validation = structures[splits.train], structures[splits.valid]
    for name, part in (("training", training), ("validation", validation)):
        if model.n_items(part) == 0:
            raise ValueError(f"the {name} split is empty; give it a size in the dataset's split")
    config.check_precision(model)
    if config.batch_size < devices:
        raise ValueError(f"batch_size {config.batch_size} is too small for {devices} devices")
    identity = checkpoints.identity(model, structures, splits, config.lasting(), seed, devices, initial)
    plan = _Plan(training, validation, config, Path(out), seed, identity)
    if not (plan.out / CHECKPOINT).exists():
        if initial is None:
            model.fit_statistics(training)
        else:
            model.adapt_statistics(training)
    fabric = Fabric(
        accelerator=choose_accelerator(accelerator),
        devices=devices,
        strategy="ddp_spawn" if devices > 1 else "auto",
        precision=config.precision,
        plugins=[LightningEnvironment()],  # otherwise Fabric takes the tasks of a SLURM job for its processes
    )
    # The plan is no argument of launch, because Fabric cannot walk through frozen dataclasses.
    fabric.launch(functools.partial(_run, plan=plan), model)


@dataclass(frozen=True)
class _Plan:
    training: Structures
    validation: Structures
    config: TrainingConfig
    out: Path
    seed: int
    identity: dict


def _run(fabric: Fabric, model: Model, plan: _Plan) -> None:
    with float32_products(plan.config.float32_matmul_precision):
        _Training(fabric, model, plan).run()


class _Training:
    """The training loop, as each of `fabric`'s processes runs it."""

    def __init__(self, fabric: Fabric, model: Model, plan: _Plan) -> None:
        self.fabric, self.plan, self.config = fabric, plan, plan.config
        self.n_items = model.n_items(plan.training)
        self.validation_batches = validation_batches(
            model.n_items(plan.validation), self.config.batch_size, self.config.validation_items, plan.seed
        )
        if self.config.precision == "64-true":
            model.double()
        self.model = model.to(fabric.device)
        # What is validated and kept: the moving average of the weights, or the weights themselves.
        self.evaluated = model if self.config.ema_decay is None else copy.deepcopy(model)
        if self.config.compiles(auto=model.gains_by_compiling and fabric.device.type == "cpu"):
            model.compile_training()
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.gradient = gradients.flat(self.parameters)
        self.optimizer = OPTIMIZERS[self.config.optimizer](
            self.parameters,
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            amsgrad=self.config.amsgrad,
            fused=True,
        )
        self.state = State()
        self.loss, self.unread = math.nan, None  # of the last step that was read, and what was not
        self.clip = gradients.Clip(self.config.gradient_clip, fabric.device)

    def run(self) -> None:
        """Do all steps that are not done yet, unless the training stops early."""
        if (self.plan.out / CHECKPOINT).exists():
            self.resume()
        state, config = self.state, self.config
        self.started = time.perf_counter() - state.seconds
        self.spent = time.process_time() - state.processor_seconds / self.fabric.world_size
        kept_at = config.snapshot_steps()
        progress = Progress("training", config.steps, state.step, silent=not self.fabric.is_global_zero)
        while state.step < config.steps and not state.stopped:
            self.step(*self.training_batch(state.step))
            last = state.step == config.steps
            if state.step % config.validation_every == 0 or last or state.step in kept_at:
                self.validate()
            if state.step in kept_at:
                state.keep(kept_at[state.step])
            if state.step % config.checkpoint_every == 0 or last or state.stopped:
                self.checkpoint()
            progress.update(loss=self.loss, **{f"best_validation_{config.select}": state.best_loss})
        progress.close()

    def training_batch(self, step: int) -> tuple[Batch, float]:
        """This process's part of the batch of a step, and its share of the items."""
        items = items_of_step(step, self.n_items, self.config.batch_size, self.plan.seed)
        part = np.array_split(items, self.fabric.world_size)[self.fabric.global_rank]
        rng = numpy_generator(self.plan.seed, "batch", step, self.fabric.global_rank)
        batch = self.model.collate(self.plan.training, part, rng)
        return batch.to(self.fabric.device), len(part) / len(items)

    def step(self, batch: Batch, share: float) -> None:
        """Do one optimizer step, without waiting for the device: its numbers are read a step later."""
        self.model.train()
        self.gradient.zero_()
        with self.fabric.autocast():
            loss, logs = self.model.training_step(batch)
        # Without `inputs`, a force field's loss would be differentiated by the positions too, for nothing.
        self.fabric.backward(loss * share, inputs=self.parameters)
        self.fabric.all_reduce(self.gradient, reduce_op="sum")  # in place
        norm = torch.linalg.vector_norm(self.gradient)
        mean = self.fabric.all_reduce(_values(loss, logs) * share, reduce_op="sum")
        values, names = torch.cat([mean, norm[None]]), ["loss", *logs]
        if self.config.select not in names:
            raise ValueError(f"select is '{self.config.select}'; {self.model.module} has {', '.join(names)}")
        rate = learning_rate(self.config, self.state.step, self.state.decays)
        self.clip(self.gradient, norm)
        self.optimizer.param_groups[0]["lr"] = rate
        # Where it is 1, the optimizer changes nothing.
        self.optimizer.found_inf = 1.0 - torch.isfinite(values).all().float()
        self.optimizer.step()
        if self.config.ema_decay is not None:
            update_average = get_ema_multi_avg_fn(self.config.ema_decay)
            update_average(list(self.evaluated.parameters()), list(self.model.parameters()), None)
        self.settle()
        self.unread = self.state.step, rate, names, Transfer(values)
        self.state.step += 1

    def settle(self) -> None:
        """Take the numbers of the last step, and stop where they are not finite."""
        if self.unread is None:
            return
        (step, rate, names, transfer), self.unread = self.unread, None
        *values, norm = transfer.read()
        losses = dict(zip(names, values, strict=True))
        check_finite({**losses, "gradient norm": norm}, step, rate, self.plan.out / CHECKPOINT)
        self.state.add(losses)
        self.loss = losses["loss"]

    @torch.no_grad()
    def validate(self) -> None:
        """Log the training loss since the last time and the validation loss, and judge the latter."""
        self.settle()
        state = self.state
        sums = torch.zeros(len(state.sums), dtype=torch.float64, device=self.fabric.device)
        self.evaluated.eval()
        for index in range(self.fabric.global_rank, len(self.validation_batches), self.fabric.world_size):
            batch = self.validation_batch(index)
            with self.fabric.autocast():
                loss, logs = self.evaluated.training_step(batch)
            sums += _values(loss, logs).double() * len(self.validation_batches[index])
        self.fabric.all_reduce(sums, reduce_op="sum")
        means = (sums / sum(map(len, self.validation_batches))).tolist()
        losses = dict(zip(state.sums, means, strict=True))
        rate = learning_rate(self.config, state.step - 1, state.decays)
        named = {f"validation {name}": value for name, value in losses.items()}
        check_finite(named, state.step, rate, self.plan.out / CHECKPOINT)

        self.clock()
        epoch = state.step * self.config.batch_size / self.n_items
        state.log_row("train", epoch, state.take_means(), rate)
        state.log_row("valid", epoch, losses, rate)
        self.judge(losses[self.config.select])

    def judge(self, loss: float) -> None:
        """Keep the weights of the lowest validated value; without an improvement for long, decay or stop."""
        state, config = self.state, self.config
        if loss < state.best_loss:
            state.best_loss, state.best_step = loss, state.step
            state.best = snapshot(self.evaluated)
        if math.isinf(state.improved) or loss < state.improved - config.threshold * abs(state.improved):
            state.improved, state.stale = loss, 0
            return
        if state.step < config.warmup_steps:
            return
        state.stale += 1
        if config.patience is not None and state.stale % config.patience == 0:
            state.decays += 1
        rate = learning_rate(config, state.step, state.decays)
        if config.min_learning_rate is not None and rate < config.min_learning_rate:
            state.stopped = f"the learning rate {rate:g} is below {config.min_learning_rate:g}"
        elif state.stale == config.early_stopping:
            state.stopped = f"no lower validation {config.select} in {state.stale} validations"

    def validation_batch(self, index: int) -> Batch:
        """Validation batch `index`, the same every time."""
        rng = numpy_generator(self.plan.seed, "validation", index)
        batch = self.model.collate_validation(self.plan.validation, self.validation_batches[index], rng)
        return batch.to(self.fabric.device)

    def clock(self) -> None:
        """Bring the times that the training has taken up to now."""
        self.state.seconds = time.perf_counter() - self.started
        spent = torch.tensor(time.process_time() - self.spent, device=self.fabric.device)
        self.state.processor_seconds = float(self.fabric.all_reduce(spent, reduce_op="sum"))

    @property
    def networks(self) -> dict[str, Model]:
        """The networks of a checkpoint."""
        averaged = {} if self.evaluated is self.model else {"average": self.evaluated}
        return {"model": self.model, **averaged}

    def checkpoint(self) -> None:
        """Write last.ckpt, then the files that follow from it."""
        self.settle()
        device, state = self.fabric.device, self.state
        peak = self.fabric.all_reduce(torch.tensor(peak_memory(device), device=device), reduce_op="max")
        state.peak_memory_bytes = max(state.peak_memory_bytes, int(peak))
        self.clock()
        state.norms = self.clip.norms.tolist()
        if self.fabric.is_global_zero:
            state.environment = describe(device)
            path = self.plan.out / CHECKPOINT
            checkpoints.save(path, state, self.networks, self.optimizer, self.plan.identity)
            self.publish()

    def resume(self) -> None:
        """Take everything from last.ckpt; the other files are brought to its state."""
        path = self.plan.out / CHECKPOINT
        self.state = checkpoints.load(path, self.networks, self.optimizer, self.plan.identity)
        self.clip.norms = self.clip.norms.new_tensor(self.state.norms)
        if self.state.step > self.config.steps:
            raise ValueError(
                f"{path}: {self.state.step} steps are done already, but steps is {self.config.steps}. "
                "Raise steps, or delete this file to start anew"
            )
        if self.fabric.is_global_zero:
            self.publish()

    def publish(self) -> None:
        """Write the files for readers."""
        provenance = self.plan.identity | {"training": dataclasses.asdict(self.config)}
        results.write(self.plan.out, self.model, self.state, provenance)


def _values(loss: Tensor, logs: dict[str, Tensor]) -> Tensor:
    return torch.stack([loss, *logs.values()]).detach()
