"""Numbers that leave the device while it goes on working, and what is made of those that are none."""

import math
from pathlib import Path

import torch
from torch import Tensor


class Transfer:
    """Some numbers on their way to the CPU: their device is waited for when they are read, not before."""

    def __init__(self, values: Tensor) -> None:
        self._arrived = torch.cuda.Event() if values.is_cuda else None
        self._values = values.to("cpu", non_blocking=values.is_cuda)
        if self._arrived is not None:
            self._arrived.record(torch.cuda.current_stream(values.device))

    def read(self) -> list[float]:
        """The numbers."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._values.tolist()


def check_finite(values: dict[str, float], step: int, rate: float, checkpoint: Path) -> None:
    """Stop, before anything is written, when one of a step's values is not finite."""
    if all(map(math.isfinite, values.values())):
        return
    shown = ", ".join(f"{name} {value:g}" for name, value in values.items())
    left = f"{checkpoint} holds the last good state" if checkpoint.exists() else "there is no checkpoint yet"
    raise FloatingPointError(
        f"training diverged at step {step} (learning rate {rate:g}): {shown}. No file was "
        f"changed; {left}. Try a lower learning_rate, a gradient_clip, more warmup_steps or precision "
        f"64-true, and start anew without {checkpoint.name}"
    )
