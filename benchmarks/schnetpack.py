"""SchNet and PaiNN: training steps and force calls, alone or against the package `schnetpack`.

python benchmarks/schnetpack.py [--peer PYTHON] [--compile] [--rounds N] [--threads N] [--models schnet painn]
    [--growth]

128 features, 3 blocks, 5 Å, float32, energies and forces, neighbour lists made beforehand. With --peer, the
Python of an environment that has `schnetpack`, its process and ours do the same calls in turns, and ratios
of the medians are printed: above 1 ours is faster, or takes less memory. Times are CPU times, memory is the
peak of a process that does one case alone, libraries included, and page faults are those of a call. With
--compile ours is compiled, in the warm-up, which the peak memory then is of. With --growth: force calls on
liquid water of 21 to 2,001 atoms.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import ase
import numpy as np
import torch
from ase.build import molecule
from ase.neighborlist import neighbor_list

from tutti.core.structures import Structures
from tutti.models import base

REFERENCE = Path(__file__).resolve().parents[1] / "tests/peers/schnetpack_reference.py"
SIZES = {"channels": 128, "layers": 3, "cutoff": 5.0}
N_BASIS = {"schnet": ("n_gaussians", 50), "painn": ("n_basis", 20)}
CASES = {
    "10 ethanol, training step": ("ethanol", 10, "train"),
    "1 ethanol, force call": ("ethanol", 1, "force"),
    "100 ethanol, force call": ("ethanol", 100, "force"),
    "48 atoms of water, force call": ("water", 16, "force"),
}
GROWTH = (7, 21, 67, 200, 667)
WARM_UP = 3


def make_frames(kind: str, n: int) -> list[ase.Atoms]:
    """`n` shaken copies of ethanol, or a periodic box of `n` molecules of water at the liquid's density."""
    rng = np.random.default_rng(0)
    if kind == "ethanol":
        frames = [molecule("CH3CH2OH") for _ in range(n)]
        for atoms in frames:
            atoms.positions += 0.05 * rng.normal(size=(len(atoms), 3))
        return frames
    box, per_side = (29.9 * n) ** (1 / 3), int(np.ceil(n ** (1 / 3)))
    places = np.stack(np.meshgrid(*[np.arange(per_side)] * 3), axis=-1).reshape(-1, 3) * (box / per_side)
    liquid = ase.Atoms(cell=[box] * 3, pbc=True)
    for place in places[:n]:
        one = molecule("H2O")
        one.rotate(360 * rng.random(), rng.normal(size=3))
        one.positions += place
        liquid += one
    return [liquid]


