"""MMD² by its definition and in closed form, and observations to try it on."""

import numpy as np
from scipy.spatial.distance import cdist

from tutti.benchmark.metrics.mmd import GAMMAS
from tutti.statistics.observations import Observations


def direct(x, y):
    """The definition: per γ the absolute value of three means over all pairs."""
    xx, yy, xy = (cdist(a, b, "sqeuclidean") for a, b in ((x, x), (y, y), (x, y)))
    return sum(
        abs(np.exp(-g * xx).mean() + np.exp(-g * yy).mean() - 2 * np.exp(-g * xy).mean()) for g in GAMMAS
    )


def gaussian_mmd_squared(shift, a, b, d, n=np.inf, m=np.inf):
    """E MMD² of n points of N(0, a²) and m of N(shift, b²) in d dimensions."""

    def mean_kernel(variance, distance):
        return (1 + 2 * GAMMAS * variance) ** (-d / 2) * np.exp(
            -GAMMAS * distance**2 / (1 + 2 * GAMMAS * variance)
        )

    xx, yy, xy = mean_kernel(2 * a**2, 0), mean_kernel(2 * b**2, 0), mean_kernel(a**2 + b**2, shift)
    return (1 / n + (1 - 1 / n) * xx + 1 / m + (1 - 1 / m) * yy - 2 * xy).sum()


def observed(generator, n_molecules, d=1, per_molecule=2, mean=1.1, width=0.02, common=0.0):
    """Normal numbers; `common` is the width of what the observations of a molecule share."""
    molecule = np.repeat(np.arange(n_molecules), generator.poisson(per_molecule, n_molecules))
    shared = generator.normal(0, common, (n_molecules, d))[molecule]
    return Observations(generator.normal(mean, width, (len(molecule), d)) + shared, molecule, n_molecules)


def single(values):
    """Every point a molecule of its own."""
    return Observations(values, np.arange(len(values)), len(values))
