"""Where a computation runs: the choice of accelerator, and its description for provenance."""

import contextlib
import importlib.metadata
import platform
import resource
import sys
from collections.abc import Iterator

import torch

PACKAGES = ("tutti", "torch", "e3nn", "numpy", "lightning-fabric", "safetensors")


def choose_accelerator(name: str) -> str:
    """ "cuda" or "cpu"; "auto" takes a GPU where there is one.

    Raises:
        ValueError: for another name, or for "cuda" where there is no GPU.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"accelerator '{name}': write auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("accelerator 'cuda': torch finds no GPU here; write auto or cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


@contextlib.contextmanager
def float32_products(precision: str) -> Iterator[None]:
    """Products of float32 matrices with torch's precision "highest" or "high" (TF32 on GPUs that have it)."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def describe(device: torch.device) -> dict[str, object]:
    """Versions, device and threads, for the sidecar files that lead back from a result."""
    on_gpu = device.type == "cuda"
    return {
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if on_gpu else f"cpu ({platform.machine()})",
        "torch_threads": torch.get_num_threads(),
    }


def peak_memory(device: torch.device) -> int:
    """Most memory in use so far, in bytes: the GPU's where there is one, else the process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # macOS counts bytes, Linux KiB
