"""Canonical trajectories on GFN-xTB potential energies, in parts that a killed run goes on from.

Langevin dynamics: Vanden-Eijnden and Ciccotti, Chem. Phys. Lett. 429, 310 (2006), eq. 23, by ASE. GFN1-xTB:
Grimme, Bannwarth, Shushkov, J. Chem. Theory Comput. 13, 1989 (2017); GFN2-xTB: Bannwarth, Ehlert, Grimme,
ibid. 15, 1652 (2019), by tblite.

Every part starts from numbers in a file, with a random stream and a self-consistent field of its own, so that
the bytes do not depend on where a run was interrupted. As a program (`python -m tutti.data.langevin`) it
is the process that computes a replica: the number of OpenMP threads must be in the environment before tblite
is loaded.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Self

import ase
import numpy as np
from ase import units

from tutti.core.cache import Parts, npz
from tutti.core.hardware import thread_variables
from tutti.core.progress import Progress
from tutti.core.randomness import numpy_generator
from tutti.core.sources import fingerprint, sources
from tutti.core.structures import Structures
from tutti.data import shipped
from tutti.simulation.simulate import Protocol, steps

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
    def discarded(self) -> int:
        """Intervals of equilibration."""
        return round(self.equilibration / self.interval)

    @property
    def protocol(self) -> Protocol:
        """Of a replica, with a frame at the end of every interval; however hot it becomes, it goes on."""
        return Protocol(
            ensemble="NVT",
            temperature=self.temperature,
            time_step=self.timestep,
            duration=(self.discarded + self.frames // self.replicas) * self.interval,
            interval=round(self.interval / self.timestep),
            seed=self.seed,
            friction=self.friction,
            hottest=np.inf,
        )


def _whole(value: float, unit: float, name: str, unit_name: str) -> None:
    if abs(value / unit - round(value / unit)) > 1e-9:
        raise ValueError(f"{name}: {value} is no multiple of {unit_name}, {unit}")


@dataclass(frozen=True)
class Replica:
    """What the process of one replica is told.

    Attributes:
        folder: of the parts.
        origin: hash of the recipe and the code, which all parts follow from.
        index: of the replica.
        method: GFN1-xTB or GFN2-xTB.
        hydrogen_mass: u.
        protocol: of the dynamics.
    """

    folder: str
    origin: str
    index: int
    method: str
    hydrogen_mass: float
    protocol: Protocol

    @property
    def store(self) -> Parts[Structures]:
        """Where the parts are kept, and the structures that the replicas start from."""
        return Parts(Path(self.folder), npz(Structures))

    @property
    def start(self) -> list[object]:
        """Key of the structures that the replicas start from."""
        return [self.origin, "start"]

    @property
    def parts(self) -> list[list[object]]:
        """Keys of the parts, in order."""
        return [[self.origin, self.index, part] for part in range(-(-self.protocol.n_frames // PART))]

    def done(self) -> list[Structures | None]:
        """The parts; None for those that are not there."""
        return [self.store.find(key) for key in self.parts]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `json.dumps(asdict(replica))` gave."""
        values = json.loads(text)
        return cls(**values | {"protocol": Protocol(**values["protocol"])})