class Ours:
    """Training steps and force calls of a force field on one batch."""

    def __init__(self, kind: str, frames: list[ase.Atoms], compiled: bool) -> None:
        option, n_basis = N_BASIS[kind]
        config = SIZES | {option: n_basis, "elements": ["H", "C", "O"]}
        self.model = base.create("forcefields", kind, config, seed=0)
        rng = np.random.default_rng(0)
        structures = Structures.from_ase(frames)
        forces = rng.normal(size=structures.positions.shape)
        structures = replace(structures, energy=rng.normal(size=len(frames)), forces=forces)
        self.batch = self.model.collate(structures, np.arange(len(frames)))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.0)
        if compiled:
            self.model.compile_forces()
            self.model.compile_training()

    def train(self) -> None:
        """One step on energies and forces."""
        self.model.train()
        loss, _ = self.model.training_step(self.batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def force(self) -> None:
        """Energies, forces and stresses, with fixed parameters as in `tutti.models.forcefields.load`."""
        self.model.eval().requires_grad_(False)
        self.model.energy_and_forces(self.batch)

    def answer(self, line: str) -> float:
        """CPU milliseconds of "train" or "force", the peak "memory" in MB, or page "faults" so far."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        if line in ("memory", "faults"):
            return usage.ru_maxrss / 1024 if line == "memory" else usage.ru_minflt
        start = time.process_time()
        {"train": self.train, "force": self.force}[line]()
        return 1e3 * (time.process_time() - start)


class Process:
    """A process that answers "train", "force" and "memory" with a number; also a context manager."""

    def __init__(self, command: list[str], threads: int) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        while (line := self.process.stdout.readline()) != "ready\n":
            if not line:
                raise RuntimeError(f"run {' '.join(command)} by hand to see why it ended")

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.stdin.close()
        self.process.wait()

    def ask(self, question: str) -> float:
        """The answer."""
        print(question, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def write_request(folder: Path, kind: str, frames: list[ase.Atoms]) -> None:
    """What the reference reads."""
    request = SIZES | {"kind": kind, "n_basis": N_BASIS[kind][1], "dtype": "float32"}
    (folder / "request.json").write_text(json.dumps(request))
    starts = np.cumsum([0, *(len(atoms) for atoms in frames[:-1])])
    found = [neighbor_list("ijS", atoms, SIZES["cutoff"]) for atoms in frames]
    pairs = [np.stack([i, j]) + start for (i, j, _), start in zip(found, starts, strict=True)]
    shifts = [cells @ atoms.cell[:] for (*_, cells), atoms in zip(found, frames, strict=True)]
    np.savez(
        folder / "batch.npz",
        numbers=np.concatenate([atoms.numbers for atoms in frames]),
        positions=np.concatenate([atoms.positions for atoms in frames]),
        n_atoms=np.array([len(atoms) for atoms in frames]),
        pairs=np.concatenate(pairs, axis=1),
        shifts=np.concatenate(shifts),
        cells=np.stack([atoms.cell[:] for atoms in frames]),
    )


def measure(kind: str, case: tuple[str, int, str], options: argparse.Namespace) -> str:
    """Milliseconds and MB of a case, with the reference's and the ratios where there is a peer."""
    source, n, task = case
    own = [
        sys.executable,
        __file__,
        "--serve",
        kind,
        source,
        str(n),
        "compiled" if options.compile else "eager",
    ]
    if options.peer is None:
        with Process(own, options.threads) as ours:
            for _ in range(WARM_UP):
                ours.ask(task)
            before = ours.ask("faults")
            times = [ours.ask(task) for _ in range(options.rounds)]
            faults = (ours.ask("faults") - before) / options.rounds
            return f"{np.median(times):8.2f} ms  {ours.ask('memory'):5.0f} MB  {faults:.0f} page faults"
    with tempfile.TemporaryDirectory() as folder:
        write_request(Path(folder), kind, make_frames(source, n))
        theirs = [options.peer, str(REFERENCE), folder, "--serve"]
        with Process(own, options.threads) as ours, Process(theirs, options.threads) as peer:
            times = np.array([(ours.ask(task), peer.ask(task)) for _ in range(options.rounds + WARM_UP)])
            a, b = np.median(times[WARM_UP:], axis=0)
            memory, peer_memory = ours.ask("memory"), peer.ask("memory")
    return (
        f"{a:8.2f} ms, schnetpack {b:8.2f} ms, ratio {b / a:.2f};  "
        f"{memory:5.0f} MB, schnetpack {peer_memory:5.0f} MB, ratio {peer_memory / memory:.2f}"
    )


def serve(kind: str, source: str, n: str, mode: str) -> None:
    """Answer the lines of the standard input."""
    ours = Ours(kind, make_frames(source, int(n)), mode == "compiled")
    print("ready", flush=True)
    for line in sys.stdin:
        print(ours.answer(line.strip()), flush=True)


def main() -> None:
    """Print a line per model and case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peer", help="Python of an environment that has schnetpack")
    parser.add_argument("--compile", action="store_true", help="time our compiled calls")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", nargs="+", default=list(N_BASIS), choices=list(N_BASIS))
    parser.add_argument("--growth", action="store_true", help="force calls on 21 to 2,001 atoms instead")
    parser.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), help="all by default")
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    growth = {f"{3 * n} atoms of water, force call": ("water", n, "force") for n in GROWTH}
    for kind in options.models:
        for name, case in (growth if options.growth else CASES).items():
            if options.cases and name not in options.cases:
                continue
            print(f"{kind:6s} {name:32s} {measure(kind, case, options)}", flush=True)


if __name__ == "__main__":
    main()
