"""`tutti relax` and `tutti md`."""

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.common import (
    Accelerator,
    Arguments,
    Limit,
    Model,
    OtherCode,
    force_field,
    free,
    new_file,
    read,
    say,
    told,
)
from tutti.core.memory import LIMIT

if TYPE_CHECKING:  # torch and ASE take seconds to import, which `tutti --help` need not wait
    import ase

    from tutti.core.structures import Structures
    from tutti.models.forcefields.calculator import Calculator
    from tutti.models.forcefields.external import ExternalCalculator
    from tutti.simulation.analysis.drift import Drift

Compile = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Write C++ of SchNet's or PaiNN's force call: a minute or two; for 20,000 steps or more.",
    ),
]
MOST_STEPS, LARGEST_FORCE, LONGEST_STEP, HOTTEST = 10**9, 100.0, 100.0, 10_000.0
"""Beyond these numbers of steps, eV/Å, fs and K an option is a slip."""


def relax(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Structures: xyz, extxyz, sdf, mol2, npz, ...")
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The relaxed structures, as extended xyz or PDB; a new file.")
    ],
    model: Model = None,
    calculator: OtherCode = None,
    arguments: Arguments = None,
    fmax: Annotated[float, typer.Option(help="No atom may feel a larger force at the end, eV/Å.")] = 0.01,
    steps: Annotated[int, typer.Option(help="At most so many for each structure.")] = 500,
    cell: Annotated[bool, typer.Option("--cell", help="Relax periodic cells, too.")] = False,
    accelerator: Accelerator = "auto",
    compile: Compile = False,
    limit: Limit = LIMIT,
) -> None:
    """Relax structures with a force field, trained here or of any other code.

    OUT has energies, forces, and for each structure whether it `converged` in how many `steps`. Fixed atoms
    stay where they are, and no structure ends higher than it began.

    Example, of the frames that the example of `tutti md` gives: tutti relax md.extxyz --model
    results/demo/train/ethanol/painn_demo/seed0 --out relaxed.extxyz
    """
    with told("Stopped; nothing was written.", out=out):
        from tutti.io.writing import check

        _positive("--fmax", fmax, LARGEST_FORCE)
        _positive("--steps", steps, MOST_STEPS)
        check(free(out))
        structures, forces = _opened(file, limit, model, calculator, arguments, accelerator, compile)
        from tutti.models.forcefields.calculator import Calculator
        from tutti.simulation.relaxation import relax_to_file

        if isinstance(forces, Calculator):
            forces.model.double()  # in float32 the energy's noise hides the last steps downhill
        _warn(relax_to_file(structures, forces, out, fmax, steps, cell), steps)
        print(f"The structures: {out}")


def md(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="It starts from the first structure.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The trajectory, as extended xyz; a new file.")],
    model: Model = None,
    calculator: OtherCode = None,
    arguments: Arguments = None,
    temperature: Annotated[float, typer.Option(metavar="K")] = 300.0,
    timestep: Annotated[float, typer.Option(metavar="FS")] = 0.5,
    steps: Annotated[int | None, typer.Option(help="Length in time steps.", show_default="1000")] = None,
    picoseconds: Annotated[float | None, typer.Option(help="Length in ps, instead of --steps.")] = None,
    every: Annotated[int, typer.Option(help="Time steps between frames that are kept.")] = 10,
    nve: Annotated[
        bool, typer.Option("--nve", help="Constant energy: no thermostat after the first velocities.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the first velocities and the thermostat.")] = 0,
    accelerator: Accelerator = "auto",
    compile: Compile = False,
    limit: Limit = LIMIT,
) -> None:
    """Simulate with any force field, at constant temperature (Langevin) or energy.

    Frames are appended to OUT as they come, with energies, forces and momenta. Fixed atoms stay where they
    are.

    Example: tutti md results/demo/data/ethanol.npz --model results/demo/train/ethanol/painn_demo/seed0
    --picoseconds 1 --out md.extxyz
    """
    with told(f"Stopped. The frames until here: {out}", out=out):
        length = _steps(steps, picoseconds, timestep, every)
        _positive("--temperature", temperature, HOTTEST)
        new_file(out)
        structures, forces = _opened(file, limit, model, calculator, arguments, accelerator, compile)
        from tutti.simulation.guard import LostError
        from tutti.simulation.simulate import Protocol
        from tutti.simulation.to_file import run_to_file

        start = _first(file, structures, nve)
        protocol = Protocol(
            ensemble="NVE" if nve else "NVT",
            temperature=temperature,
            time_step=timestep,
            duration=length * timestep,
            interval=every,
            seed=seed,
            hottest=HOTTEST,
        )
        try:
            drift = run_to_file(start, forces, protocol, out)
        except LostError as error:
            left = f"; what there is: {out}" if out.exists() else ""
            raise ValueError(f"the simulation broke down: {error}{left}") from None
        _tell(drift, nve)
        print(f"The trajectory: {out}")


