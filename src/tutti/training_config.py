"""How a model is trained: the settings and the learning rate of each step."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained.

    Attributes:
        steps: optimizer steps in all.
        batch_size: items per step, over all processes.
        learning_rate: peak learning rate.
        optimizer: "adam" or "adamw" (decoupled weight decay).
        weight_decay: of the optimizer.
        schedule: "constant", or "cosine" (falls to 0 at `steps`).
        warmup_steps: the rate first grows linearly over so many steps.
        ema_decay: decay of the exponential moving average of the weights, which validation and the best
            weights then use; None: no average.
        gradient_clip: largest norm of the gradient; None: not clipped.
        validation_every: steps between validations (one more comes after the last step).
        validation_items: size of the fixed random subset of validation items; None: all.
        checkpoint_every: steps between checkpoints (one more comes after the last step).
        precision: "32-true", "64-true" or "bf16-mixed".
    """

    steps: int
    batch_size: int = 16
    learning_rate: float = 5e-4
    optimizer: Literal["adam", "adamw"] = "adam"
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_steps: int = 0
    ema_decay: float | None = None
    gradient_clip: float | None = None
    validation_every: int = 1000
    validation_items: int | None = None
    checkpoint_every: int = 1000
    precision: Literal["32-true", "64-true", "bf16-mixed"] = "32-true"

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "learning_rate", "validation_every", "checkpoint_every"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, must be positive")
        for name in ("validation_items", "gradient_clip"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name} is {value}, must be positive or null")
        if self.ema_decay is not None and not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay is {self.ema_decay}, must lie in [0, 1) or be null")
        if not 0 <= self.warmup_steps < self.steps:
            raise ValueError(f"warmup_steps is {self.warmup_steps}, must lie in 0 ... steps - 1")

    def lasting(self) -> dict[str, object]:
        """The settings that a training cannot change on its way: all but `steps` of a constant schedule."""
        settings = dataclasses.asdict(self)
        if self.schedule == "constant":
            del settings["steps"]
        return settings


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Rate of step `step` (from 0): linear warm-up, then constant or half a cosine down to 0 at `steps`."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    progress = (step - config.warmup_steps) / (config.steps - config.warmup_steps)
    return config.learning_rate * (1 + math.cos(math.pi * progress)) / 2
