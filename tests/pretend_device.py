"""A device that is not there: tensors on it hold numbers, but do not mix with those on the CPU.

It has the name of torch's device without numbers, "meta". What it computes is computed on the CPU, so that an
operation on tensors of two devices, a tensor made on the wrong one or `.numpy()` without `.cpu()` is an error
as it is with a GPU. As there, tensors without dimensions may come from the CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("meta")

# Their arguments may be on two devices: copies, and places of which a GPU takes indices from the CPU.
COPIES = {torch.ops.aten.copy_.default, torch.ops.aten._to_copy.default}


class Elsewhere(Tensor):
    """A tensor on the pretended device; `held` has its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, real: Tensor) -> "Elsewhere":
        made = Tensor._make_wrapper_subclass(
            cls,
            real.shape,
            strides=real.stride(),
            storage_offset=real.storage_offset(),
            dtype=real.dtype,
            device=DEVICE,
        )
        made.held = real
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _compute(func, args, kwargs or {})

    def tolist(self) -> list:
        return self.held.tolist()


@contextmanager
def pretended_device() -> Iterator[torch.device]:
    """Within it, tensors can be made on and moved to the device."""
    with _Lists(), _Operations():
        yield DEVICE


class _Lists(TorchFunctionMode):
    """Tensors of Python's numbers, which torch makes without an operation."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is Tensor.new_tensor and isinstance(args[0], Elsewhere):
            own = {"dtype": args[0].dtype, "device": args[0].device}
            func, args, kwargs = torch.tensor, args[1:], own | kwargs
        if func is torch.tensor and torch.device(kwargs.get("device") or "cpu") == DEVICE:
            return torch.tensor(*args, **kwargs | {"device": "cpu"}).to(DEVICE)
        return func(*args, **kwargs)


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _compute(func, args, kwargs or {})


def _compute(func: Any, args: tuple, kwargs: dict) -> Any:
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    elsewhere = [tensor for tensor in tensors if isinstance(tensor, Elsewhere)]
    if elsewhere and func not in COPIES:
        here = [tensor for tensor in tensors if not isinstance(tensor, Elsewhere) and tensor.dim()]
        if here:
            shapes = [list(tensor.shape) for tensor in here]
            raise RuntimeError(f"{func}: tensors of shapes {shapes} are on the CPU, others are not")
    device = kwargs.get("device")
    there = bool(elsewhere) if device is None else torch.device(device) == DEVICE
    if device is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    found = func(*tree_map(_real, args), **tree_map(_real, kwargs))
    if func._schema.is_mutable:
        # What was changed in place is returned as it was given.
        given = {id(tensor.held): tensor for tensor in elsewhere}
        return tree_map(lambda part: given.get(id(part), part), found)
    return tree_map(_moved, found) if there else found


def _real(value: Any) -> Any:
    return value.held if isinstance(value, Elsewhere) else value


def _moved(value: Any) -> Any:
    return Elsewhere(value) if isinstance(value, Tensor) else value
