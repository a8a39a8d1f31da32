"""Figures of judged samples: the reference first, in grey, and the models beside it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tutti.benchmark.metrics import bond_angles as angles
from tutti.benchmark.metrics import bond_lengths as lengths
from tutti.benchmark.metrics import torsions as dihedrals
from tutti.benchmark.metrics.bonded import Bonded
from tutti.benchmark.samples.jsd import counts
from tutti.benchmark.samples.judged import Judged
from tutti.figures import distributions, frequencies
from tutti.figures.bispectra import ENVIRONMENTS
from tutti.figures.bispectra import draw as draw_bispectra
from tutti.figures.strain import draw as draw_strain
from tutti.statistics.observations import Observations

Sets = Mapping[str, Judged]
"""Judged samples by label; the first is the reference, drawn in grey."""

LARGEST = 10_000
"""Molecules that a picture of random environments is drawn from."""


def bond_lengths(sets: Sets, stem: Path) -> None:
    """Figures 5 and 6 of the Symphony paper."""
    _coordinates(lengths.by_type, distributions.LENGTHS, sets, stem)


def bond_angles(sets: Sets, stem: Path) -> None:
    """Bond angles by type."""
    _coordinates(angles.by_type, distributions.ANGLES, sets, stem)


def torsions(sets: Sets, stem: Path) -> None:
    """Torsions by type."""
    _coordinates(dihedrals.by_type, distributions.TORSIONS, sets, stem)


def bispectra(sets: Sets, stem: Path) -> None:
    """Figure 4 of the Symphony paper."""
    # Brings torch and e3nn, which take seconds and no other figure needs.
    from tutti.benchmark.metrics.bispectrum import TRIPLES, by_environment

    reference, *_ = sets.values()
    names = list(by_environment(reference.bonded.head(LARGEST)))[:ENVIRONMENTS]
    found = {label: by_environment(judged.bonded.head(LARGEST), names) for label, judged in sets.items()}
    draw_bispectra(found, stem, TRIPLES)


def atom_types(sets: Sets, stem: Path) -> None:
    """Figure 7 of the Symphony paper."""
    _frequencies("atom_types", sets, stem, "element", "share of the atoms (%)")


def ring_sizes(sets: Sets, stem: Path) -> None:
    """Figure 8 of the Symphony paper."""
    _frequencies("ring_sizes", sets, stem, "atoms in the ring", "share of the rings (%)")


def atom_counts(sets: Sets, stem: Path) -> None:
    """Atoms per molecule, of all samples."""
    distributions.atom_counts({label: judged.structures for label, judged in sets.items()}, stem)


def strain(sets: Sets, stem: Path) -> None:
    """Energy drop and displacement in the relaxation."""
    draw_strain({label: judged.checks["strain"] for label, judged in sets.items()}, stem)


def _coordinates(
    by_type: Callable[[Bonded, list[str] | int], Mapping[str, Observations]],
    look: distributions.Look,
    sets: Sets,
    stem: Path,
) -> None:
    (reference, known), *models = sets.items()
    found = {reference: by_type(known.bonded, distributions.TYPES)}
    types = list(found[reference])
    found |= {label: by_type(judged.bonded, types) for label, judged in models}
    distributions.coordinates(found, stem, look)


def _frequencies(kind: str, sets: Sets, stem: Path, xlabel: str, ylabel: str) -> None:
    found = {label: counts(judged)[kind] for label, judged in sets.items()}
    totals = {
        label: dict(zip(of_kind.names, of_kind.per_molecule.sum(axis=0).tolist(), strict=True))
        for label, of_kind in found.items()
    }
    frequencies.draw(totals, stem, xlabel, ylabel)
