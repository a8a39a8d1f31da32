"""A set like QM9, made here: all small molecules of C, N, O, F in their GFN2-xTB minima (kind `xtb9`).

The molecules are those of `tutti.datasets.enumerate`, geometries and properties those of
`tutti.datasets.xtb`. Kept are those whose minimum xyz2mol reads as the molecule it was built from, the
check behind QM9's list of uncharacterised molecules. `python -m tutti.datasets.xtb9 --help` remakes a set
that ships with the package.
"""

import json
import queue
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import typer

from tutti import keys
from tutti.datasets import shipped
from tutti.datasets.enumerate import molecules
from tutti.datasets.relaxer import Relaxed, Relaxer
from tutti.datasets.shipped import EMBEDDED, ship
from tutti.files import write_text
from tutti.progress import Progress
from tutti.randomness import numpy_generator
from tutti.structures import Structures

CHUNK = 32
PROPERTIES = ("atomisation_energy", "homo", "lumo", "gap", "dipole")
LIBRARIES = ("numpy", "rdkit", "scipy", "tblite")


@dataclass(frozen=True, kw_only=True)
class Config(shipped.Recipe):
    """What is in the set, and how it is made; it may ship, see `tutti.datasets.shipped.Recipe`.

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
    properties of `tutti.datasets.relaxer.Relaxed`. The `source` is JSON: the recipe, the versions of the
    libraries, the number of molecules tried and, by reason, of those rejected.

    Args:
        config: what to make.
        path: of the .npz of `Structures`.
        work: folder for the parts already done; a run that was killed goes on from there. The bytes of `path`
            depend neither on that nor on `jobs`.
        jobs: processes.

    Raises:
        FileNotFoundError, ValueError: see `tutti.datasets.shipped.load`.
        RuntimeError: when a library is missing.
    """
    if config.shipped:
        shipped.load(config).save(path)
        return
    recipe = {**config.recipe(), "versions": shipped.versions(config.KIND, LIBRARIES)}
    work = work / shipped.digest(recipe, ("enumerate.py", "xtb.py", "xtb9.py"))
    tasks = _tasks(config, work)
    chunks = {work / f"{i // CHUNK:06d}.npz": tasks[i : i + CHUNK] for i in range(0, len(tasks), CHUNK)}
    _relax_chunks(config, {part: chunk for part, chunk in chunks.items() if not part.exists()}, jobs)
    tried = Structures.concatenate([Structures.load(part) for part in chunks])
    _accepted(tried, recipe).save(path)


@dataclass(frozen=True)
class _Task:
    id: str
    smiles: str
    seed: int


def _tasks(config: Config, work: Path) -> list[_Task]:
    """The molecules to try, in order of enumeration, which is kept in `work`."""
    listing = work / "molecules.smi"
    if not listing.exists():
        write_text(listing, "\n".join(molecules(config.heavy_atoms, config.elements)))
    smiles = listing.read_text(encoding="utf-8").splitlines()
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


def _relax_chunks(config: Config, chunks: Mapping[Path, Sequence[_Task]], jobs: int) -> None:
    """Write the file of each chunk as soon as its molecules are done."""
    idle: queue.SimpleQueue[Relaxer] = queue.SimpleQueue()

    def relax(part: Path) -> int:
        tasks, limits = chunks[part], (config.force_threshold, config.time_limit)
        relaxer = idle.get()
        try:
            _pack(tasks, [relaxer.relax(task.smiles, task.seed, *limits) for task in tasks]).save(part)
        finally:
            idle.put(relaxer)
        return len(tasks)

    with ExitStack() as stack:
        for _ in range(min(jobs, len(chunks))):
            idle.put(stack.enter_context(Relaxer()))
        progress = Progress("GFN2-xTB relaxations", sum(map(len, chunks.values())))
        stack.callback(progress.close)
        with ThreadPoolExecutor(jobs) as threads:
            for done in threads.map(relax, chunks):
                progress.update(done)


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
        units=keys.units(PROPERTIES),
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
