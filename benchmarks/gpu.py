"""Everything that a GPU can tell of this project, in one call that ends in time.

    python benchmarks/gpu.py --minutes 10 --out DIR [--data MOLECULES.npz]
    python benchmarks/gpu.py --device cpu --minutes 1 --out DIR
    python benchmarks/gpu.py --report DIR

In this order, each part within its share of the time, its results in DIR as it goes on:
    checks.json: loss, gradients, energies and forces against the CPU's float64; a training that is stopped
        and resumed; sampling; peak memory.
    speed.json: training steps, sampling and force calls at the published sizes, beside the times that their
        FLOPs and bytes would need at the device's measured rates; how often a step waits for the device.
    training.json: every generator trained on real molecules (those of MOLECULES, a file of `Structures`, or
        those that ship with the package) for an equal share of what is left, and 1,000 samples; weights and
        samples are in folders of DIR.
What there was no time for is listed under "skipped", an error under "failed". The exit status is 1 if a check
was not passed or something failed, else 0. --report fills a section of docs/results/gpu.md. --shares and
--models leave parts and models out, so that what was skipped can be done in another call.

A machine without network needs Python 3.11 or later, torch, e3nn, numpy, scipy, pandas and PyYAML. The rest
can travel in a folder; it is pure Python, but for safetensors, whose wheels serve every Python of a platform:
    pip install --no-deps --target results/carried . ase lightning-fabric lightning-utilities safetensors tqdm
    PYTHONPATH=src:results/carried python benchmarks/gpu.py --minutes 10 --out DIR
"""

import argparse
import os
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import torch
from device import checks, inputs, report, speed, trainings
from device.clock import share
from device.cost import measure_rates
from device.record import BrokenDevice, Part

from tutti.core.devices import choose_accelerator, describe
from tutti.core.structures import Structures
from tutti.core.timing import where
from tutti.report.provenance import git_commit

PARTS = ("checks", "speed", "training")
# Of the time; the rest is for writing.
SHARES = (0.35, 0.25, 0.36)
CHECKED = 64  # structures


