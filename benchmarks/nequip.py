"""NequIP as a force field: a training step and a force call, alone or against the package `nequip`.

python benchmarks/nequip.py [--peer PYTHON] [--compile] [--rounds N] [--lmax 1 2] [--cases ...]

Cases: 5 frames of ethanol (9 atoms), 48 atoms of water in a periodic box, 1 and 100 frames of ethanol; 32
features, 4 layers, both parities, 5 Å, float32, one thread. With --peer, the Python of an environment that
has `nequip`, its eager mode (with --compile: its compiled mode) is timed on the same frames, call by call in
turn with ours, and the ratio is printed. Times are CPU times, on which other programs have little influence;
peak memory (Linux) is that of processes that do one case alone.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ase
import numpy as np
import torch
import vesin

from tutti.nn.nequip_potential import NequIPPotential
from tutti.nn.pairs import PairGraph

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "tests/peers/nequip_reference.py"
CUTOFF, CHANNELS, LAYERS, HIDDEN = 5.0, 32, 4, 128
CASES = {
    "5 ethanol, training step": ("ethanol", 5, "train"),
    "48 atoms of water, training step": ("water", 1, "train"),
    "48 atoms of water, force call": ("water", 1, "force"),
    "1 ethanol, force call": ("ethanol", 1, "force"),
    "100 ethanol, force call": ("ethanol", 100, "force"),
}


def ethanol(n: int) -> list[ase.Atoms]:
    """`n` shaken copies of one molecule."""
    from ase.build import molecule

    rng, frames = np.random.default_rng(0), []
    for _ in range(n):
        atoms = molecule("CH3CH2OH")
        atoms.positions += 0.05 * rng.normal(size=(len(atoms), 3))
        frames.append(atoms)
    return frames


def water() -> list[ase.Atoms]:
    """16 molecules on a grid in a cubic box of the density of water, turned at random."""
    from ase.build import molecule

    rng, box = np.random.default_rng(0), 7.82
    places = np.stack(np.meshgrid(*[np.arange(3)] * 3), axis=-1).reshape(-1, 3)[:16] * (box / 3)
    atoms = ase.Atoms(cell=[box] * 3, pbc=True)
    for place in places:
        one = molecule("H2O")
        one.rotate(360 * rng.random(), rng.normal(size=3))
        one.positions += place
        atoms += one
    return [atoms]


def batch_of(frames: list[ase.Atoms]) -> dict[str, np.ndarray]:
    """Arrays of the frames, with every pair of neighbours both ways, in the form the reference reads."""
    search, first_atom, edges, shifts = vesin.NeighborList(cutoff=CUTOFF, full_list=False), 0, [], []
    for atoms in frames:
        i, j, shift = search.compute(atoms.positions, atoms.cell[:], bool(atoms.pbc.all()), "ijS")
        edges.append(np.stack([i, j]).astype(np.int64) + first_atom)
        shifts.append(shift.astype(np.float64))
        first_atom += len(atoms)
    pairs, shift = np.concatenate(edges, axis=1), np.concatenate(shifts)
    cells = np.stack([atoms.cell[:] for atoms in frames])
    return {
        "positions": np.concatenate([atoms.positions for atoms in frames]),
        "species": np.searchsorted([1, 6, 8], np.concatenate([atoms.numbers for atoms in frames])),
        "n_atoms": np.array([len(atoms) for atoms in frames]),
        "edges": np.concatenate([pairs, pairs[::-1]], axis=1),
        "shifts": np.concatenate([shift, -shift]),
        "cells": cells,
    }


class Ours:
    """One training step or force call on a batch."""

    def __init__(self, batch: dict[str, np.ndarray], lmax: int) -> None:
        half = batch["edges"].shape[1] // 2
        first, second = torch.from_numpy(batch["edges"][:, :half]).contiguous()
        frame = np.repeat(np.arange(len(batch["cells"])), batch["n_atoms"])[first]
        shift = np.einsum("ps,psk->pk", batch["shifts"][:half], batch["cells"][frame])
        vectors = batch["positions"][second] - batch["positions"][first] + shift
        self.first, self.second = first, second
        self.vectors = torch.tensor(vectors, dtype=torch.float32)
        self.species = torch.from_numpy(batch["species"])
        torch.manual_seed(0)
        self.model = NequIPPotential(
            3,
            lmax=lmax,
            parity=True,
            channels=CHANNELS,
            layers=LAYERS,
            n_basis=8,
            radial_hidden=HIDDEN,
            radial_layers=1,
            cutoff=CUTOFF,
            neighbour_norm=8.0**0.5,
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.0)

    def forces(self, training: bool) -> torch.Tensor:
        """[N, 3]."""
        vectors = self.vectors.clone().requires_grad_()
        graph = PairGraph(self.first, self.second, vectors, len(self.species))
        energy = self.model(self.species, graph).sum()
        (slope,) = torch.autograd.grad(energy, vectors, create_graph=training)
        forces = slope.new_zeros(len(self.species), 3)
        return forces.index_add(0, self.first, slope).index_add(0, self.second, slope, alpha=-1.0)

    def train(self) -> None:
        """A step on the forces' mean square."""
        loss = self.forces(training=True).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def run(self, task: str) -> float:
        """Milliseconds of one "train" or "force"."""
        start = time.process_time()
        if task == "train":
            self.train()
        else:
            self.forces(training=False)
        return 1e3 * (time.process_time() - start)


