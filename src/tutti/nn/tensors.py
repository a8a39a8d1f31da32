"""Frozen dataclasses of tensors that move to a device together."""

from dataclasses import fields
from typing import Any, Self

import torch


class Tensors:
    """Base of dataclasses whose fields are tensors, others of these, or tuples of either."""

    def to(self, device: torch.device) -> Self:
        """The same with all tensors on `device`."""
        return type(self)(**{f.name: _moved(getattr(self, f.name), device) for f in fields(self)})


def _moved(value: Any, device: torch.device) -> Any:
    return tuple(part.to(device) for part in value) if isinstance(value, tuple) else value.to(device)
