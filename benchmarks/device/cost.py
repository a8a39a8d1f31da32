"""What a device does per second, and how much a computation asks of it."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from statistics import median

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from tutti.core.timing import seconds

MATRIX = {"cuda": 8192, "cpu": 1024}
COPIED = {"cuda": 1 << 30, "cpu": 1 << 27}  # bytes
REPEATS = 5

# What training moves per byte of weights: it reads them, writes and reads the gradient, and Adam reads and
# writes weights and two moments.
TRAINING_PASSES = 9


def measure_rates(device: torch.device) -> dict[str, float]:
    """{"flops": FLOP/s of a large product of matrices in float32, "bytes": byte/s of a large copy}.

    A copy reads and writes, so that each byte counts twice.
    """
    n, size = MATRIX[device.type], COPIED[device.type]
    a, b = torch.rand(2, n, n, device=device)
    source = torch.zeros(size // 4, device=device)
    target = torch.empty_like(source)
    product = timed(lambda: torch.mm(a, b), device)
    copy = timed(lambda: target.copy_(source), device)
    return {"flops": 2.0 * n**3 / product["seconds"], "bytes": 2.0 * size / copy["seconds"]}


def timed(call: Callable[[], object], device: torch.device, end: float = math.inf) -> dict[str, float]:
    """Median wall time of `REPEATS` calls, or fewer until `end`, after one that does not count.

    Returns:
        {"seconds", "calls"}.
    """
    call()
    times = [seconds(call, device)]
    while len(times) < REPEATS and time.time() + times[-1] < end:
        times.append(seconds(call, device))
    return {"seconds": median(times), "calls": len(times)}


def waits(call: Callable[[], object], device: torch.device) -> int | None:
    """How often the CPU waits for the GPU in one call, as torch tells it; None on a CPU.

    A wait that is asked for, for an event, does not count.
    """
    if device.type != "cuda":
        return None
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            call()
        finally:
            torch.cuda.set_sync_debug_mode(before)
    return sum("synchronizing CUDA operation" in str(warning.message) for warning in told)


class _Counter(TorchDispatchMode):
    """Adds up FLOPs, and what every operation reads and writes; views and empty tensors are free.

    (`FlopCounterMode` of torch also hooks itself to the modules, which not all of them stand.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **kwargs, out_val=result)
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        places = {_place(tensor) for tensor in inputs}
        view = not func._schema.is_mutable and any(_place(tensor) in places for tensor in outputs)
        if not view and "empty" not in func._schema.name:
            self.bytes += sum(map(_size, inputs)) + sum(map(_size, outputs))
        return result


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _size(tensor: Tensor) -> int:
    """Bytes; an expanded tensor has those of its storage."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())


def count(call: Callable[[], object]) -> dict[str, float]:
    """What one call asks for.

    Returns:
        {"flops": of products of matrices and convolutions, as torch's `flop_counter` has them (of elementwise
        operations none), "op_bytes": if every operation reads all that it takes from memory and writes all
        that it gives}.
    """
    with _Counter() as counter:
        call()
    return {"flops": float(counter.flops), "op_bytes": float(counter.bytes)}


def least_bytes(model: nn.Module, *values: object, training: bool = False) -> float:
    """Bytes that must be moved however well operations are fused: weights, and all tensors in `values`."""
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    return float((TRAINING_PASSES if training else 1) * weights + sum(_size(t) for t in _tensors(values)))


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _tensors(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield from _tensors(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _tensors(part)


def beside(measured: dict[str, float], cost: dict[str, float], rates: dict[str, float]) -> dict[str, float]:
    """The time measured beside those that FLOPs and bytes would need at the device's rates, in s.

    `fraction` is the larger of the times of FLOPs and of the operations' bytes, over the time measured.
    """
    needed = {"flops_seconds": cost["flops"] / rates["flops"]}
    needed |= {
        name.replace("bytes", "bytes_seconds"): value / rates["bytes"]
        for name, value in cost.items()
        if name.endswith("bytes")
    }
    largest = max(needed["flops_seconds"], needed["op_bytes_seconds"])
    return {**measured, **cost, **needed, "fraction": largest / measured["seconds"]}
