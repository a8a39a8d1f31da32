"""`tutti.evaluate` and `tutti.judge`: the evaluation in Python."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import ase
import numpy as np
import pandas as pd

from tutti.benchmark.samples.molecules import molecules as as_rows
from tutti.benchmark.samples.sets import numbered
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.hardware import usable_cores
from tutti.core.memory import LIMIT
from tutti.core.structures import Structures
from tutti.evaluation import run
from tutti.evaluation.assigners import check_assigners, installed
from tutti.evaluation.request import Request
from tutti.evaluation.result import Evaluation
from tutti.io.frames import CHARGES

AnyPath = str | Path


def evaluate(
    inputs: AnyPath | Sequence[AnyPath],
    out: AnyPath | None = None,
    *,
    reference: AnyPath | None = None,
    test: AnyPath | None = None,
    assigners: Sequence[str] | None = None,
    charge: int = 0,
    only: Sequence[str] = (),
    jobs: int | None = None,
    compare: bool = False,
    molecules: int = 1000,
    published: str = "",
    force: bool = False,
    limit: float = LIMIT,
) -> Evaluation:
    """Judge samples of any generator, as the command `tutti evaluate` does.

    Args:
        inputs: files or folders of samples, see `tutti.io.samples.read_samples`.
        out: folder for tables, figures and the page, from which a stopped evaluation goes on; None: nothing
            is drawn and nothing stays on disk.
        reference: training molecules, for novelty and distributions: a file, a folder, or "qm9" (downloaded
            once, see `tutti.data.named`) or "qm9_demo".
        test: molecules that no model has seen, the same.
        assigners: who finds the bonds: any of "xyz2mol", "openbabel", "lookup", "xyz2mol_rdkit", "given";
            None: the first three, as far as they are installed.
        charge: total charge of molecules whose file does not say one.
        only: names of the tables wanted; empty: all that are possible.
        jobs: processes; None: all cores.
        compare: whether each input is a model of its own.
        molecules: PoseBusters and relaxation look at the first so many samples of each model.
        published: dataset whose published numbers stand beside: "qm9".
        force: take over a folder `out` that holds other results.
        limit: GB of memory that reading the files may take; on Linux it holds for the whole process while
            they are read.

    Returns:
        Tables, and rows of single molecules.

    Raises:
        tutti.core.registry.ConfigError: for an unknown name, or a table that needs what is not given.
        tutti.io.FormatError: when not a single sample of a set can be read.
        ModuleNotFoundError: when an assigner or table is named whose library is not installed.
        FileNotFoundError: when a file is not there.
        tutti.core.memory.LimitError: when reading takes more memory than `limit`.
        tutti.data.download.DownloadError: when a dataset that is named cannot be had.

    Example: `tutti.evaluate("samples.xyz", reference="qm9").tables["validity"]`
    """
    given = [inputs] if isinstance(inputs, str | Path) else inputs

    def asked(folder: Path) -> Request:
        return Request(
            inputs=tuple(map(Path, given)),
            out=folder,
            reference=None if reference is None else Path(reference),
            test=None if test is None else Path(test),
            named_assigners=None if assigners is None else tuple(assigners),
            charge=charge,
            only=tuple(only),
            jobs=jobs or usable_cores(),
            compare=compare,
            molecules=molecules,
            published=published,
            force=force,
            limit=limit,
        )

    if out is not None:
        return run.evaluate(asked(Path(out)))
    with tempfile.TemporaryDirectory(prefix="tutti-") as folder:
        return run.measured(asked(Path(folder)))[1]


def judge(
    molecules: ase.Atoms | Iterable[ase.Atoms],
    assigners: Sequence[str] | None = None,
    *,
    charge: int = 0,
    jobs: int = 1,
    time_limit: float = 20.0,
) -> pd.DataFrame:
    """Assign bonds to molecules and say which of them are valid.

    Args:
        molecules: one or more; cells are not looked at.
        assigners: who finds the bonds: any of "xyz2mol", "openbabel", "lookup", "xyz2mol_rdkit"; None: the
            first three, as far as they are installed.
        charge: total charge of the molecules without `charge` or `total_charge` in their `info`.
        jobs: processes.
        time_limit: s for one molecule and assigner.

    Returns:
        One row per molecule and assigner, in order: `sample` (place, from 0), `id` (of `info`, else made up),
        `assigner`, `valid`, `reason` (empty when valid), `smiles`, and the other columns of
        `tutti.chemistry.bonds.pool.COLUMNS`: flags, rings, bonds, seconds.

    Raises:
        tutti.core.registry.ConfigError: for an unknown assigner.
        ModuleNotFoundError: when an assigner is named whose library is not installed.
        ValueError: when there are no molecules, or an atom is no element.

    Example: `tutti.judge([ase.build.molecule("CH3CH2OH")])`
    """
    frames = [molecules] if isinstance(molecules, ase.Atoms) else list(molecules)
    if not frames:
        raise ValueError("there are no molecules to judge")
    if assigners is not None:
        check_assigners(assigners)
    structures = numbered(_bare(frames, charge))
    verdicts = {
        name: assign_all(structures, name, jobs, time_limit, progress=False)
        for name in (installed() if assigners is None else assigners)
    }
    return as_rows(verdicts, {})


def _bare(frames: Sequence[ase.Atoms], charge: int) -> Structures:
    """Elements, positions, charges and, where all have different ones, names."""
    ids = [str(atoms.info.get("id", "")) for atoms in frames]
    named = {"id": np.array(ids)} if all(ids) and len(set(ids)) == len(ids) else {}
    said = [next((atoms.info[name] for name in CHARGES if name in atoms.info), charge) for atoms in frames]
    return Structures.from_frames(
        [(atoms.numbers, atoms.positions) for atoms in frames],
        columns={"charge": np.array(said, dtype=np.int64), **named},
    )
