"""Rates of the expensive checks of single molecules, on QM7. On a busy machine only CPU times mean much.

posebusters  the pool against the library's own loop in one process: on one core, and with its own threads
geometry     the pool, and the time of one molecule in one process
strain       the pool on one process and on several, for clean and for jittered geometries; before that, the
             parent uses torch's threads, as a run does that has sampled
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from posebusters import PoseBusters

from tutti import io
from tutti.benchmark.metrics import geometry, posebusters, strain
from tutti.chemistry.bonds import xyz2mol
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures

QM7 = Path(__file__).resolve().parents[2] / "shared" / "data" / "qm7.extxyz.gz"


def seconds(function: Callable[[], object]) -> np.ndarray:
    """(wall, CPU) time of one call in a fork, so that no cache outlives it."""
    process = get_context("fork").Process(target=function)
    start = np.array([time.perf_counter(), cpu_time()])
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"the benchmark's process ended with {process.exitcode}")
    return np.array([time.perf_counter(), cpu_time()]) - start


def cpu_time() -> float:
    """Of all children that have ended, s."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def library_loop(structures: Structures, one_core: bool) -> None:
    """What a script of PoseBusters calls does."""
    if one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    library = PoseBusters("mol")
    for i in range(len(structures)):
        library.bust(xyz2mol.molecule(*structures.frame(i)))


def bench_posebusters(structures: Structures, verdicts: pd.DataFrame, jobs: int) -> str:
    """One line: rates, and ratios to the library's own."""
    one_core = seconds(lambda: library_loop(structures, True))
    pool = seconds(lambda: posebusters.check_all(structures, verdicts, jobs, progress=False))
    threads = seconds(lambda: library_loop(structures, False))
    wall, cpu = one_core / pool
    return (
        f"pool of {jobs} {len(structures) / pool[0]:.2f}/s, {wall:.2f} x the library on one core, "
        f"{threads[0] / pool[0]:.2f} x the library with its threads; for the CPU time of the library on one "
        f"core, {cpu:.2f} x its molecules"
    )


def bench_geometry(structures: Structures, verdicts: pd.DataFrame, jobs: int) -> str:
    """One line: rate of the pool, and ms for one molecule."""
    pool = seconds(lambda: geometry.check_all(structures, verdicts, jobs, progress=False))
    one = geometry.check_all(structures, verdicts, 1, progress=False)["seconds"].median()
    return f"pool {len(structures) / pool[0]:.0f}/s, {1000 * one:.2f} ms for one molecule (median)"


def bench_strain(structures: Structures, verdicts: pd.DataFrame, jobs: int) -> str:
    """One line: rates on one process and on several."""
    one, many = (
        seconds(lambda n=n: strain.check_all(structures, verdicts, n, progress=False)) for n in (1, jobs)
    )
    return f"one process {len(structures) / one[0]:.1f}/s, {jobs} processes {len(structures) / many[0]:.1f}/s"


def main() -> None:
    """Print a line per check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=QM7, help="real molecules (default: QM7)")
    parser.add_argument("--molecules", type=int, default=120)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    everything = io.read(options.file)
    rng = numpy_generator(0, "benchmark of checks")
    chosen = np.sort(rng.choice(len(everything), options.molecules, replace=False))
    clean = everything[chosen]
    noise = rng.normal(scale=0.1, size=clean.positions.shape)
    jittered = replace(clean, positions=clean.positions + noise)
    (torch.randn(500, 500) @ torch.randn(500, 500)).sum()
    for name, bench, structures in (
        ("geometry", bench_geometry, clean),
        ("strain", bench_strain, clean),
        ("strain, jittered by 0.1 Å", bench_strain, jittered),
        ("posebusters", bench_posebusters, clean),
    ):
        verdicts = assign_all(structures, "xyz2mol", options.jobs, progress=False)
        valid = verdicts["valid"].to_numpy()
        line = bench(structures[valid], verdicts[valid], options.jobs)
        print(f"{name} ({valid.sum()} molecules, load {os.getloadavg()[0]:.1f}): {line}", flush=True)


if __name__ == "__main__":
    main()
