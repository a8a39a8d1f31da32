"""Energies per atom by GFN2-xTB, and how far their distribution is from the reference's.

Of the molecules as they are. Total energies tell little but the elements, and those relative to free atoms
little but their proportions: per atom they scatter by 0.42 eV over QM9, but by 0.06 eV when every element has
the energy that fits the reference best. Of 200 molecules, noise of 0.02 Å shows in what remains.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import eye_array

from tutti.benchmark.metrics.permolecule import Failure, check_valid
from tutti.benchmark.metrics.strain import refusal, use_one_thread
from tutti.chemistry.bonds.pool import charge_of
from tutti.core import extras, ragged
from tutti.core.elements import SYMBOLS
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.statistics import comparisons
from tutti.statistics.bootstrap import Design, bootstrap
from tutti.statistics.comparisons import Entry
from tutti.statistics.estimate import table_of

ENERGY = "atomisation_energy_per_atom"
COLUMNS = {ENERGY: float}
SUBSET = "xyz2mol"
"""The assigner whose valid molecules have an energy."""
DISTANCES = {"energy_wasserstein": "eV/atom", "energy_kolmogorov_smirnov": "1"}
"""Metrics with their floors, and units."""


def check_all(
    structures: Structures,
    verdicts: pd.DataFrame,
    jobs: int,
    time_limit: float = 60.0,
    progress: bool = True,
) -> pd.DataFrame:
    """The energy of every sample that xyz2mol found valid, with its total charge.

    Args:
        structures: N samples.
        verdicts: N rows, in the same order, of the assigner `xyz2mol`; those that are `valid` have an energy.
        jobs: number of worker processes, of one thread each.
        time_limit: s for one sample.
        progress: show a progress bar on stderr.

    Returns:
        N rows: `id`, `checked`, `atomisation_energy_per_atom` (eV/atom, negative where the molecule is more
        stable than its free, neutral atoms), `reason`, `message`, `seconds` (see
        `tutti.benchmark.metrics.permolecule.check_valid`). Reasons: `unsupported_element`, `too_many_atoms`
        (as in `tutti.benchmark.metrics.strain`), `scf` (not converged), `library_error`, `timeout`, `crash`.

    Raises:
        ModuleNotFoundError: without tblite.
    """
    if not extras.is_installed("tblite"):
        raise ModuleNotFoundError(f"energies: {extras.advice('tblite')}")

    def check(index: int) -> tuple:
        use_one_thread()
        return _energy(*structures.frame(index), charge_of(structures, index))

    label = "energies" if progress else None
    return check_valid(check, structures, verdicts, COLUMNS, jobs=jobs, time_limit=time_limit, label=label)


def _energy(numbers: np.ndarray, positions: np.ndarray, charge: int) -> tuple[Failure, float | None]:
    # Not before the fork, see `use_one_thread`.
    from tblite.exceptions import TBLiteRuntimeError

    from tutti.chemistry import xtb

    if (refused := refusal(numbers)) != Failure.NONE:
        return refused, None
    try:
        energy = xtb.atomisation_energy(numbers, xtb.single_point(numbers, positions, charge))
    except TBLiteRuntimeError:
        return Failure.SCF, None
    return Failure.NONE, energy / len(numbers)


class Energies(NamedTuple):
    """M molecules with an energy.

    Attributes:
        per_atom: [M] eV, relative to free atoms.
        shares: [M, Z] share of each element among their atoms.
    """

    per_atom: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, structures: Structures, frame: pd.DataFrame) -> "Energies":
        """Of those of the N structures that have an energy in `frame`, see `check_all`."""
        known = frame[ENERGY].notna().to_numpy()
        chosen = structures[known]
        counts = np.zeros((len(chosen), len(SYMBOLS)))
        np.add.at(counts, (ragged.owners(chosen.n_atoms), chosen.numbers), 1)
        return cls(frame[ENERGY].to_numpy(float)[known], counts / chosen.n_atoms[:, None])


def beyond_composition(samples: Energies, reference: Energies) -> tuple[np.ndarray, np.ndarray]:
    """Energies per atom [S] and [T], eV, less those that the elements of the molecules have on average.

    One energy per element is fitted to the reference by least squares; what it lacks stays a free atom.
    """
    fitted = np.linalg.lstsq(reference.shares, reference.per_atom, rcond=None)[0]
    ours, theirs = (each.per_atom - each.shares @ fitted for each in (samples, reference))
    return ours, theirs


def energy_table(
    samples: Energies, reference: Energies, lost: str, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """Distances of the distribution of energies per atom from the reference's, with intervals and floors.

    The energies are those of `beyond_composition`.

    Metrics: `energy_wasserstein` (the area between the two distribution functions, eV/atom) and
    `energy_kolmogorov_smirnov` (their largest difference, 0 ... 1), each with `_floor` and `_p_value`; `n` is
    the number of samples with an energy. Those without are left out, and the note counts them.

    Args:
        samples: of the samples.
        reference: of training molecules.
        lost: samples that have no energy, in words, see `tutti.benchmark.metrics.permolecule.failures`.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table, and of all that is drawn here.
    """
    ours, theirs = beyond_composition(samples, reference)
    note = f"left out, without an energy: {lost}" if lost else ""
    entries = _compare(ours, theirs, note, seed)
    rows = [each.row(DISTANCES.get(each.metric.removesuffix("_floor"), "dimensionless")) for each in entries]
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def _compare(ours: np.ndarray, theirs: np.ndarray, note: str, seed: int) -> list[Entry]:
    """Both distances of the energies [S] from those [T] of the reference."""
    names = [(name, f"{name}_floor", f"{name}_p_value") for name in DISTANCES]
    sides = (("samples", ours), ("reference", theirs))
    if empty := [side for side, energies in sides if not len(energies)]:
        why = f"no energies in the {' and the '.join(empty)}"
        return [
            Entry.undefined(metric, SUBSET, len(ours), why, note) for metrics in names for metric in metrics
        ]
    multiplicity = bootstrap(len(ours), numpy_generator(seed, "bootstrap of molecules"))
    design = Design.of(
        multiplicity, len(theirs), numpy_generator(seed, "permutations and floors of energies")
    )
    values, each = np.concatenate([ours, theirs]), eye_array(len(ours) + len(theirs), format="csr")
    squared = np.concatenate([distances(values, *sets) for sets in design.sums(each)], axis=1) ** 2
    return [
        entry
        for metrics, of in zip(names, squared, strict=True)
        for entry in comparisons.entries(design.inference(of), metrics, SUBSET, len(ours), note, np.sqrt)
    ]


def distances(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """[2, C]: Wasserstein-1 and Kolmogorov-Smirnov distance of C pairs of multisets of values [M].

    Args:
        values: of either set.
        first: [C, M] how often each value is in the one; somewhere above 0.
        second: [C, M] and in the other.
    """
    order = np.argsort(values, kind="stable")
    gaps = np.diff(values[order])
    multiplicities = (each[:, order] for each in (first, second))
    ours, theirs = (np.cumsum(each, axis=1) / each.sum(axis=1, keepdims=True) for each in multiplicities)
    difference = np.abs(ours - theirs)[:, :-1]
    return np.stack([difference @ gaps, np.where(gaps > 0, difference, 0).max(axis=1, initial=0)])
