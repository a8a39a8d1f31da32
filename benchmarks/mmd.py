"""Time and memory of the tables of distances (MMD, JSD) on made-up observations as many as QM9's.

`make bench` runs it. Bond lengths, bispectra and counts of categories are random numbers: what they cost
depends on how many there are. One line per number of the samples' molecules, against one reference.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array

from tutti.benchmark.metrics.frequencies import Counts
from tutti.benchmark.metrics.jsd import jsd_table
from tutti.benchmark.metrics.mmd_tables import mmd_bispectrum_table, mmd_bond_length_table
from tutti.core.randomness import numpy_generator
from tutti.statistics.observations import Observations

# Mean number in a molecule of QM9, roughly, of the ten most frequent bond types and environments.
BONDS = (7.8, 5.0, 1.4, 1.2, 0.6, 0.6, 0.5, 0.4, 0.4, 0.15)
ENVIRONMENTS = (1.3, 0.9, 0.9, 0.8, 0.6, 0.4, 0.3, 0.3, 0.2, 0.2)
CATEGORIES = {"atom_types": (5, 18.0), "local_environments": (300, 8.0), "ring_sizes": (6, 1.7)}
NAMES = {"model": "model", "dataset": "dataset", "seed": 0}


def observations(means: tuple[float, ...], d: int, n_molecules: int, stream: str) -> dict[str, Observations]:
    """By key, normal numbers of width 0.02 (Å) or vectors of width 0.3, a Poisson number in each molecule."""
    made = {}
    for key, mean in enumerate(means):
        generator = numpy_generator(0, stream, key, d)
        molecule = np.repeat(np.arange(n_molecules), generator.poisson(mean, n_molecules))
        values = generator.normal(1.3, 0.02 if d == 1 else 0.3, (len(molecule), d))
        made[str(key)] = Observations(values, molecule, n_molecules)
    return made


def counts(n_molecules: int, stream: str) -> dict[str, Counts]:
    """Poisson numbers of categories whose frequency falls as 1/rank."""
    made = {}
    for key, (n_names, mean) in CATEGORIES.items():
        frequency = 1 / np.arange(1, n_names + 1)
        rates = mean * frequency / frequency.sum()
        numbers = numpy_generator(0, f"{stream} {key}").poisson(rates, (n_molecules, n_names))
        made[key] = Counts([str(i) for i in range(n_names)], csr_array(numbers))
    return made


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    """Print a line per number of molecules."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--reference", type=int, default=100_000)
    options = parser.parse_args()
    print(f"reference: {options.reference} molecules, load before {os.getloadavg()[0]:.2f}")
    bonds = observations(BONDS, 1, options.reference, "reference")
    environments = observations(ENVIRONMENTS, 15, options.reference, "reference")
    categories = counts(options.reference, "reference")
    for n in options.samples:
        our_bonds = observations(BONDS, 1, n, "samples")
        ours = observations(ENVIRONMENTS, 15, n, "samples")
        first = observations(ENVIRONMENTS, 15, min(n, 1000), "samples")
        our_categories = counts(n, "samples")
        times = {
            "bond lengths": seconds(lambda a=our_bonds: mmd_bond_length_table(a, bonds, **NAMES)),
            "bispectra": seconds(lambda a=ours, b=first: mmd_bispectrum_table(a, environments, b, **NAMES)),
            "frequencies": seconds(lambda a=our_categories: jsd_table(a, categories, **NAMES)),
        }
        cells = "   ".join(f"{name} {value:5.1f} s" for name, value in times.items())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{n:7d} molecules   {cells}   all {sum(times.values()):5.1f} s   peak {peak:.2f} GiB", flush=True
        )


if __name__ == "__main__":
    main()
