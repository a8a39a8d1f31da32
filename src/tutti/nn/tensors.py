"""Frozen dataclasses of tensors that move to a device together."""

from dataclasses import fields
from typing import Any, Self

import torch
from torch import Tensor


class Tensors:
    """Base of dataclasses whose fields are tensors, others of these, tuples of either, or plain numbers."""

    def to(self, device: torch.device) -> Self:
        """The same with all tensors on `device`; see `moved`."""
        return type(self)(**{f.name: _moved(getattr(self, f.name), device) for f in fields(self)})


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """`tensor` on `device`. What goes to a GPU is on its way: nothing waits for what the GPU does before."""
    # A copy to the CPU that is not waited for could be read before it is there.
    return tensor.to(device, non_blocking=torch.device(device).type != "cpu")


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, tuple):
        return tuple(_moved(part, device) for part in value)
    if isinstance(value, Tensor):
        return moved(value, device)
    return value.to(device) if isinstance(value, Tensors) else value
