"""The machine that this runs on. Nothing names it or a person."""

import os
import platform
import re
from pathlib import Path


def hardware() -> dict[str, str | int]:
    """Processor model, usable cores, memory, GPUs and operating system."""
    import torch  # takes seconds, which `usable_cores` need not wait

    described = {
        "processor": _processor(),
        "cores": usable_cores(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
    }
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {**described, "gpu": ", ".join(gpus) or "none"}


def usable_cores() -> int:
    """Cores that this process may use, where the system tells (Linux), else all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
