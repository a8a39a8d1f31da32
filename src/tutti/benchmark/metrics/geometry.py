"""Bond lengths, bond angles and clashes of all atoms, hydrogens included.

PoseBusters leaves hydrogens out: a C-H bond of 0.6 Å passes all its tests. Here as there, distances are held
against the bounds of RDKit's distance geometry (Buttenschoen, Morris, Deane, Chem. Sci. 15, 3130, 2024,
section "Chemical and geometric consistency"), but with tolerances of our own.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem.rdDistGeom import GetMoleculeBoundsMatrix

from tutti.benchmark.metrics.permolecule import Failure, check_valid, molecule, passing_table
from tutti.chemistry.bonds import graph
from tutti.core.elements import HYDROGEN
from tutti.core.library_calls import RDKIT
from tutti.core.structures import Structures

TESTS = ("bond_lengths", "bond_angles", "steric_clash")
# How far a distance may lie outside its bounds, relative to the bound. For pairs of bonded atoms (1,2) and of
# atoms with a common neighbour (1,3): without and with a hydrogen. The tightest round numbers with which at
# least 99.5 % of QM7 pass each test; QM9 has more strained rings, see `check_all`.
BOND_TOLERANCE = (0.06, 0.05)
ANGLE_TOLERANCE = (0.14, 0.10)
# For all other pairs, which are held against the lower bound only: three or four bonds apart, and farther or
# not connected. Wide for the first because RDKit takes amides and esters as trans; cis is a minimum too.
CLASH_TOLERANCE = (0.40, 0.20)
# Those of PoseBusters' configuration `mol`.
_BOUNDS = {
    "set15bounds": True,
    "scaleVDW": True,
    "doTriangleSmoothing": True,
    "useMacrocycle14config": False,
}
# Two ends with one real length but two orders, as in nitro groups and carboxylates.
_RESONANCE = Chem.MolFromSmarts("[N,O,S;D1]-[*]=[N,O,S;D1]")


def check_all(
    structures: Structures, verdicts: pd.DataFrame, jobs: int, time_limit: float = 20.0, progress: bool = True
) -> pd.DataFrame:
    """The three tests of every sample that xyz2mol found valid.

    Share of molecules in a minimum that pass, of those valid by xyz2mol:

    | data | n | bond_lengths | bond_angles | steric_clash | all |
    |---|---|---|---|---|---|
    | QM7 (PBE), H, C, N, O | 6803 | 99.56 % | 99.53 % | 99.62 % | 98.71 % |
    | QM7, with S (not used to set the tolerances) | 298 | 100.00 % | 99.33 % | 100.00 % | 99.33 % |
    | QM9 (B3LYP), at random (not used either) | 9998 | 93.2 % | 98.3 % | 99.5 % | 91.6 % |

    Other elements are less certain: RDKit's bounds take the angles of PH3 as tetrahedral.

    Args:
        structures: N samples.
        verdicts: N rows, in the same order, of the assigner `xyz2mol`; the rows to check are `valid`.
        jobs: number of worker processes.
        time_limit: s for one sample.
        progress: show a progress bar on stderr.

    Returns:
        N rows: `id`, `checked`, one nullable truth value for each of `TESTS`, `reason`, `message`, `seconds`
        (see `tutti.benchmark.metrics.permolecule.check_valid`). Reasons: `library_error` (RDKit finds no
        bounds), `timeout`, `crash`.

    Raises:
        ItemError: when a sample is marked valid but is not by xyz2mol.
    """

    def check(index: int) -> tuple:
        return Failure.NONE, *judge(molecule(structures, index))

    columns = dict.fromkeys(TESTS, "boolean")
    label = "geometry" if progress else None
    return check_valid(check, structures, verdicts, columns, jobs=jobs, time_limit=time_limit, label=label)


def judge(mol: Chem.Mol) -> tuple[bool, bool, bool]:
    """Whether a molecule passes each of `TESTS`.

    Args:
        mol: sanitised molecule with one conformer; all its hydrogens are atoms.

    Raises:
        LibraryError: when RDKit finds no distance bounds.
    """
    with RDKIT:
        bounds = GetMoleculeBoundsMatrix(mol, **_BOUNDS)
        path_lengths = Chem.GetDistanceMatrix(mol)
        numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
        resonant = mol.GetSubstructMatches(_RESONANCE)
    _symmetrise(bounds, numbers, resonant)
    first, second = graph.pairs(len(numbers))
    distance, steps = graph.distances(mol)[first, second], path_lengths[first, second]
    upper, lower = bounds[first, second], bounds[second, first]
    is_hydrogen = np.array(numbers) == HYDROGEN
    with_hydrogen = (is_hydrogen[first] | is_hydrogen[second]).astype(int)

    def within(pairs: np.ndarray, tolerance: tuple[float, float]) -> bool:
        allowed = np.take(tolerance, with_hydrogen[pairs])
        too_short = distance[pairs] < lower[pairs] * (1 - allowed)
        too_long = distance[pairs] > upper[pairs] * (1 + allowed)
        return not (too_short | too_long).any()

    overlapping = distance < lower * (1 - np.take(CLASH_TOLERANCE, (steps > 4).astype(int)))
    return (
        within(steps == 1, BOND_TOLERANCE),
        within(steps == 2, ANGLE_TOLERANCE),
        not overlapping[steps > 2].any(),
    )


def _symmetrise(bounds: np.ndarray, elements: list[int], resonant: Iterable[tuple[int, int, int]]) -> None:
    """Give both bonds of each resonant pair (end, centre, end) the wider bounds of the two, in place."""
    for one, centre, other in resonant:
        if elements[one] != elements[other]:
            continue
        pairs = [tuple(sorted((end, centre))) for end in (one, other)]
        upper = max(bounds[i, j] for i, j in pairs)
        lower = min(bounds[j, i] for i, j in pairs)
        for i, j in pairs:
            bounds[i, j], bounds[j, i] = upper, lower


def geometry_table(frame: pd.DataFrame, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Shares of the checked molecules that pass each of `TESTS`, and all of them, with 95 % Wilson intervals.

    Metric `geometry_with_hydrogens`, subsets `TESTS` and `all`. The denominator is that of
    `tutti.benchmark.metrics.permolecule.passing_table`.

    Args:
        frame: what `check_all` returns.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table.
    """
    groups = {("geometry_with_hydrogens", name): [name] for name in TESTS}
    groups[("geometry_with_hydrogens", "all")] = list(TESTS)
    return passing_table(frame, groups, model=model, dataset=dataset, seed=seed)
