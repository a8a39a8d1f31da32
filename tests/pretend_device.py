"""A device that is not there: tensors on it hold numbers, but do not mix with those on the CPU.

It has the name of torch's device without numbers, "meta". What it computes is computed on the CPU, so that an
operation on tensors of two devices, a tensor made on the wrong one or `.numpy()` without `.cpu()` is an error
as it is with a GPU. As there, tensors without dimensions may come from the CPU. `counted_waits` lists what
would make the CPU wait until a GPU has done all that it was given.
"""

import traceback
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

# The sizes or the numbers of what they give are needed on the CPU.
WAITING = {
    "_linalg_check_errors",
    "_local_scalar_dense",
    "_unique",
    "_unique2",
    "bincount",
    "equal",
    "is_nonzero",
    "masked_select",
    "multinomial",
    "nonzero",
    "unique_consecutive",
    "unique_dim",
    "unique_dim_consecutive",
}

_waits: list[str] | None = None


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
        _note("tolist")
        return self.held.tolist()


@contextmanager
def pretended_device() -> Iterator[torch.device]:
    """Within it, tensors can be made on and moved to the device."""
    with _Lists(), _Operations():
        yield DEVICE


@contextmanager
def counted_waits() -> Iterator[list[str]]:
    """Lists, for each operation on the pretended device that would wait for it, its name and place."""
    global _waits
    before, _waits = _waits, []
    try:
        yield _waits
    finally:
        _waits = before


def _note(what: str) -> None:
    if _waits is not None:
        own = [frame for frame in traceback.extract_stack() if "/tutti/" in frame.filename]
        where = f"{own[-1].filename.rpartition('/tutti/')[2]}:{own[-1].lineno}" if own else "not in tutti"
        _waits.append(f"{what} at {where}")


def _waits_for(func: Any, args: tuple, kwargs: dict) -> bool:
    """Whether a GPU's result of the operation, or the copy, would be waited for."""
    name = func._schema.name.removeprefix("aten::")
    given = {argument.name: value for argument, value in zip(func._schema.arguments, args, strict=False)}
    given |= kwargs
    if func in COPIES:
        source = given["src"] if name == "copy_" else given["self"]
        to = given["self"].device if name == "copy_" else given.get("device") or source.device
        return torch.device(to) != source.device and not given.get("non_blocking")
    if name in ("index", "index_put", "index_put_", "_index_put_impl_"):
        masks = [i for i in given["indices"] if i is not None and i.dtype in (torch.bool, torch.uint8)]
        # Of one mask and one value a GPU makes `masked_fill`.
        return bool(masks) and not (name != "index" and len(masks) == 1 and given["values"].numel() == 1)
    if name == "repeat_interleave":
        return given.get("output_size") is None
    return name in WAITING


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
    if (elsewhere or device is not None) and _waits_for(func, args, kwargs):
        _note(func._schema.name.removeprefix("aten::"))
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
