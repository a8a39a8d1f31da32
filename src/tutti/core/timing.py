"""Wall times of calls, and what to say of them."""

import os
import time
from collections.abc import Callable, Iterable

import numpy as np
import torch
from scipy import stats

from tutti.core.hardware import hardware, usable_cores


def seconds(call: Callable[[], object], device: torch.device) -> float:
    """Wall time of a call, with all that it starts on `device`."""
    synchronise(device)
    started = time.perf_counter()
    call()
    synchronise(device)
    return time.perf_counter() - started


def synchronise(device: torch.device) -> None:
    """Wait for what a GPU has to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def geometric_mean(times: Iterable[float]) -> tuple[float, float, float]:
    """(mean, low, high) of positive numbers, with the 95 % t-interval of their logarithms."""
    logs = np.log(np.fromiter(times, float))
    half = stats.t.ppf(0.975, len(logs) - 1) * stats.sem(logs)
    mean, low, high = np.exp(logs.mean() + np.array([0.0, -half, half]))
    return float(mean), float(low), float(high)


def where(device: torch.device) -> str:
    """The GPU's name, or the processor's and torch's number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return on_threads(torch.get_num_threads())


def openmp() -> str:
    """The processor, and the number of threads of OpenMP programs."""
    return on_threads(int(os.environ.get("OMP_NUM_THREADS") or usable_cores()))


def on_threads(threads: int) -> str:
    """The processor's name and a number of threads."""
    return f"{hardware()['processor']}, {threads} thread(s)"
