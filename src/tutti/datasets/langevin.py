"""Canonical trajectories on GFN-xTB potential energies, in parts that a killed run goes on from.

Langevin dynamics: Vanden-Eijnden and Ciccotti, Chem. Phys. Lett. 429, 310 (2006), eq. 23, by ASE. GFN1-xTB:
Grimme, Bannwarth, Shushkov, J. Chem. Theory Comput. 13, 1989 (2017); GFN2-xTB: Bannwarth, Ehlert, Grimme,
ibid. 15, 1652 (2019), by tblite.

Every part starts from numbers in a file, with a random stream and a self-consistent field of its own, so that
the bytes do not depend on where a run was interrupted. As a program (`python -m tutti.datasets.langevin`) it
is the process that computes a replica: the number of OpenMP threads must be in the environment before tblite
is loaded.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import ase
import numpy as np
from ase import units
from ase.md.langevin import Langevin

from tutti.datasets import shipped
from tutti.progress import Progress
from tutti.randomness import numpy_generator
from tutti.structures import Structures

PART = 25
"""Intervals in a part."""
LIBRARIES = ("ase", "numpy", "rdkit", "tblite")
# Factors on tblite's SCF thresholds: while moving, and for the numbers that are kept.
ACCURACY_MOVING, ACCURACY_FINAL = 1.0, 0.01


@dataclass(frozen=True, kw_only=True)
class Sampling(shipped.Recipe):
    """How a canonical ensemble is sampled; times are in fs.

    Attributes:
        temperature: of the thermostat, K.
        timestep: of the integrator.
        friction: of the thermostat, 1/fs.
        hydrogen_mass: of every hydrogen atom, u. Configurations of a classical canonical ensemble do not
            depend on masses: a heavier hydrogen allows a longer time step, at the price of the kinetics.
        frames: structures in the set.
        interval: time between two of them.
        equilibration: time before the first interval.
        replicas: independent trajectories, of frames / replicas structures each.
        seed: of starting structures, velocities and thermostat.

    Raises:
        ValueError: when times or numbers are not positive, or do not divide as they should.
    """

    temperature: float
    timestep: float = 0.5
    friction: float = 0.01
    hydrogen_mass: float = 1.008
    frames: int
    interval: float = 10.0
    equilibration: float = 2000.0
    replicas: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        positive = ("temperature", "timestep", "friction", "hydrogen_mass", "frames", "interval", "replicas")
        for name in positive:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: {getattr(self, name)} is not positive")
        if self.equilibration < 0:
            raise ValueError(f"equilibration: {self.equilibration} is negative")
        _whole(self.interval, self.timestep, "interval", "timestep")
        _whole(self.equilibration, self.interval, "equilibration", "interval")
        _whole(self.frames, self.replicas, "frames", "replicas")

    @property
    def steps(self) -> int:
        """Time steps in an interval."""
        return round(self.interval / self.timestep)

    @property
    def discarded(self) -> int:
        """Intervals of equilibration."""
        return round(self.equilibration / self.interval)

    @property
    def intervals(self) -> int:
        """Intervals of a replica."""
        return self.discarded + self.frames // self.replicas


def _whole(value: float, unit: float, name: str, unit_name: str) -> None:
    if abs(value / unit - round(value / unit)) > 1e-9:
        raise ValueError(f"{name}: {value} is no multiple of {unit_name}, {unit}")


@dataclass(frozen=True)
class Replica:
    """What the process of one replica is told.

    Attributes:
        folder: of start.npz, one structure per replica, and of the parts.
        index: of the replica.
        method: GFN1-xTB or GFN2-xTB.
        temperature, timestep, friction, hydrogen_mass, steps, intervals, seed: see `Sampling`.
    """

    folder: str
    index: int
    method: str
    temperature: float
    timestep: float
    friction: float
    hydrogen_mass: float
    steps: int
    intervals: int
    seed: int

    @classmethod
    def of(cls, config: Sampling, method: str, folder: Path, index: int) -> Self:
        """Replica `index` of a set."""
        names = ("temperature", "timestep", "friction", "hydrogen_mass", "steps", "intervals", "seed")
        return cls(str(folder), index, method, **{name: getattr(config, name) for name in names})

    def parts(self) -> list[Path]:
        """Files of the parts, in order."""
        count = -(-self.intervals // PART)
        return [Path(self.folder, f"replica{self.index:03d}_{part:05d}.npz") for part in range(count)]


def make(
    config: Sampling,
    method: str,
    starts: Callable[[], Structures],
    modules: tuple[str, ...],
    path: Path,
    work: Path,
    jobs: int,
) -> None:
    """Write the set to `path`; or unpack the one that ships with the package.

    Energies and forces are those of an SCF that is converged tightly and depends on the frame alone. Columns:
    `replica`, and `step`, the time step counted from the replica's start. The `source` is JSON: the recipe,
    the method, the versions of the libraries and the mean kinetic temperature of each replica (K).

    Args:
        config: what to make.
        method: GFN1-xTB or GFN2-xTB.
        starts: gives one structure for each replica, all of the same atoms.
        modules: files of this folder that decide what comes out, besides this one.
        path: of the .npz of `Structures`.
        work: folder for the parts already done; a run that was killed goes on from there. The bytes of `path`
            depend neither on that nor on `jobs`.
        jobs: processes.

    Raises:
        FileNotFoundError, ValueError: see `tutti.datasets.shipped.load`.
        RuntimeError: when tblite is missing, or a trajectory came to a bad end.
    """
    if config.shipped:
        shipped.load(config).save(path)
        return
    libraries = shipped.versions(config.KIND, LIBRARIES)
    recipe = {**config.recipe(), "method": method, "versions": libraries}
    folder = work / shipped.digest(recipe, ("langevin.py", *modules))
    if not (folder / "start.npz").exists():
        starts().save(folder / "start.npz")
    replicas = [Replica.of(config, method, folder, index) for index in range(config.replicas)]
    _run(replicas, jobs)
    trajectories = [_trajectory(replica, config.discarded) for replica in replicas]
    means = [round(float(part.columns["temperature"].mean()), 2) for part in trajectories]
    whole = Structures.concatenate(trajectories)
    columns = {name: whole.columns[name] for name in ("replica", "step")}
    replace(whole, columns=columns, source=json.dumps({**recipe, "mean_temperatures": means})).save(path)


def _run(replicas: list[Replica], jobs: int) -> None:
    """Compute the parts that are missing."""
    todo = [replica for replica in replicas if not all(part.exists() for part in replica.parts())]
    missing = sum(not part.exists() for replica in todo for part in replica.parts())
    progress = Progress("parts of the trajectories", missing)
    try:
        with ThreadPoolExecutor(jobs) as threads:
            try:
                list(threads.map(lambda replica: _follow(replica, progress), todo))
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        progress.close()


def _follow(replica: Replica, progress: Progress) -> None:
    """Run the process of a replica to its end."""
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    command = [sys.executable, "-m", "tutti.datasets.langevin", json.dumps(asdict(replica))]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, **threads}, text=True
    ) as process:
        try:
            for _ in process.stdout:
                progress.update()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise RuntimeError(
            f"replica {replica.index} of the trajectory ended with status {process.returncode}; see its "
            f"messages; what it has done is in {replica.folder}"
        )


def _trajectory(replica: Replica, discarded: int) -> Structures:
    return Structures.concatenate([Structures.load(part) for part in replica.parts()])[discarded:]


def serve(replica: Replica) -> None:
    """Compute the missing parts of a replica, and tell of each by a line."""
    # tblite writes from C: only the lines may reach the pipe.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    atoms = beginning(Structures.load(Path(replica.folder, "start.npz"))[[replica.index]], replica)
    for index, path in enumerate(replica.parts()):
        if not path.exists():
            part(atoms, replica, index).save(path)
            answers.write(f"{index}\n")
        done = Structures.load(path)
        atoms.set_positions(done.frame(len(done) - 1)[1])
        atoms.set_momenta(done.columns["momenta"][-1])


def beginning(structure: Structures, replica: Replica) -> ase.Atoms:
    """One structure with the masses of the replica, and momenta drawn for its temperature."""
    atoms = next(structure.to_ase())
    masses = np.where(atoms.numbers == 1, replica.hydrogen_mass, atoms.get_masses())
    atoms.set_masses(masses)
    generator = numpy_generator(replica.seed, "dynamics velocities", replica.index)
    spread = np.sqrt(masses * units.kB * replica.temperature)[:, None]
    atoms.set_momenta(spread * generator.standard_normal((len(atoms), 3)))
    return atoms


def part(start: ase.Atoms, replica: Replica, index: int) -> Structures:
    """The structures at the ends of the intervals of part `index`, which `start` is the beginning of.

    Columns besides `replica` and `step`: the kinetic `temperature` (K) and `momenta` [N, n, 3] in ASE's unit.
    """
    from tblite.ase import TBLite

    atoms = start.copy()
    atoms.calc = TBLite(method=replica.method, accuracy=ACCURACY_MOVING, verbosity=0)
    integrator = Langevin(
        atoms,
        replica.timestep * units.fs,
        temperature_K=replica.temperature,
        friction=replica.friction / units.fs,
        fixcm=False,
        rng=numpy_generator(replica.seed, "dynamics thermostat", replica.index, index),
    )
    frames, momenta = [], []
    first, last = PART * index, min(PART * (index + 1), replica.intervals)
    for _ in range(first, last):
        integrator.run(replica.steps)
        momenta.append(atoms.get_momenta())
        frames.append(atoms.copy())
        # A new calculator: it starts from no other frame's density.
        frames[-1].calc = TBLite(method=replica.method, accuracy=ACCURACY_FINAL, verbosity=0)
        frames[-1].get_forces()
    momenta = np.array(momenta)
    kinetic = (momenta**2 / (2 * atoms.get_masses()[:, None])).sum((1, 2))
    return Structures.from_ase(frames).with_columns(
        replica=np.full(len(frames), replica.index),
        step=replica.steps * np.arange(first + 1, last + 1),
        temperature=kinetic / (1.5 * len(atoms) * units.kB),
        momenta=momenta,
    )


if __name__ == "__main__":
    serve(Replica(**json.loads(sys.argv[1])))
