"""Stability of atoms and molecules by valences that depend on the formal charge, where charges are found."""

import numpy as np
import pandas as pd

from tutti.benchmark.metrics.valences import stable_atoms, unstable_atoms
from tutti.benchmark.metrics.validity import lack
from tutti.benchmark.samples.judged import Judged
from tutti.benchmark.tables import MAIN
from tutti.chemistry.bonds.assignment import GIVEN, OF_RDKIT, Bonds, shown
from tutti.core.elements import HYDROGEN
from tutti.core.structures import Structures
from tutti.statistics.estimate import Row, table_of
from tutti.statistics.proportions import share

CHARGED = (MAIN, OF_RDKIT, GIVEN)
"""The assigners that give atoms formal charges."""
_ATOMS = "the interval takes the atoms as independent"


def table(samples: Judged, reference: Judged | None, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Shares of all atoms and of all samples that are stable; the reference is not used.

    Of a sample that is not valid no atom is stable, because it has no bonds; only by `given` it may have some
    and charges, and then its atoms count, but for those of aromatic bonds, whose orders are not known.
    """
    rows = []
    for assigner in CHARGED:
        if assigner in samples.verdicts:
            rows += _rows(samples.structures, samples.verdicts[assigner], assigner)
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def _rows(structures: Structures, verdicts: pd.DataFrame, assigner: str) -> list[Row]:
    names = [f"{of}_stability_with_charges" for of in ("atom", "molecule")]
    if missing := lack(verdicts, assigner):
        return [share(name, shown(assigner), 0, 0, missing) for name in names]
    valid = verdicts[verdicts["valid"]]
    unstable = valid["smiles"].map({text: unstable_atoms(text) for text in valid["smiles"].unique()})
    atoms = int(valid["n_atoms"].sum() - unstable.sum())
    if assigner == GIVEN:
        atoms += sum(_given(structures, index) for index in np.flatnonzero(~verdicts["valid"].to_numpy(bool)))
    return [
        share(names[0], shown(assigner), atoms, int(verdicts["n_atoms"].sum()), "atoms", _ATOMS),
        share(names[1], shown(assigner), int((unstable == 0).sum()), len(verdicts), "samples"),
    ]


def _given(structures: Structures, index: int) -> int:
    """Stable atoms of a sample that is not valid, by the bonds and charges of its file."""
    numbers, said = structures.frame(index)[0], structures.bonds(index)
    if said is None or not (numbers == HYDROGEN).any():  # hydrogens that are no atoms fill unknown valences
        return 0
    ends, orders, charges = said
    bonds = Bonds(ends[:, 0], ends[:, 1], orders)
    stable = stable_atoms(numbers, charges, bonds.valences(len(numbers)))
    stable[ends[orders == 1.5].ravel()] = False
    return int(stable.sum())