def _warn(relaxed: "Structures", steps: int) -> None:
    """Say which structures are not where they should be."""
    left = ~relaxed.columns["converged"]
    failures = relaxed.columns.get("failure")
    if failures is not None:
        broken = (failures != "").nonzero()[0]
        left[broken] = False
        first = f"the first, structure {broken[0]}: {failures[broken[0]]}"
        say(f"warning: {len(broken)} of {len(relaxed)} broke down; {first}")
    if left.any():
        say(f"warning: {left.sum()} of {len(relaxed)} did not converge in {steps} steps")


def _tell(drift: "Drift", nve: bool) -> None:
    """Say how well a simulation at constant energy kept it."""
    if nve and math.isfinite(drift.standard_error):
        around = f"fluctuation around it {drift.fluctuation:.2g} meV/atom"
        print(f"Energy drift: {drift.slope:.2g} ± {drift.standard_error:.1g} meV/atom/ps, {around}")


def _first(file: Path, structures: "Structures", nve: bool) -> "ase.Atoms":
    """Where a simulation starts.

    Raises:
        ValueError: when nothing can move from there.
    """
    from tutti.simulation.start import on_one_spot

    if len(structures) > 1:
        say(f"{file} holds {len(structures)} structures; starting from the first")
    atoms = next(structures[:1].to_ase())
    if spot := on_one_spot(atoms):
        raise ValueError(f"{file}: {spot}, where forces have no direction")
    if structures[:1].fixed is not None and structures[:1].fixed.all():
        raise ValueError(f"{file}: all atoms are fixed: nothing moves")
    if nve and len(atoms) == 1:
        raise ValueError(f"--nve: {file} is a single atom, which has no motion at constant energy")
    return atoms


def _opened(
    file: Path,
    limit: float,
    model: Path | None,
    calculator: str | None,
    arguments: list[str] | None,
    accelerator: str,
    compile: bool,
) -> tuple["Structures", "Calculator | ExternalCalculator"]:
    """The structures of a file, and the calculator of a force field that knows their elements.

    Raises:
        ValueError: when there is nothing to move, constraints that would not be kept, or another code that is
            to be compiled.
    """
    if compile and calculator is not None:
        raise ValueError("--compile: only with --model, for force fields that were trained here")
    from tutti.io.constraints import first_other

    structures = read(file, limit, labels=False)
    if not structures.n_atoms.all():
        raise ValueError(f"{file}: structure {int(structures.n_atoms.argmin())} has no atoms")
    if where := first_other(file):
        how = "take it out of the file, or use ASE with tutti.Calculator"
        raise ValueError(f"{where}: holds a constraint that does more than fix atoms whole: {how}")
    from tutti.models.forcefields.calculator import open_calculator

    opened = partial(open_calculator, accelerator=accelerator, compile=compile)
    forces = force_field(model, calculator, arguments, opened)
    forces.check_elements(structures)
    return structures, forces


def _steps(steps: int | None, picoseconds: float | None, timestep: float, every: int) -> int:
    """Length of a simulation in time steps: all that is asked for fits each other.

    Raises:
        ValueError: when it does not; the message names the option.
    """
    if steps is not None and picoseconds is not None:
        raise ValueError("--steps and --picoseconds: give one of them")
    _positive("--timestep", timestep, LONGEST_STEP)
    _positive("--every", every, MOST_STEPS)
    if picoseconds is not None:
        _positive("--picoseconds", picoseconds, MOST_STEPS * timestep / 1000)
        steps = round(1000 * picoseconds / timestep)
        if not steps:
            raise ValueError(f"--picoseconds {picoseconds:g}: shorter than a time step of {timestep:g} fs")
    steps = 1000 if steps is None else steps
    _positive("--steps", steps, MOST_STEPS)
    if every > steps:
        raise ValueError(f"--every {every}: more than the {steps} time steps of the simulation")
    if whole := steps % every:
        say(f"--every {every}: {steps} time steps are no multiple of it; simulating {steps - whole}")
    return steps - steps % every


def _positive(option: str, value: float, most: float) -> None:
    shown = value if isinstance(value, int) else f"{value:g}"
    if not value > 0:
        raise ValueError(f"{option} {shown}: must be a positive number")
    if value > most:
        raise ValueError(f"{option} {shown}: must be at most {most:g}")
