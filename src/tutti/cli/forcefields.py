"""`tutti relax` and `tutti md`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.common import Accelerator, Model, free, model_folder, new_file, say, told

if TYPE_CHECKING:  # torch and ASE take seconds to import, which `tutti --help` need not wait
    from tutti.core.structures import Structures
    from tutti.models.forcefields.calculator import Calculator


def relax(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Structures: xyz, extxyz, sdf, mol2, npz, ...")
    ],
    model: Model,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The relaxed structures, as extended xyz or PDB; a new file.")
    ],
    fmax: Annotated[
        float, typer.Option(min=0, help="No atom may feel a larger force at the end, eV/Å.")
    ] = 0.01,
    steps: Annotated[int, typer.Option(min=1, help="At most so many for each structure.")] = 500,
    cell: Annotated[bool, typer.Option("--cell", help="Relax periodic cells, too.")] = False,
    accelerator: Accelerator = "auto",
) -> None:
    """Relax structures with a trained force field.

    OUT has energies, forces, and for each structure whether it `converged` in how many `steps`.

    Example, of the frames that the example of `tutti md` gives: tutti relax md.extxyz --model
    results/demo/train/ethanol/painn_demo/seed0 --out relaxed.extxyz
    """
    with told("Stopped; nothing was written."):
        from tutti.io.writing import check

        _positive("--fmax", fmax)
        check(free(out))
        structures, calculator = _opened(file, model, accelerator)
        from tutti.simulation.relaxation import relax_to_file

        calculator.model.double()  # in float32 the energy's noise hides the last steps downhill
        left = relax_to_file(structures, calculator, out, fmax, steps, cell)
        if left:
            say(f"warning: {left} of {len(structures)} did not converge in {steps} steps")
        print(f"The structures: {out}")


def md(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="It starts from the first structure.")],
    model: Model,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The trajectory, as extended xyz; a new file.")],
    temperature: Annotated[float, typer.Option(metavar="K")] = 300.0,
    timestep: Annotated[float, typer.Option(metavar="FS")] = 0.5,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Length in time steps.", show_default="1000")
    ] = None,
    picoseconds: Annotated[float | None, typer.Option(help="Length in ps, instead of --steps.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Time steps between frames that are kept.")] = 10,
    nve: Annotated[
        bool, typer.Option("--nve", help="Constant energy: no thermostat after the first velocities.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the first velocities and the thermostat.")] = 0,
    accelerator: Accelerator = "auto",
) -> None:
    """Simulate with a trained force field, at constant temperature (Langevin) or energy.

    Frames are appended to OUT as they come, with energies, forces and momenta.

    Example: tutti md results/demo/data/ethanol.npz --model results/demo/train/ethanol/painn_demo/seed0
    --picoseconds 1 --out md.extxyz
    """
    with told(f"Stopped. The frames until here: {out}"):
        length = _steps(steps, picoseconds, timestep, every)
        _positive("--temperature", temperature)
        new_file(out)
        structures, calculator = _opened(file, model, accelerator)
        from tutti.simulation.guard import LostError
        from tutti.simulation.simulate import Protocol
        from tutti.simulation.to_file import run_to_file

        if len(structures) > 1:
            say(f"{file} holds {len(structures)} structures; starting from the first")
        protocol = Protocol(
            ensemble="NVE" if nve else "NVT",
            temperature=temperature,
            time_step=timestep,
            duration=length * timestep,
            interval=every,
            seed=seed,
        )
        try:
            run_to_file(next(structures[:1].to_ase()), calculator, protocol, out)
        except LostError as error:
            raise ValueError(f"the simulation broke down: {error}; what there is: {out}") from None
        print(f"The trajectory: {out}")


def _opened(file: Path, model: Path, accelerator: str) -> tuple["Structures", "Calculator"]:
    """The structures of a file, and the calculator of a force field that knows their elements.

    Raises:
        ValueError: when there is nothing to move, or constraints that would not be kept.
    """
    from tutti import io
    from tutti.io.constraints import first_other

    structures = io.read(file)
    if not structures.n_atoms.all():
        raise ValueError(f"{file}: structure {int(structures.n_atoms.argmin())} has no atoms")
    if where := first_other(file):
        how = "take it out of the file, or use ASE with tutti.Calculator"
        raise ValueError(f"{where}: holds a constraint that does more than fix atoms whole: {how}")
    folder = model_folder(model)
    from tutti.models.forcefields.calculator import Calculator

    calculator = Calculator(folder, accelerator)
    calculator.model.check_elements(structures)
    return structures, calculator


def _steps(steps: int | None, picoseconds: float | None, timestep: float, every: int) -> int:
    """Length of a simulation in time steps: all that is asked for fits each other.

    Raises:
        ValueError: when it does not; the message names the option.
    """
    if steps is not None and picoseconds is not None:
        raise ValueError("--steps and --picoseconds: give one of them")
    _positive("--timestep", timestep)
    if picoseconds is not None:
        _positive("--picoseconds", picoseconds)
        steps = round(1000 * picoseconds / timestep)
    steps = 1000 if steps is None else steps
    if every > steps:
        raise ValueError(f"--every {every}: more than the {steps} time steps of the simulation")
    return steps


def _positive(option: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{option} {value:g}: must be a positive number")
