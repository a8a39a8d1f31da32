"""Memory, descriptors and threads of a long training and a large evaluation, against time.

    python benchmarks/endurance.py --minutes 30 --molecules 100000 --out DIR

Each runs in a process of its own, which is looked at from outside: proportional set size (MB; shared pages
are counted once), open descriptors and threads of it and of all its children. Writes DIR/endurance.csv and
DIR/endurance.svg and prints a line per run: the first third of its time against the last. The evaluation is
of all tables that need no costly library, the training of an entry of config/models.yaml on molecules that
ship. `make bench` does a short form of both.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import torch
from device import inputs, trainings
from device.clock import OutOfTime, limit

from evaluation import molecules
from tutti import evaluate
from tutti.core import registry
from tutti.core.hardware import usable_cores
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED
from tutti.figures import PALETTE, legend, new_figure
from tutti.io import extxyz
from tutti.models.training.config import TrainingConfig
from tutti.models.training.loop import train

INTERVAL = 2.0  # s
TABLES = ["validity", "mmd_bond_length", "mmd_bispectrum", "jsd"]
SHOWN = {"memory": "memory (MB)", "descriptors": "open descriptors", "threads": "threads"}
ENDLESS = 10**9  # steps


def training(name: str, minutes: float) -> None:
    """Train an entry of the catalogue until the time is over."""
    torch.set_num_threads(1)
    entry = inputs.catalogue()[name]
    kind = f"{entry['kind']}s"
    structures = Structures.load(inputs.MOLECULES if kind == "generators" else inputs.FRAMES)
    model = inputs.make(kind, entry, structures)
    settings = {key: value for key, value in entry["training"].items() if key not in trainings.UNUSED}
    settings |= {"steps": ENDLESS, "schedule": "constant", "validation_every": 200, "checkpoint_every": 200}
    config = registry.from_dict(TrainingConfig, settings, name)
    with tempfile.TemporaryDirectory() as folder, suppress(OutOfTime), limit(time.time() + 60 * minutes):
        train(model, structures, trainings.split(structures), config, Path(folder), seed=0, accelerator="cpu")


def evaluation(n: int) -> None:
    """Judge `n` molecules of 18 atoms or so against the molecules that ship."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        samples, reference = Path(folder, "samples.extxyz"), Path(folder, "reference.extxyz")
        extxyz.write(samples, molecules(n))
        extxyz.write(reference, Structures.load(EMBEDDED / "qm9_6.npz"))
        evaluate(samples, reference=reference, out=Path(folder, "out"), only=TABLES, jobs=usable_cores())


def watch(name: str, function: object, *arguments: object) -> pd.DataFrame:
    """Run the function in a process, and look at it every INTERVAL: a row each time.

    Raises:
        RuntimeError: when the process fails.
    """
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    began, rows = time.monotonic(), []
    while process.is_alive():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            rows.append({"run": name, "seconds": time.monotonic() - began, **look(process.pid)})
        process.join(INTERVAL)
    if process.exitcode:
        raise RuntimeError(f"{name}: exit status {process.exitcode}")
    return pd.DataFrame(rows)


def look(pid: int) -> dict[str, float]:
    """Memory (MB), descriptors and threads of a process and its children."""
    parent = psutil.Process(pid)
    found = dict.fromkeys(SHOWN, 0.0)
    for process in [parent, *parent.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            found["memory"] += process.memory_full_info().pss / 1e6
            found["descriptors"] += process.num_fds()
            found["threads"] += process.num_threads()
    return found


def draw(rows: pd.DataFrame, stem: Path) -> None:
    """A panel per quantity, a line per run."""
    with new_figure(stem, 9.6, 2.8) as figure:
        for axes, (column, label) in zip(figure.subplots(1, len(SHOWN)), SHOWN.items(), strict=True):
            for colour, (run, of_run) in zip(PALETTE, rows.groupby("run", sort=False), strict=False):
                axes.plot(of_run["seconds"] / 60, of_run[column], label=run, color=colour, lw=1.2)
            axes.set(xlabel="time (min)", ylabel=label, ylim=(0, None))
        legend(figure, figure.axes[0].get_lines())


def main() -> None:
    """Run both, print and draw what was seen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=0.5, help="of the training; 0 leaves it out (0.5)")
    parser.add_argument("--molecules", type=int, default=2000, help="evaluated; 0 leaves it out (2000)")
    parser.add_argument("--models", nargs="+", default=["symphony_tiny"], metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("results/endurance"), metavar="DIR")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    runs = [(f"training of {name}", training, name, options.minutes) for name in options.models]
    runs = runs if options.minutes else []
    if options.molecules:
        runs.append((f"evaluation of {options.molecules:,}", evaluation, options.molecules))
    seen = []
    for run in runs:
        seen.append(watch(*run))
        thirds = np.array_split(seen[-1][list(SHOWN)].to_numpy(), 3)
        first, last = thirds[0].max(axis=0), thirds[-1].max(axis=0)
        changes = ", ".join(f"{k} {a:.0f} → {b:.0f}" for k, a, b in zip(SHOWN, first, last, strict=True))
        print(f"{run[0]}: {seen[-1]['seconds'].max():.0f} s, most in the first and the last third: {changes}")
    rows = pd.concat(seen, ignore_index=True)
    rows.round(1).to_csv(options.out / "endurance.csv", index=False)
    draw(rows, options.out / "endurance")


if __name__ == "__main__":
    main()