def make(
    config: Sampling,
    method: str,
    starts: Callable[[], Structures],
    module: str,
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
        module: of the package, which with all it imports decides what comes out.
        path: of the .npz of `Structures`.
        work: folder for the parts already done; a run that was killed goes on from there. The bytes of `path`
            depend neither on that nor on `jobs`.
        jobs: processes.

    Raises:
        FileNotFoundError, ValueError: see `tutti.data.shipped.load`.
        RuntimeError: when tblite is missing, or a trajectory came to a bad end.
    """
    if config.shipped:
        shipped.load(config).save(path)
        return
    libraries = shipped.versions(config.KIND, LIBRARIES)
    recipe = {**config.recipe(), "method": method, "versions": libraries}
    origin = fingerprint(sources(module), recipe)
    replica = partial(Replica, str(work), origin, method=method, hydrogen_mass=config.hydrogen_mass)
    replicas = [replica(index, protocol=config.protocol) for index in range(config.replicas)]
    replicas[0].store.get(replicas[0].start, starts)
    _run(replicas, jobs)
    trajectories = [Structures.concatenate(replica.done())[config.discarded :] for replica in replicas]
    means = [round(float(part.columns["temperature"].mean()), 2) for part in trajectories]
    whole = Structures.concatenate(trajectories)
    columns = {name: whole.columns[name] for name in ("replica", "step")}
    replace(whole, columns=columns, source=json.dumps({**recipe, "mean_temperatures": means})).save(path)


def _run(replicas: list[Replica], jobs: int) -> None:
    """Compute the parts that are missing."""
    todo = {replica: missing for replica in replicas if (missing := replica.done().count(None))}
    progress = Progress("parts of the trajectories", sum(todo.values()))
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
    command = [sys.executable, "-m", "tutti.data.langevin", json.dumps(asdict(replica))]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | thread_variables(1), text=True
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


def serve(replica: Replica) -> None:
    """Compute the missing parts of a replica, and tell of each by a line."""
    # tblite writes from C: only the lines may reach the pipe.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    store = replica.store
    atoms = beginning(store.find(replica.start)[[replica.index]], replica)
    for index, key in enumerate(replica.parts):
        if (done := store.find(key)) is None:
            done = store.get(key, partial(part, atoms, replica, index))
            answers.write(f"{index}\n")
        atoms.set_positions(done.frame(len(done) - 1)[1])
        atoms.set_momenta(done.columns["momenta"][-1])


def beginning(structure: Structures, replica: Replica) -> ase.Atoms:
    """One structure with the masses of the replica, and momenta drawn for its temperature."""
    atoms = next(structure.to_ase())
    masses = np.where(atoms.numbers == 1, replica.hydrogen_mass, atoms.get_masses())
    atoms.set_masses(masses)
    generator = numpy_generator(replica.protocol.seed, "dynamics velocities", replica.index)
    spread = np.sqrt(masses * units.kB * replica.protocol.temperature)[:, None]
    atoms.set_momenta(spread * generator.standard_normal((len(atoms), 3)))
    return atoms


def part(start: ase.Atoms, replica: Replica, index: int) -> Structures:
    """The structures at the ends of the intervals of part `index`, which `start` is the beginning of.

    Columns besides `replica` and `step`: the kinetic `temperature` (K) and `momenta` [N, n, 3] in ASE's unit.
    """
    from tblite.ase import TBLite

    atoms = start.copy()
    atoms.calc = TBLite(method=replica.method, accuracy=ACCURACY_MOVING, verbosity=0)
    protocol, first = replica.protocol, PART * index
    bath = numpy_generator(protocol.seed, "dynamics thermostat", replica.index, index)
    dynamics = steps(atoms, atoms.positions.size, protocol, lambda _: bath, first * protocol.interval)
    frames, momenta, numbers = [], [], []
    for number in islice(dynamics, min(PART, protocol.n_frames - first)):
        momenta.append(atoms.get_momenta())
        numbers.append(number)
        frames.append(atoms.copy())
        # A new calculator: it starts from no other frame's density.
        frames[-1].calc = TBLite(method=replica.method, accuracy=ACCURACY_FINAL, verbosity=0)
        frames[-1].get_forces()
    momenta = np.array(momenta)
    kinetic = (momenta**2 / (2 * atoms.get_masses()[:, None])).sum((1, 2))
    return Structures.from_ase(frames).with_columns(
        replica=np.full(len(frames), replica.index),
        step=np.array(numbers),
        temperature=kinetic / (1.5 * len(atoms) * units.kB),
        momenta=momenta,
    )


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # on Ctrl-C it is the parent that says so
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # without a parent there is nobody to go on for
    serve(Replica.from_json(sys.argv[1]))
