"""Uniqueness and novelty in three dimensions: molecules of one graph that are not the same conformer.

Graphs are SMILES without stereochemistry. Two molecules of one graph are the same when their heavy atoms lie
within `SAME` of one another, after the best rotation, translation and reflection, and over all ways in which
the atoms of the one may be those of the other. Mirror images are the same: models that see distances alone
cannot tell them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdMolAlign

from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.metrics.permolecule import Failure
from tutti.core import ragged
from tutti.core.elements import HYDROGEN
from tutti.core.library_calls import RDKIT, LibraryError
from tutti.core.worker_pool import Crash, Timeout, map_killable
from tutti.statistics.estimate import joined, table_of
from tutti.statistics.proportions import share

SAME = 0.5
"""Å, the largest root mean square distance of the heavy atoms of two molecules that are the same.

All of 400 molecules of QM9 are the same as themselves with noise of 0.2 Å on their coordinates; of two
conformers of each (ETKDG, MMFF94) 51 % are within 0.25 Å, 57 % within 0.5 Å and 83 % within 0.75 Å.
"""
MOST_MAPPINGS = 10_000
"""Ways to map the atoms that are tried, in 0.1 s. Of molecules with more, as of many tert-butyl groups, the
distance is an upper bound."""
TIME_LIMIT = 20.0
"""s for all molecules of one graph."""
SUBSET = "xyz2mol"


@dataclass(frozen=True)
class Shapes:
    """Valid molecules with their graphs.

    Attributes:
        bonded: M molecules.
        graphs: [M] str, SMILES.
    """

    bonded: Bonded
    graphs: Sequence[str]

    @cached_property
    def places(self) -> Mapping[str, np.ndarray]:
        """Places of the molecules of each graph, ascending."""
        return pd.Series(np.arange(len(self.graphs))).groupby(np.array(self.graphs, object)).groups

    @cached_property
    def _offsets(self) -> np.ndarray:
        return ragged.offsets(self.bonded.n_atoms)

    @cached_property
    def _hydrogens(self) -> np.ndarray:
        """[ΣN] how many hydrogens each atom is bonded to."""
        of, count = self.bonded, np.zeros(len(self.bonded.numbers), np.int64)
        for here, there in ((of.first, of.second), (of.second, of.first)):
            np.add.at(count, here, of.numbers[there] == HYDROGEN)
        return count

    def skeleton(self, place: int) -> Chem.Mol:
        """The heavy atoms of a molecule, or all of one that has none, as they are connected.

        Isotopes stand for numbers of hydrogens: only atoms with as many are equivalent. Bonds are all alike,
        so that those of a nitro group are too, whichever of them the SMILES writes double.
        """
        of, (start, end) = self.bonded, self._offsets[place : place + 2]
        kept = of.numbers[start:end] != HYDROGEN
        kept |= not kept.any()
        number = np.cumsum(kept) - 1
        mol = Chem.RWMol()
        for row in start + np.flatnonzero(kept):
            atom = Chem.Atom(int(of.numbers[row]))
            atom.SetIsotope(1 + int(self._hydrogens[row]))
            mol.AddAtom(atom)
        bonds = slice(*np.searchsorted(of.first, (start, end)))
        for first, second in zip(of.first[bonds] - start, of.second[bonds] - start, strict=True):
            if kept[first] and kept[second]:
                mol.AddBond(int(number[first]), int(number[second]), Chem.BondType.SINGLE)
        mol.AddConformer(_conformer(of.positions[start:end][kept]))
        mol.UpdatePropertyCache(strict=False)
        return mol


def _conformer(positions: np.ndarray) -> Chem.Conformer:
    conformer = Chem.Conformer(len(positions))
    conformer.SetPositions(np.ascontiguousarray(positions, dtype=float))
    return conformer


def distance(mol: Chem.Mol, other: Chem.Mol) -> float:
    """Root mean square distance (Å) of two skeletons of one graph, the least over mappings and reflection.

    Raises:
        LibraryError: when RDKit finds no mapping.
    """
    mirrored = Chem.Mol(mol)
    mirrored.RemoveAllConformers()
    mirrored.AddConformer(_conformer(mol.GetConformer().GetPositions() * [1, 1, -1]))
    return min(_best(mol, other), _best(mirrored, other))


def _best(mol: Chem.Mol, other: Chem.Mol) -> float:
    with RDKIT:
        return rdMolAlign.GetBestRMS(
            mol, other, maxMatches=MOST_MAPPINGS, symmetrizeConjugatedTerminalGroups=False
        )


class Found(NamedTuple):
    """What is found out about M molecules.

    Attributes:
        unique: [M] bool, no earlier one is the same.
        novel: [M] bool, unique and no molecule of the reference is the same; without one all that are unique.
        lost: [M] str, why a molecule could not be compared, which then is neither; empty for the others.
    """

    unique: np.ndarray
    novel: np.ndarray
    lost: np.ndarray


def compare(samples: Shapes, reference: Shapes | None) -> Found:
    """Which molecules are unique, and which of these novel; each graph in a process that may be killed."""
    known = {} if reference is None else reference.places
    graphs = [name for name, places in samples.places.items() if len(places) > 1 or name in known]

    def look(graph: str) -> list[tuple[bool, bool]] | str:
        theirs = [reference.skeleton(place) for place in known.get(graph, ())]
        try:
            return list(_within([samples.skeleton(place) for place in samples.places[graph]], theirs))
        except LibraryError:
            return Failure.LIBRARY_ERROR

    unique, novel = np.ones((2, len(samples.graphs)), bool)
    lost = np.full(len(samples.graphs), Failure.NONE, object)
    for graph, found in zip(graphs, map_killable(look, graphs, 1, TIME_LIMIT), strict=True):
        places = samples.places[graph]
        if isinstance(found, list):
            unique[places], novel[places] = np.array(found).T
        else:
            reasons = {Timeout: Failure.TIMEOUT, Crash: Failure.CRASH}
            unique[places] = novel[places] = False
            lost[places] = reasons.get(type(found), found)
    return Found(unique, novel, lost)


def _within(mols: Sequence[Chem.Mol], reference: Sequence[Chem.Mol]) -> Iterator[tuple[bool, bool]]:
    """(unique, novel) of molecules of one graph."""
    kept = []
    for mol in mols:
        unique = all(distance(mol, earlier) > SAME for earlier in kept)
        if unique:
            kept.append(mol)
        yield unique, unique and all(distance(mol, other) > SAME for other in reference)


def shape_table(
    samples: Shapes, reference: Shapes | None, *, model: str, dataset: str, seed: int
) -> pd.DataFrame:
    """Shares with 95 % Wilson intervals.

    | metric | of | what |
    |---|---|---|
    | uniqueness_in_3d | valid molecules | no earlier one is the same |
    | novelty_in_3d | those unique in 3D | no training molecule is the same; without a reference left out |

    Molecules that could not be compared count as neither; the note counts them.

    Args:
        samples: valid molecules.
        reference: training molecules.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table.
    """
    found = compare(samples, reference)
    reasons = pd.Series(found.lost[found.lost != Failure.NONE], dtype=object).value_counts()
    lost = ", ".join(f"{reasons[reason]} {reason}" for reason in sorted(reasons.index))
    note = joined(
        f"the same: within {SAME} Å, mirror images too",
        f"not compared, counted as repeated: {lost}" if lost else "",
    )
    unique = int(found.unique.sum())
    rows = [share("uniqueness_in_3d", SUBSET, unique, len(found.unique), "valid molecules", note)]
    if reference is not None:
        rows.append(
            share("novelty_in_3d", SUBSET, int(found.novel.sum()), unique, "molecules unique in 3D", note)
        )
    return table_of(rows, model=model, dataset=dataset, seed=seed)
