"""How a model is trained: the settings and the learning rate of each step."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

from tutti.core.registry import require_positive
from tutti.models.base import Model

COMPILED_FROM = 20_000
"""Steps from which `compile: auto` compiles: about three times what a compilation takes to be made up for."""

# Which settings each schedule needs; the others' are null.
SCHEDULES = {
    "constant": (),
    "cosine": (),
    "step": ("decay_factor", "decay_every"),
    "plateau": ("decay_factor", "patience"),
}


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained.

    Attributes:
        steps: optimizer steps in all.
        batch_size: items per step, over all processes.
        learning_rate: peak learning rate.
        optimizer: "adam" or "adamw" (decoupled weight decay).
        weight_decay: of the optimizer.
        amsgrad: divide by the largest second moment so far (Reddi et al. 2018, algorithm 2), not the last.
        schedule: "constant", "cosine" (falls to 0 at `steps`), "step" (falls every `decay_every` steps), or
            "plateau" (falls when validation after validation brings no lower loss). "step" and "plateau"
            need the two settings that belong to them; with other schedules, these are None.
        decay_factor: what "step" and "plateau" multiply the rate by.
        decay_every: steps between two decays of "step", counted from the end of the warm-up.
        select: what is judged at each validation: "loss" or a name among its parts. The weights of its lowest
            value are kept, and plateaus and early stopping watch it.
        patience: validations without an improvement after which "plateau" decays; after so many more it
            decays again. Those of the warm-up do not count.
        threshold: an improvement is a value lower than that of the last one by more than this part of it.
        min_learning_rate: "plateau" ends the training when it brings the rate below; None: it does not.
        warmup_steps: the rate first grows linearly over so many steps.
        early_stopping: validations without an improvement after which the training ends; those of the warm-up
            do not count. None: it does all steps.
        ema_decay: decay of the exponential moving average of the weights, which validation and the best
            weights then use; None: no average.
        gradient_clip: largest norm of the gradient; "adaptive": 1.5 times the mean of the last norms plus
            twice their standard deviation (Hoogeboom et al. 2022; see `gradients`); None: not clipped.
        validation_every: steps between validations (one more comes after the last step).
        validation_items: size of the fixed random subset of validation items; None: all.
        checkpoint_every: steps between checkpoints (one more comes after the last step).
        snapshots: shares of the steps, each between 0 and 1, after which the best weights until then are kept
            beside those of the whole training; it is validated there, too.
        precision: "32-true", "64-true" or "bf16-mixed" (products of matrices in bfloat16, weights in
            float32), of which a model takes those that its mathematics stands (`Model.precisions`).
        float32_matmul_precision: of products of float32 matrices: "highest", or "high" (TF32 on GPUs that
            have it, three digits; nothing else on other devices).
        compile: whether the step of a force field is compiled (`tutti.models.forcefields.compiled`); "auto":
            on a CPU, for models that gain by it, from `COMPILED_FROM` steps on. Where it is not possible, a
            warning says why, and the step is not compiled. Results differ by rounding.
    """

    steps: int
    batch_size: int = 16
    learning_rate: float = 5e-4
    optimizer: Literal["adam", "adamw"] = "adam"
    weight_decay: float = 0.0
    amsgrad: bool = False
    schedule: Literal["constant", "cosine", "step", "plateau"] = "constant"
    decay_factor: float | None = None
    decay_every: int | None = None
    patience: int | None = None
    threshold: float = 0.0
    min_learning_rate: float | None = None
    warmup_steps: int = 0
    early_stopping: int | None = None
    ema_decay: float | None = None
    gradient_clip: float | Literal["adaptive"] | None = None
    select: str = "loss"
    validation_every: int = 1000
    validation_items: int | None = None
    checkpoint_every: int = 1000
    snapshots: tuple[float, ...] = ()
    precision: Literal["32-true", "64-true", "bf16-mixed"] = "32-true"
    float32_matmul_precision: Literal["highest", "high"] = "highest"
    compile: bool | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        require_positive(self, "steps", "batch_size", "learning_rate", "validation_every", "checkpoint_every")
        optional = ("validation_items", "gradient_clip", "decay_every", "patience")
        for name in (*optional, "min_learning_rate", "early_stopping"):
            value = getattr(self, name)
            if isinstance(value, int | float) and value <= 0:
                raise ValueError(f"{name} is {value}, must be positive or null")
        if self.ema_decay is not None and not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay is {self.ema_decay}, must lie in [0, 1) or be null")
        if not 0 <= self.warmup_steps < self.steps:
            raise ValueError(f"warmup_steps is {self.warmup_steps}, must lie in 0 ... steps - 1")
        if not 0.0 <= self.threshold < 1.0:
            raise ValueError(f"threshold is {self.threshold}, must lie in [0, 1)")
        if not all(0.0 < share < 1.0 for share in self.snapshots):
            raise ValueError(f"snapshots are {list(self.snapshots)}, must be shares between 0 and 1")
        if self.threshold and self.schedule != "plateau" and self.early_stopping is None:
            raise ValueError("threshold has no effect without schedule plateau or early_stopping")
        self._check_schedule()

    def _check_schedule(self) -> None:
        for name in ("decay_factor", "decay_every", "patience"):
            value, needed = getattr(self, name), name in SCHEDULES[self.schedule]
            if (value is not None) != needed:
                what = "given" if needed else "null"
                raise ValueError(f"{name} is {value}, must be {what} with schedule {self.schedule}")
        if self.decay_factor is not None and not 0 < self.decay_factor < 1:
            raise ValueError(f"decay_factor is {self.decay_factor}, must lie in (0, 1)")
        lowest = self.min_learning_rate
        if lowest is not None and self.schedule != "plateau":
            raise ValueError(f"min_learning_rate is {lowest}, must be null with schedule {self.schedule}")
        if lowest is not None and lowest >= self.learning_rate:
            raise ValueError(f"min_learning_rate is {lowest}, must be below learning_rate")

    def snapshot_steps(self) -> dict[int, float]:
        """The share of each number of steps after which weights are kept."""
        return {max(1, round(share * self.steps)): share for share in self.snapshots}

    def compiles(self, auto: bool) -> bool:
        """Whether to compile, where `auto` says whether the model gains by it on this device."""
        return auto and self.steps >= COMPILED_FROM if self.compile == "auto" else self.compile

    def check_precision(self, model: Model) -> None:
        """Refuse, with the reason, a precision that the model is not made for."""
        if self.precision not in model.precisions:
            taken = ", ".join(model.precisions)
            raise ValueError(
                f"precision {self.precision}: {model.module} takes {taken}: {model.needs_float32}"
            )

    def lasting(self) -> dict[str, object]:
        """The settings that a training cannot change on its way.

        All but `compile` and `float32_matmul_precision`, which change no more than the rounding, and
        `steps`, where nothing that is done at a step depends on it: neither the rate through the schedule or,
        with "plateau", the validation after the last step, nor when snapshots are kept.
        """
        settings = dataclasses.asdict(self)
        del settings["compile"], settings["float32_matmul_precision"]
        if self.schedule in ("constant", "step") and not self.snapshots:
            del settings["steps"]
        return settings


def learning_rate(config: TrainingConfig, step: int, decays: int = 0) -> float:
    """Rate of step `step` (from 0): linear warm-up, then as `config.schedule` says.

    Args:
        config: the settings.
        step: steps done before this one.
        decays: how often "plateau" has multiplied the rate by `decay_factor`; other schedules have no memory.
    """
    since_warmup = step - config.warmup_steps
    if since_warmup < 0:
        return config.learning_rate * (step + 1) / config.warmup_steps
    match config.schedule:
        case "cosine":
            progress = since_warmup / (config.steps - config.warmup_steps)
            return config.learning_rate * (1 + math.cos(math.pi * progress)) / 2
        case "step":
            return config.learning_rate * config.decay_factor ** (since_warmup // config.decay_every)
        case "plateau":
            return config.learning_rate * config.decay_factor**decays
    return config.learning_rate
