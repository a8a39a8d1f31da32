"""The sets of samples of an evaluation: read, with their controls, and judged."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tutti import suite
from tutti.datasets.controls import adversary
from tutti.evaluation.judging import Judge
from tutti.evaluation.request import Request
from tutti.formats import files_of
from tutti.formats.samples import read_samples
from tutti.parts import Parts
from tutti.structures import Structures
from tutti.suite.judged import Judged
from tutti.suite.molecules import molecules

CONTROL_MOLECULES = 2000
"""At most so many molecules in each control; a tenth as many pass the costly checks."""


@dataclass(frozen=True)
class Sets:
    """Judged samples.

    Attributes:
        samples: what the user gave, by name.
        controls: by name, the test molecules, where they are given, and with a reference the adversaries made
            of it.
        reference: the training molecules.
    """

    samples: dict[str, Judged]
    controls: dict[str, Judged]
    reference: Judged | None


def judge_all(request: Request, parts: Parts) -> Sets:
    """Read and judge everything the request names.

    Raises:
        FormatError: when not a single sample of a set can be read.
    """
    given = {name: _read(paths) for name, paths in request.sets.items()}
    reference = None if request.reference is None else _read((request.reference,))
    judge = Judge(parts, request.jobs, request.assigners)
    checks = suite.checks_of(request.tables)
    samples = {name: judge.judge(name, found, checks, request.molecules) for name, found in given.items()}
    n = min(CONTROL_MOLECULES, max(map(len, given.values())))
    real = {} if request.test is None else {"test_split": _read((request.test,))[:n]}
    if reference is not None:
        molecules = reference[reference.n_atoms > 0]
        real |= {name: _numbered(adversary(name, molecules, n, seed=0)) for name in suite.ADVERSARIES}
    controls = {name: judge.judge(name, found, checks, max(1, n // 10)) for name, found in real.items()}
    known = None if reference is None else judge.judge("reference", reference, (), 0)
    return Sets(samples, controls, known)


def verdicts_on(samples: dict[str, Judged]) -> pd.DataFrame:
    """One row per sample and assigner, in input order, with the file and place of each sample."""
    frames = []
    for name, judged in samples.items():
        table = molecules(judged.verdicts, judged.checks)
        origin = {
            column: judged.structures.columns[column][table["sample"]]
            for column in ("file", "frame", "unreadable")
        }
        frames.append(table.assign(model=name, **origin))
    first = ["model", "sample", "id", "file", "frame", "assigner", "valid", "reason", "unreadable"]
    table = pd.concat(frames, ignore_index=True)
    return table[[*first, *(column for column in table.columns if column not in first)]]


def _read(paths: tuple[Path, ...]) -> Structures:
    for folder in filter(Path.is_dir, paths):
        taken = set(files_of(folder))
        left = sorted(path.name for path in folder.iterdir() if path not in taken and path.name[0] != ".")
        if left:
            text = f"{folder}: not read, as subfolders or of unknown formats: {', '.join(left[:5])}"
            warnings.warn(text + (f" and {len(left) - 5} more" if len(left) > 5 else ""), stacklevel=3)
    structures = read_samples(paths)
    problems = structures.columns["unreadable"][structures.columns["unreadable"] != ""]
    if len(problems):
        text = f"{len(problems)} of {len(structures)} samples cannot be read; the first: {problems[0]}"
        warnings.warn(text, stacklevel=3)
    return _numbered(structures)


def _numbered(structures: Structures) -> Structures:
    """With each sample's place as column `index`."""
    return structures.with_columns(index=np.arange(len(structures)))