class Run:
    """One call on one device.

    Args:
        options: of the command line.
        began: when the first process of this run began, s since the epoch.
    """

    def __init__(self, options: argparse.Namespace, began: float) -> None:
        self.out, self.began, self.minutes = options.out, began, options.minutes
        self.shares, self.epochs = options.shares, options.epochs
        self.device = torch.device(choose_accelerator(options.device))
        self.chosen, self.size = options.models, "_tiny" if options.size == "tiny" else ""
        torch.set_float32_matmul_precision("highest")  # without TF32
        self.catalogue = inputs.catalogue()
        self.molecules = Structures.load(options.data or inputs.MOLECULES)
        self.frames = Structures.load(inputs.FRAMES)
        self.facts = {
            "device": where(self.device),
            "environment": describe(self.device),
            "commit": git_commit(),
            "date": datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%d"),
            "minutes": options.minutes,
            "size": options.size,
            "data": {"source": options.data.name if options.data else inputs.MOLECULES.name}
            | {"molecules": len(self.molecules), "digest": self.molecules.digest},
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
        }

    def end(self, part: str) -> float:
        """When a part's share of the time is over."""
        return self.began + 60.0 * self.minutes * sum(self.shares[: PARTS.index(part) + 1])

    def subjects(self) -> list[tuple[str, str, dict, Structures]]:
        """(kind, name, entry, data) of every model."""
        data = {"generators": self.molecules, "forcefields": self.frames}
        return [
            (kind, name, self.catalogue[name + self.size], structures)
            for kind, structures in data.items()
            for name in inputs.models(kind, self.chosen)
        ]

    def parts(self) -> list[Part]:
        """Do those parts that have a share."""
        return [getattr(self, part)() for part in self.asked]

    @property
    def asked(self) -> list[str]:
        """Names of the parts that have a share."""
        return [part for part, of_time in zip(PARTS, self.shares, strict=True) if of_time > 0]

    def checks(self) -> Part:
        """Part a."""
        subjects = self.subjects()
        names = [f"{name}: {task}" for kind, name, _, _ in subjects for task in checks.tasks(kind)]
        part = Part(self.out / "checks.json", names, self.device, self.facts)
        for i, (kind, name, entry, structures) in enumerate(subjects):
            some = structures[np.linspace(0, len(structures) - 1, CHECKED).astype(int)]
            subject = checks.Subject(kind, entry, some, self.device)
            end = share(self.end("checks"), len(subjects) - i)
            for task in checks.tasks(kind):
                part.attempt(f"{name}: {task}", partial(subject.work, task), end)
        return part

    def speed(self) -> Part:
        """Part b."""
        subjects = self.subjects()
        names = [f"{name}: {task}" for kind, name, _, _ in subjects for task in speed.tasks(kind)]
        part = Part(self.out / "speed.json", ["rates", *names], self.device, self.facts)
        rates = part.attempt("rates", partial(measure_rates, self.device), self.end("speed"))
        for i, (kind, name, entry, structures) in enumerate(subjects):
            subject = speed.Subject(kind, entry, structures, self.device, rates)
            end = share(self.end("speed"), len(subjects) - i)
            for task in speed.tasks(kind):
                if rates is None:
                    part.skip(f"{name}: {task}")
                else:
                    part.attempt(f"{name}: {task}", partial(subject.work, task, end), end)
        return part

    def training(self) -> Part:
        """Part c."""
        names = inputs.models("generators", self.chosen)
        part = Part(
            self.out / "training.json",
            [f"{name}: {task}" for name in names for task in ("training", "samples")],
            self.device,
            self.facts,
        )
        sizes = (self.size,) if self.size else trainings.SIZES
        splits = trainings.split(self.molecules)
        for i, name in enumerate(names):
            self._train(part, name, sizes, splits, share(self.end("training"), len(names) - i))
        return part

    def _train(self, part: Part, name: str, sizes: tuple[str, ...], splits: object, end: float) -> None:
        entries = {
            name + size: self.catalogue[name + size] for size in sizes if name + size in self.catalogue
        }
        out, now = self.out / name, time.time()
        stop = now + trainings.TRAINING * (end - now)

        def trained() -> dict:
            training = self.molecules[splits.train]
            plan = trainings.choose(entries, training, self.device, self.epochs, end)
            return trainings.run_training(plan, self.molecules, splits, self.device, out, stop)

        done = part.attempt(f"{name}: training", trained, end)
        if done is None:
            part.skip(f"{name}: samples")
            return
        entry = self.catalogue[done["entry"]]
        part.attempt(f"{name}: samples", lambda: trainings.run_sampling(entry, out, self.device, end), end)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="for all but the start of Python (1)")
    parser.add_argument("--out", type=Path, default=Path("results/gpu"), metavar="DIR")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--data", type=Path, metavar="FILE.npz", help="molecules to train on")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="these alone")
    parser.add_argument(
        "--shares",
        nargs=3,
        type=float,
        default=SHARES,
        metavar="OF_TIME",
        help=f"of checks, speed, training ({SHARES}); a part with 0 is left out and its file left as it is",
    )
    parser.add_argument(
        "--epochs",
        type=float,
        default=3.0,
        help="a generator is trained at the published size if it sees every item so often (3)",
    )
    parser.add_argument("--size", choices=("published", "tiny"), default="published")
    parser.add_argument("--report", type=Path, metavar="DIR", help="of an earlier run")
    parser.add_argument("--page", type=Path, default=report.PAGE, help="file with the section to fill")
    parser.add_argument("--since", type=float, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """The exit status."""
    began = time.time()
    options = parse(arguments)
    if options.report:
        report.fill(options.report, options.page)
        return 0
    run = Run(options, options.since or began)
    if options.since is None:
        for name in run.asked:
            (options.out / f"{name}.json").unlink(missing_ok=True)
    try:
        return 0 if all(part.sound for part in run.parts()) else 1
    except BrokenDevice:
        restart(run.began)


def restart(began: float) -> None:
    """Go on in a new process, which skips what is done: after some errors CUDA refuses all work."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [*sys.orig_argv, "--since", repr(began)])


if __name__ == "__main__":
    raise SystemExit(main())
