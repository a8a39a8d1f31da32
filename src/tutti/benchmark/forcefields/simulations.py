"""What is simulated with each force field of a study, from the same start and beside the reference."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import ase
import numpy as np
from ase.calculators.calculator import Calculator

from tutti.core.files import sha256
from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.models.base import CONFIG, WEIGHTS
from tutti.simulation.path_integral import RingPolymerProtocol, bead_forces, simulate_ring_polymer
from tutti.simulation.simulate import Protocol, simulate
from tutti.simulation.trajectory import Trajectory

# Part of a trajectory at constant temperature that is not looked at: the bath has to warm the atoms first.
EQUILIBRATION = 0.2
REFERENCE = "reference"
"""Label of the reference among the models."""

Files = Mapping[str, Path]
"""Trajectories of one model: at constant energy "NVE" or temperature "NVT", and of ring polymers "rings"."""


@dataclass(frozen=True)
class DynamicsConfig:
    """Simulations on one dataset.

    Attributes:
        temperature: K.
        time_step: fs.
        picoseconds: length of each simulation.
        interval: time steps between frames that are kept.
        reference: method of xTB that the data are from, simulated beside the models; None where the data are
            of another method: then only their own frames are compared with.
        beads: of ring polymers, which are simulated at constant temperature if there is more than one.
        liquid: whether its oxygen atoms diffuse.
        resolution: cm⁻¹ between the points of a vibrational spectrum; 33 ps · cm⁻¹ / resolution is the length
            of its segments, and a simulation should have several.
        compile: whether the force calls of SchNet and PaiNN are compiled, which pays from some 20,000 time
            steps on; those of other models are not.
    """

    temperature: float
    time_step: float = 0.5
    picoseconds: float = 10.0
    interval: int = 4
    reference: Literal["GFN1-xTB", "GFN2-xTB"] | None = None
    beads: int = 1
    liquid: bool = False
    resolution: float = 10.0
    compile: bool = False

    def protocol(self, ensemble: str, seed: int) -> Protocol:
        """How `ensemble` ("NVE" or "NVT") is simulated."""
        return Protocol(
            ensemble=ensemble,
            temperature=self.temperature,
            time_step=self.time_step,
            duration=1000.0 * self.picoseconds,
            interval=self.interval,
            seed=seed,
        )

    def rings(self, seed: int) -> RingPolymerProtocol:
        """How ring polymers are simulated."""
        return RingPolymerProtocol(
            beads=self.beads,
            temperature=self.temperature,
            time_step=self.time_step,
            duration=1000.0 * self.picoseconds,
            interval=self.interval,
            seed=seed,
        )


@dataclass(frozen=True)
class SimulatedStudy:
    """The simulations on one dataset, in files that are read when they are looked at.

    Attributes:
        config: how they were made.
        models: files of each model, by label.
        reference: those of the reference; None: it was not simulated.
        dataset: file with the dataset's own frames, for a reference that was not simulated.
    """

    config: DynamicsConfig
    models: Mapping[str, Files]
    reference: Files | None
    dataset: Path

    def of_models(self, kind: str) -> dict[str, Trajectory]:
        """Trajectories ("NVE", "NVT" or "rings") by label."""
        return {label: Trajectory.load(files[kind]) for label, files in self.models.items()}

    @property
    def method(self) -> str:
        """What the reference is called: its method, where that is known."""
        return self.config.reference or REFERENCE

    def with_reference(self, kind: str) -> dict[str, Trajectory]:
        """The same, the reference first, by its method, if it was simulated."""
        simulated = {self.method: Trajectory.load(self.reference[kind])} if self.reference else {}
        return simulated | self.of_models(kind)


RINGS = "rings"
"""Simulation of ring polymers at constant temperature, among the ensembles."""


def run(
    config: DynamicsConfig, start: ase.Atoms, weights: Path | None, seed: int, out: Mapping[str, Path]
) -> None:
    """Simulate with the force field in a folder, trained here or of another code, or with the reference.

    A simulation that was killed goes on from its parts, beside the result.

    Args:
        config: how.
        start: from where.
        weights: folder of the force field; None: the reference.
        seed: of velocities and bath.
        out: result (.npz) by ensemble: "NVE", "NVT", or `RINGS`: ring polymers of `config.beads` beads.

    Raises:
        ValueError: when neither weights nor a reference are given.
    """
    calculator, identity = _forces(config, weights)
    for ensemble, path in out.items():
        parts = path.with_suffix(".parts")
        if ensemble == RINGS:
            forces = bead_forces(start, calculator)
            made = simulate_ring_polymer(start, forces, config.rings(seed), parts, identity)
        else:
            made = simulate(start, calculator, config.protocol(ensemble, seed), parts, identity)
        made.save(path)
        shutil.rmtree(parts, ignore_errors=True)


def _forces(config: DynamicsConfig, weights: Path | None) -> tuple[Calculator, str]:
    """The calculator of a force field or of the reference, and what identifies it."""
    if weights is not None:
        described = WEIGHTS if (weights / WEIGHTS).exists() else CONFIG
        return force_field(weights, config.compile), sha256(weights / described)
    if config.reference is None:
        raise ValueError("the dataset has no reference method to simulate with")
    return reference_calculator(config.reference), config.reference


def force_field(folder: Path, compile: bool = False) -> Calculator:
    """ASE calculator of a force field, trained here or of another code; compiled where it gains by that."""
    # Imported here: the reference needs no torch.
    from tutti.models.forcefields.calculator import Calculator as ForceFieldCalculator
    from tutti.models.forcefields.calculator import open_calculator

    opened = open_calculator(folder)
    if compile and isinstance(opened, ForceFieldCalculator) and opened.model.gains_by_compiling:
        opened.model.compile_forces()
    return opened


def reference_calculator(method: str) -> Calculator:
    """ASE calculator of xTB.

    Raises:
        ModuleNotFoundError: when tblite is missing.
    """
    from tblite.ase import TBLite

    return TBLite(method=method, verbosity=0)


def first_test_frame(structures: Structures, splits: Splits) -> ase.Atoms:
    """Where all simulations on a dataset start.

    Raises:
        ValueError: when the test split is empty.
    """
    if not len(splits.test):
        raise ValueError("the test split is empty: simulations start from its first structure")
    return next(structures[splits.test[:1]].to_ase())


def warm(trajectory: Trajectory) -> Trajectory:
    """The trajectory without its first part, in which the bath warms the atoms."""
    return trajectory[int(np.ceil(EQUILIBRATION * len(trajectory))) :]
