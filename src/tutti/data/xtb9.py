"""A set like QM9, made here: all small molecules of C, N, O, F in their GFN2-xTB minima (kind `xtb9`).

The molecules are those of `tutti.data.enumerate`, geometries and properties those of
`tutti.chemistry.xtb`. Kept are those whose minimum xyz2mol reads as the molecule it was built from, the
check behind QM9's list of uncharacterised molecules. `python -m tutti.data.xtb9 --help` remakes a set
that ships with the package.
"""

import json
import queue
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import typer

from tutti.chemistry.relaxer import Relaxed, Relaxer
from tutti.core import properties
from tutti.core.cache import Parts, npz
from tutti.core.progress import Progress
from tutti.core.randomness import numpy_generator
from tutti.core.sources import fingerprint, sources
from tutti.core.structures import Structures
from tutti.data import shipped
from tutti.data.enumerate import molecules
from tutti.data.shipped import EMBEDDED, ship

CHUNK = 32
PROPERTIES = ("atomisation_energy", "homo", "lumo", "gap", "dipole")
LIBRARIES = ("numpy", "rdkit", "scipy", "tblite")


@dataclass(frozen=True, kw_only=True)
class Config(shipped.Recipe):
    """What is in the set, and how it is made; it may ship, see `tutti.data.shipped.Recipe`.

    Attributes:
        heavy_atoms: largest number of heavy atoms.
        elements: the heavy elements, among C, N, O, F.
        count: how many molecules to try, drawn without replacement; None for all.
        seed: of that draw and of the conformers.
        force_threshold: largest force on any atom of a relaxed molecule, eV/Å.
        time_limit: s for one molecule; those that take longer, hundreds of times what is usual, are rejected.
    """

    KIND: ClassVar[str] = "xtb9"
    heavy_atoms: int = 6
    elements: tuple[str, ...] = ("C", "N", "O", "F")
    count: int | None = None
    seed: int = 0
    force_threshold: float = 0.01
    time_limit: float = 60.0


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Write the set to `path`; or unpack the one that ships with the package.

    Columns: `id` (number among the enumerated molecules, so that gaps are rejected ones), `smiles`, and the
    properties of `tutti.chemistry.relaxer.Relaxed`. The `source` is JSON: the recipe, the versions of the
    libraries, the number of molecules tried and, by reason, of those rejected.

    Args:
        config: what to make.
        path: of the .npz of `Structures`.
        work: folder for the parts already done; a run that was killed goes on from there. The bytes of `path`
            depend neither on that nor on `jobs`.
        jobs: processes.

    Raises:
        FileNotFoundError, ValueError: see `tutti.data.shipped.load`.
        RuntimeError: when a library is missing.
    """
    if config.shipped:
        shipped.load(config).save(path)
        return
    recipe = {**config.recipe(), "versions": shipped.versions(config.KIND, LIBRARIES)}
    origin = fingerprint(sources("data.xtb9", "chemistry.xtb"), recipe)
    tasks = _tasks(config, origin, work)
    chunks = [tasks[i : i + CHUNK] for i in range(0, len(tasks), CHUNK)]
    store = Parts(work, npz(Structures))
    tried = _relaxed_chunks(config, chunks, origin, store, jobs)
    _accepted(Structures.concatenate(tried), recipe).save(path)


@dataclass(frozen=True)
class _Task:
    id: str
    smiles: str
    seed: int


def _tasks(config: Config, origin: str, work: Path) -> list[_Task]:
    """The molecules to try, in order of enumeration, which is kept in `work`."""

    def enumerated() -> pd.DataFrame:
        return pd.DataFrame({"smiles": molecules(config.heavy_atoms, config.elements)})

    smiles = Parts(work).get([origin, "molecules"], enumerated)["smiles"].tolist()
    chosen = np.arange(len(smiles))
    if config.count is not None:
        if config.count > len(smiles):
            raise ValueError(f"count is {config.count}, but there are only {len(smiles)} molecules")
        chosen = np.sort(
            numpy_generator(config.seed, "xtb9 molecules").choice(chosen, config.count, replace=False)
        )
    return [_Task(f"xtb9_{i:06d}", smiles[i], conformer_seed(config.seed, smiles[i])) for i in chosen]


def conformer_seed(seed: int, smiles: str) -> int:
    """Seed of the one conformer of a molecule."""
    return int(numpy_generator(seed, f"xtb9 conformer {smiles}").integers(2**31))


def _relaxed_chunks(
    config: Config, chunks: Sequence[Sequence[_Task]], origin: str, store: Parts[Structures], jobs: int
) -> list[Structures]:
    """The molecules of every chunk, each chunk kept in `store` as soon as it is done."""
    keys = [[origin, [asdict(task) for task in chunk]] for chunk in chunks]
    missing = [i for i, key in enumerate(keys) if store.find(key) is None]
    idle: queue.SimpleQueue[Relaxer] = queue.SimpleQueue()

    def relax(i: int) -> int:
        relaxer, limits = idle.get(), (config.force_threshold, config.time_limit)

        def compute() -> Structures:
            return _pack(chunks[i], [relaxer.relax(task.smiles, task.seed, *limits) for task in chunks[i]])

        try:
            store.get(keys[i], compute)
        finally:
            idle.put(relaxer)
        return len(chunks[i])

    with ExitStack() as stack:
        for _ in range(min(jobs, len(missing))):
            idle.put(stack.enter_context(Relaxer()))
        progress = Progress("GFN2-xTB relaxations", sum(len(chunks[i]) for i in missing))
        stack.callback(progress.close)
        with ThreadPoolExecutor(jobs) as threads:
            for done in threads.map(relax, missing):
                progress.update(done)
    return [store.find(key) for key in keys]


def _pack(tasks: Sequence[_Task], outcomes: Sequence[Relaxed | str]) -> Structures:
    """All molecules tried; those rejected have no atoms, and the reason in column `rejected`."""
    nothing = Relaxed([], [], *[np.nan] * (len(PROPERTIES) + 1))
    relaxed = [nothing if isinstance(outcome, str) else outcome for outcome in outcomes]
    return Structures.from_frames(
        [(molecule.numbers, molecule.positions) for molecule in relaxed],
        energy=np.array([molecule.energy for molecule in relaxed]),
        columns={
            "id": np.array([task.id for task in tasks]),
            "smiles": np.array([task.smiles for task in tasks]),
            "rejected": np.array([outcome if isinstance(outcome, str) else "" for outcome in outcomes]),
            **{name: np.array([getattr(molecule, name) for molecule in relaxed]) for name in PROPERTIES},
        },
        units=properties.units(PROPERTIES),
    )


def _accepted(tried: Structures, recipe: dict[str, object]) -> Structures:
    """The molecules that were not rejected, with the account of the others in `source`."""
    columns = dict(tried.columns)
    reasons = columns.pop("rejected")
    counts = dict(sorted(Counter(reasons[reasons != ""].tolist()).items()))
    source = json.dumps({**recipe, "tried": len(tried), "rejected": counts})
    return replace(tried, columns=columns, source=source)[reasons == ""]


def remake(heavy_atoms: int, work: Path, jobs: int = 1) -> None:
    """Make the set of all molecules of up to HEAVY_ATOMS in folder WORK and put it among those that ship."""
    made = work / f"xtb9_{heavy_atoms}.npz"
    make(Config(heavy_atoms=heavy_atoms), made, work, jobs)
    ship(made, EMBEDDED / made.name)


if __name__ == "__main__":
    typer.run(remake)
