"""The machine that this runs on. Nothing names it or a person."""

import os
import platform
import re
from pathlib import Path

DRIVERS = ("nvidiactl", "kfd", "dxg")
"""Devices of which Linux has one where torch can use a GPU: NVIDIA's, AMD's, Windows's below its Linux."""


def hardware() -> dict[str, str | int]:
    """Processor model, usable cores, memory, GPUs and operating system."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "gpu": ", ".join(_gpus()) or "none",
    }


def usable_cores() -> int:
    """Cores that this process may use, where the system tells (Linux), else all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> list[str]:
    """Names of the GPUs that torch can use."""
    if platform.system() == "Linux" and not any(Path("/dev", driver).exists() for driver in DRIVERS):
        return []
    import torch  # takes seconds, which a machine without any need not wait

    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), flags=re.MULTILINE)
        if match:
            return match[1]
    return platform.processor() or platform.machine()


def thread_variables(n: int) -> dict[str, str]:
    """Environment in which numerical libraries that are loaded later take `n` threads."""
    return {f"{library}_NUM_THREADS": str(n) for library in ("OMP", "MKL", "OPENBLAS")}