@contextmanager
def peer(python: str, batch: dict[str, np.ndarray], lmax: int, mode: str) -> Iterator[Callable[[str], float]]:
    """A process of the reference; call the result with "train", "force" or "memory"."""
    arguments = {"num_layers": LAYERS, "l_max": lmax, "parity": True, "num_features": CHANNELS}
    arguments |= {"seed": 0, "model_dtype": "float32", "r_max": CUTOFF, "type_names": ["H", "C", "O"]}
    arguments |= {"radial_mlp_depth": 1, "radial_mlp_width": HIDDEN, "avg_num_neighbors": 8.0}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "request.json").write_text(json.dumps(arguments | {"compile_mode": mode}))
        np.savez(Path(folder) / "batch.npz", **batch)
        command = [python, str(REFERENCE), folder, "--serve"]
        # The reference writes warnings to its standard error.
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:

            def ask(line: str) -> float:
                process.stdin.write(line + "\n")
                process.stdin.flush()
                while True:
                    answer = process.stdout.readline()
                    if not answer:
                        raise RuntimeError("the reference ended early: run its script by hand to see why")
                    try:
                        return float(answer)
                    except ValueError:
                        continue

            yield ask
            process.stdin.close()


def own_memory(case: str, lmax: int) -> float:
    """Peak memory in MB of a process that does a case alone."""
    command = [sys.executable, __file__, "--alone", case, "--lmax", str(lmax)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(case: str, lmax: int, options: argparse.Namespace) -> str:
    """One line of the table."""
    kind, n, task = CASES[case]
    batch = batch_of(ethanol(n) if kind == "ethanol" else water())
    ours = Ours(batch, lmax)
    line = f"l = {lmax}  {case:34s}"
    if options.peer is None:
        times = [ours.run(task) for _ in range(options.rounds + 2)][2:]
        return f"{line} {np.median(times):8.1f} ms  {own_memory(case, lmax):6.0f} MB"
    mode = "compile" if options.compile else "eager"
    with peer(options.peer, batch, lmax, mode) as ask:
        pairs = np.array([(ours.run(task), ask(task)) for _ in range(options.rounds + 3)])[3:]
        memory = ask("memory")
    mine, theirs = np.median(pairs, axis=0)
    ratio = np.median(pairs[:, 1] / pairs[:, 0])
    own = own_memory(case, lmax)
    times = f"{mine:8.1f} ms  nequip {theirs:8.1f} ms  ratio {ratio:5.2f}"
    return f"{line} {times}  {own:.0f} MB  nequip {memory:.0f} MB"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peer", help="Python of an environment that has nequip")
    parser.add_argument("--compile", action="store_true", help="time nequip's compiled mode")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--lmax", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--alone", choices=list(CASES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    if options.alone:
        kind, n, task = CASES[options.alone]
        ours = Ours(batch_of(ethanol(n) if kind == "ethanol" else water()), options.lmax[0])
        for _ in range(3):
            ours.run(task)
        status = Path("/proc/self/status").read_text()
        print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
        return
    for lmax in options.lmax:
        for case in options.cases:
            print(measure(case, lmax, options), flush=True)


if __name__ == "__main__":
    main()
