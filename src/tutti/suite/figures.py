"""Figures of the suite: those drawn from a table, and those drawn from judged samples.

Captions and what each figure needs stand in `tutti.suite.captions`, which the workflow can read without the
plotting libraries.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from tutti.metrics import bond_lengths as lengths
from tutti.plots import (
    against_n,
    bispectra,
    distances,
    distributions,
    frequencies,
    strain,
    validity,
    validity_matrix,
)
from tutti.suite.jsd import counts
from tutti.suite.judged import Judged

Sets = Mapping[str, Judged]
"""Judged samples by label; the first is the reference, drawn in grey."""

LARGEST = 10_000
"""Molecules that a picture of random environments is drawn from."""

OF_TABLE: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "validity": validity.draw,
    "validity_matrix": validity_matrix.draw,
    "against_n": against_n.draw,
    "mmd_bond_length": distances.draw,
    "mmd_bispectrum": distances.draw,
    "jsd": distances.draw,
}


def bond_lengths(sets: Sets, stem: Path) -> None:
    """Figures 5 and 6 of the Symphony paper."""
    distributions.bond_lengths(
        {label: lengths.by_type(judged.bonded) for label, judged in sets.items()}, stem
    )


def bispectra_of_environments(sets: Sets, stem: Path) -> None:
    """Figure 4 of the Symphony paper."""
    # Brings torch and e3nn, which take seconds and no other figure needs.
    from tutti.metrics import bispectrum

    reference, *_ = sets.values()
    names = list(bispectrum.by_environment(reference.bonded.head(LARGEST)))[: bispectra.ENVIRONMENTS]
    found = {
        label: bispectrum.by_environment(judged.bonded.head(LARGEST), names) for label, judged in sets.items()
    }
    bispectra.draw(found, stem, bispectrum.TRIPLES)


def atom_types(sets: Sets, stem: Path) -> None:
    """Figure 7 of the Symphony paper."""
    _frequencies("atom_types", sets, stem, "element")


def ring_sizes(sets: Sets, stem: Path) -> None:
    """Figure 8 of the Symphony paper."""
    _frequencies("ring_sizes", sets, stem, "atoms in the ring")


def atom_counts(sets: Sets, stem: Path) -> None:
    """Atoms per molecule, of all samples."""
    distributions.atom_counts({label: judged.structures for label, judged in sets.items()}, stem)


def strain_of_samples(sets: Sets, stem: Path) -> None:
    """Energy drop and displacement in the relaxation."""
    strain.draw({label: judged.checks["strain"] for label, judged in sets.items()}, stem)


def _frequencies(kind: str, sets: Sets, stem: Path, xlabel: str) -> None:
    found = {label: counts(judged)[kind] for label, judged in sets.items()}
    totals = {
        label: dict(zip(of_kind.names, of_kind.per_molecule.sum(axis=0).tolist(), strict=True))
        for label, of_kind in found.items()
    }
    frequencies.draw(totals, stem, xlabel)


OF_SAMPLES: dict[str, Callable[[Sets, Path], None]] = {
    "bond_lengths": bond_lengths,
    "bispectra": bispectra_of_environments,
    "atom_types": atom_types,
    "ring_sizes": ring_sizes,
    "atom_counts": atom_counts,
    "strain": strain_of_samples,
}
