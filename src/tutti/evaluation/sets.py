"""The sets of samples of an evaluation: read, with their controls, and judged."""

from dataclasses import dataclass, replace

from tutti.benchmark.samples import sets
from tutti.benchmark.samples.controls import control
from tutti.benchmark.samples.judge import Judge
from tutti.benchmark.samples.judged import Judged
from tutti.benchmark.tables import Check, checks_of, declared
from tutti.core import memory
from tutti.core.cache import Parts
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.data import named
from tutti.evaluation.request import Request

CONTROL_MOLECULES = 2000
"""At most so many molecules in each control; a tenth as many pass the checks that are limited."""


@dataclass(frozen=True)
class Sets:
    """Judged samples.

    Attributes:
        samples: what the user gave, by name.
        controls: by name, those that can be made of what is given.
        reference: the training molecules.
    """

    samples: dict[str, Judged]
    controls: dict[str, Judged]
    reference: Judged | None


def judge_all(request: Request, parts: Parts) -> Sets:
    """Read and judge everything the request names.

    Raises:
        FormatError: when not a single sample of a set can be read.
        LimitError: when reading takes more memory than the request allows.
        tutti.data.download.DownloadError: when a dataset that is named cannot be had.
    """
    fetched = {part: named.fetch(path) for part, path in request.real.items()}
    with memory.limited(request.limit):
        given = {name: sets.read(paths, request.charge, parts.folder) for name, paths in request.sets.items()}
        real = {part: sets.read((path,), request.charge, parts.folder) for part, path in fetched.items()}
    judge = Judge(parts, request.jobs, request.assigners)
    checks = {name: declared().checks[name] for name in checks_of(request.tables)}
    most = min(request.molecules, max(map(len, given.values())))
    limited = {name: _limited(check, most) for name, check in checks.items()}
    samples = {name: judge.judge(name, found, limited) for name, found in given.items()}
    n = min(CONTROL_MOLECULES, max(map(len, given.values())))
    few = {name: _limited(check, max(1, n // 10)) for name, check in checks.items()}
    made = {name: _control(name, real[declared().controls[name].part], n) for name in request.controls}
    controls = {name: judge.judge(name, found, few) for name, found in made.items()}
    known = _reference(judge, real["train"], limited) if "train" in real else None
    return Sets(samples, controls, known)


def _reference(judge: Judge, molecules: Structures, checks: dict[str, Check]) -> Judged:
    """The training molecules; those that pass checks are random ones, for a file may be in any order."""
    turns = numpy_generator(0, "checked molecules of the reference").permutation(len(molecules))
    chosen = {name: check.for_reference for name, check in checks.items() if check.reference}
    return judge.judge("reference", molecules, chosen, turns)


def _control(name: str, part: Structures, n: int) -> Structures:
    """At most `n` molecules."""
    return sets.numbered(control(name, part[part.n_atoms > 0], n)[:n])


def _limited(check: Check, molecules: int) -> Check:
    """The check with at most so many molecules, where it is limited at all."""
    return check if check.molecules is None else replace(check, molecules=molecules)
