"""What is simulated with each force field of a study, from the same start and beside the reference."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import ase
import numpy as np
from ase.calculators.calculator import Calculator

from tutti.datasets.splits import Splits
from tutti.dynamics.simulate import Protocol, simulate
from tutti.dynamics.trajectory import Trajectory
from tutti.files import sha256
from tutti.models import WEIGHTS
from tutti.structures import Structures

# Part of a trajectory at constant temperature that is not looked at: the bath has to warm the atoms first.
EQUILIBRATION = 0.2


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
        liquid: whether its oxygen atoms diffuse.
        resolution: cm⁻¹ between the points of a vibrational spectrum; 33 ps · cm⁻¹ / resolution is the length
            of its segments, and a simulation should have several.
    """

    temperature: float
    time_step: float = 0.5
    picoseconds: float = 10.0
    interval: int = 4
    reference: Literal["GFN1-xTB", "GFN2-xTB"] | None = None
    liquid: bool = False
    resolution: float = 10.0

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


def run(
    config: DynamicsConfig, ensemble: str, start: ase.Atoms, weights: Path | None, seed: int, out: Path
) -> None:
    """Simulate with the force field in the folder `weights`, or with the reference, and write `out` (.npz).

    A simulation that was killed goes on from its parts beside `out`.

    Raises:
        ValueError: when neither weights nor a reference are given.
    """
    if weights is not None:
        calculator, identity = force_field(weights), sha256(weights / WEIGHTS)
    elif config.reference is not None:
        calculator, identity = reference_calculator(config.reference), config.reference
    else:
        raise ValueError("the dataset has no reference method to simulate with")
    parts = out.with_suffix(".parts")
    simulate(start, calculator, config.protocol(ensemble, seed), parts, identity).save(out)


def force_field(weights: Path) -> Calculator:
    """ASE calculator of a trained force field."""
    # Imported here: the reference needs no torch.
    from tutti.forcefields.calculator import Calculator as ForceFieldCalculator

    return ForceFieldCalculator(weights)


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
