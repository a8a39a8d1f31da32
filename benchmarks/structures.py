"""Loading 130,000 molecules of QM9's size from one .npz: seconds, peak memory over the arrays' size."""

import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from tutti.core.structures import Structures

MOLECULES = 130_000


def main() -> None:
    """Print the figures of five loads."""
    rng = np.random.default_rng(0)
    n_atoms = rng.integers(9, 28, MOLECULES)
    total = int(n_atoms.sum())
    structures = Structures(
        n_atoms=n_atoms,
        numbers=rng.choice([1, 6, 7, 8, 9], total).astype(np.uint8),
        positions=rng.normal(size=(total, 3)),
        energy=rng.normal(size=MOLECULES),
        columns={"smiles": np.array(["CC(C)C1CC1C(N)=O"] * MOLECULES)},
    )
    arrays = sum(array.nbytes for array in structures._arrays().values())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "molecules.npz")
        structures.save(path)
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            Structures.load(path)
            seconds.append(time.perf_counter() - start)
        tracemalloc.start()
        Structures.load(path)
        _, peak = tracemalloc.get_traced_memory()
    print(
        f"structures: load of {MOLECULES} molecules {np.median(seconds):.3f} s (median of 5), "
        f"peak memory {peak / arrays:.2f} x arrays"
    )


if __name__ == "__main__":
    main()
