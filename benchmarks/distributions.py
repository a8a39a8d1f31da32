"""Time of bond lengths, local environments and bispectra, on real molecules.

`make bench` runs it; on a busy machine the ratios mean little. QM7 is repeated until there is enough of it.
Bispectra are timed against a loop over the atoms, which does what a script would do for each: e3nn's
harmonics of its neighbours, summed, and one einsum with e3nn's Wigner 3j symbol for each entry.
"""

import argparse
import math
import os
import time
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from statistics import median

import numpy as np
import torch
from e3nn import o3

from tutti import io
from tutti.benchmark.metrics import bond_lengths
from tutti.benchmark.metrics.bispectrum import LMAX, TRIPLES, bispectra
from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.environments import Environments, pairs
from tutti.chemistry.bonds.pool import assign_all

QM7 = Path(__file__).resolve().parents[2] / "shared" / "data" / "qm7.extxyz.gz"


def loop(vectors: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Bispectra [n, 15], one environment after another; starts [n + 1] are the first rows of `vectors`."""
    symbols = [
        math.sqrt(len(set(permutations(triple)))) * o3.wigner_3j(*triple, dtype=torch.float64).numpy()
        for triple in TRIPLES
    ]
    result = np.empty((len(starts) - 1, len(TRIPLES)))
    for i in range(len(result)):
        directions = torch.from_numpy(vectors[starts[i] : starts[i + 1]])
        harmonics = o3.spherical_harmonics(list(range(LMAX + 1)), directions, True, "integral").numpy()
        total = harmonics.sum(axis=0) / math.sqrt(4 * math.pi)
        c = [total[l * l : (l + 1) ** 2] for l in range(LMAX + 1)]
        for entry, (l1, l2, l3) in enumerate(TRIPLES):
            result[i, entry] = np.einsum("abc,a,b,c->", symbols[entry], c[l1], c[l2], c[l3])
    return result


def repeated(bonded: Bonded, n: int) -> Bonded:
    """`n` molecules, the given ones over and over."""
    times = -(-n // len(bonded))
    shift = np.arange(times)[:, None] * len(bonded.numbers)
    return Bonded(
        n_atoms=np.tile(bonded.n_atoms, times),
        numbers=np.tile(bonded.numbers, times),
        positions=np.tile(bonded.positions, (times, 1)),
        first=(shift + bonded.first).ravel(),
        second=(shift + bonded.second).ravel(),
        order=np.tile(bonded.order, times),
    ).head(n)


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def packing(bonded: Bonded, repeats: int) -> None:
    """Print the times of bond lengths and environments."""
    parts = {
        f"lengths of {len(bonded.first)} bonds by type": lambda: bond_lengths.by_type(bonded),
        f"environments of {len(bonded.numbers)} atoms": lambda: Environments.of(bonded),
    }
    for name, function in parts.items():
        print(f"{name:42s} {median(seconds(function) for _ in range(repeats)):8.3f} s", flush=True)


def compare(bonded: Bonded, n: int, n_loop: int, repeats: int) -> None:
    """Print the time of n bispectra, and the ratio of the loop's time for each, both in every round."""
    centre = Environments.of(bonded).centre[:n]
    index, neighbour = pairs(bonded, centre)
    vectors = bonded.positions[neighbour] - bonded.positions[centre[index]]
    starts = np.searchsorted(index, np.arange(min(n_loop, len(centre)) + 1))
    difference = np.abs(loop(vectors, starts) - bispectra(vectors, index, len(centre))[: len(starts) - 1])
    rounds = [
        (
            seconds(lambda: bispectra(vectors, index, len(centre))) / len(centre),
            seconds(lambda: loop(vectors, starts)) / (len(starts) - 1),
        )
        for _ in range(repeats)
    ]
    ours, theirs = (median(times) for times in zip(*rounds, strict=True))
    ratio = median(slow / fast for fast, slow in rounds)
    print(f"{f'bispectra of {len(centre)} environments':42s} {ours * len(centre):8.3f} s")
    print(f"{f'a loop over {len(starts) - 1} of them':42s} {theirs * (len(starts) - 1):8.3f} s")
    print(f"{'loop/bispectra per environment':42s} {ratio:8.1f}")
    print(f"{'largest difference':42s} {difference.max():8.1e}")


def main() -> None:
    """Print a heading and a line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=QM7, help="real molecules (default: QM7)")
    parser.add_argument("--molecules", type=int, default=100_000)
    parser.add_argument("--environments", type=int, default=100_000)
    parser.add_argument("--loop", type=int, default=1000, help="environments that the loop is timed on")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    structures = io.read(options.file)
    bonded = Bonded.of(structures, assign_all(structures, "xyz2mol", jobs=1, progress=False))
    bonded = repeated(bonded, options.molecules)
    threads, load = torch.get_num_threads(), os.getloadavg()[0]
    print(f"Geometric observations: {len(bonded)} molecules, {threads} threads, load before {load:.2f}")
    packing(bonded, options.repeats)
    compare(bonded, options.environments, options.loop, options.repeats)


if __name__ == "__main__":
    main()
