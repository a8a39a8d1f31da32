"""Inputs that break parsers and libraries, each with what must become of it."""

from collections.abc import Iterator

import broken_archives
import broken_xyz
import geometries
from corpus_case import ASSIGNERS, GOOD, Case, Expected, good, judged, xyz

__all__ = ["ASSIGNERS", "GOOD", "Case", "Expected", "corpus"]


def corpus() -> list[Case]:
    """All cases; every call gives the same."""
    return [*_geometric(), *broken_xyz.cases(), *broken_archives.cases()]


def _geometric() -> Iterator[Case]:
    """Odd geometries among good molecules, in readable files."""
    first, *rest = map(xyz, GOOD.values())
    for name, geometry, why, *reasons in geometries.cases():
        text = first + xyz(geometry, name) + "".join(rest)
        expected = good()
        expected.insert(1, judged(*reasons))
        yield Case(name, why, {"samples.xyz": text.encode()}, expected)
