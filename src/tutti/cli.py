"""The command line: `tutti evaluate`, `tutti relax` and `tutti md`."""

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # torch and ASE take seconds to import, which `tutti --help` need not wait
    from tutti.core.structures import Structures
    from tutti.models.forcefields.calculator import Calculator

Weights = Annotated[
    Path, typer.Option("--model", metavar="DIR", help="Folder of a trained force field: .../seed0.")
]
Accelerator = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu or cuda.")]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A reproducible benchmark of 3D-molecule generators and neural force fields.",
)


@app.command()
def evaluate(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Files or folders: xyz, extxyz, sdf, mol2, npz; also gzipped."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for tables, figures and the report.")],
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Training molecules, for novelty and distributions."),
    ] = None,
    test: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Molecules no model has seen: what it could reach.")
    ] = None,
    assigners: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Who finds the bonds, separated by commas; `given`: they stand in the files.",
        ),
    ] = "xyz2mol,openbabel,lookup",
    charge: Annotated[
        int, typer.Option(metavar="N", help="Total charge of molecules whose file does not say one.")
    ] = 0,
    only: Annotated[
        str,
        typer.Option(metavar="TABLES", help="Only these tables: validity,posebusters,..."),
    ] = "",
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes.", show_default="all cores")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Each PATH is a model with rows of its own.")
    ] = False,
    molecules: Annotated[
        int, typer.Option(metavar="N", min=1, help="PoseBusters and relaxation look at the first N samples.")
    ] = 1000,
    published: Annotated[
        str, typer.Option(metavar="DATASET", help="Show the papers' numbers for this dataset beside: qm9.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Take over a folder that holds other results: overwrite them.")
    ] = False,
) -> None:
    """Judge samples of any generator: validity, distributions, PoseBusters, strain; no training.

    Broken samples become rows with a reason. A stopped command goes on where it was when it is given again.

    Example: tutti evaluate samples.xyz --reference qm9.xyz --out judged
    """
    from tutti.core.hardware import thread_variables, usable_cores

    # Processes are what runs side by side; threads of linear algebra would only wait for each other.
    os.environ |= thread_variables(1) | os.environ
    from tutti.core.registry import ConfigError
    from tutti.evaluation.request import Request
    from tutti.evaluation.run import evaluate as run
    from tutti.io import FormatError

    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
    try:
        request = Request(
            inputs=tuple(paths),
            out=out,
            reference=reference,
            test=test,
            assigners=_names(assigners),
            charge=charge,
            only=_names(only),
            jobs=jobs or usable_cores(),
            compare=compare,
            molecules=molecules,
            published=published,
            force=force,
        )
        report = run(request)
    except (ConfigError, FormatError, OSError, ModuleNotFoundError) as error:
        raise _failed(error) from None
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"The report: {report}")


@app.command()
def relax(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Structures: xyz, extxyz, sdf, mol2, npz, ...")
    ],
    model: Weights,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The relaxed structures, as extended xyz.")],
    fmax: Annotated[
        float, typer.Option(min=0, help="No atom may feel a larger force at the end, eV/Å.")
    ] = 0.01,
    steps: Annotated[int, typer.Option(min=1, help="At most so many for each structure.")] = 500,
    cell: Annotated[bool, typer.Option("--cell", help="Relax periodic cells, too.")] = False,
    accelerator: Accelerator = "auto",
) -> None:
    """Relax structures with a trained force field.

    OUT has energies, forces, and for each structure whether it `converged` in how many `steps`.

    Example: tutti relax water.xyz --model results/demo/train/water/schnet/seed0 --out relaxed.extxyz
    """
    from tutti.simulation.relaxation import relax_to_file

    try:
        structures, calculator = _opened(file, model, accelerator)
        calculator.model.double()  # in float32 the energy's noise hides the last steps downhill
        left = relax_to_file(structures, calculator, out, fmax, steps, cell)
    except (ValueError, OSError) as error:
        raise _failed(error) from None
    except KeyboardInterrupt:
        print("\nStopped; nothing was written.", file=sys.stderr)
        raise typer.Exit(130) from None
    if left:
        print(f"warning: {left} of {len(structures)} did not converge in {steps} steps", file=sys.stderr)
    print(f"The structures: {out}")


@app.command()
def md(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="It starts from the first structure.")],
    model: Weights,
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

    Example: tutti md water.xyz --model results/demo/train/water/schnet/seed0 --out md.extxyz --picoseconds 5
    """
    from tutti.simulation.guard import LostError
    from tutti.simulation.simulate import Protocol
    from tutti.simulation.to_file import run_to_file

    try:
        structures, calculator = _opened(file, model, accelerator)
        if len(structures) > 1:
            print(f"{file} holds {len(structures)} structures; starting from the first", file=sys.stderr)
        protocol = Protocol(
            ensemble="NVE" if nve else "NVT",
            temperature=temperature,
            time_step=timestep,
            duration=_duration(steps, picoseconds, timestep),
            interval=every,
            seed=seed,
        )
        run_to_file(next(structures[:1].to_ase()), calculator, protocol, out)
    except LostError as error:
        raise _failed(f"the simulation broke down: {error}; what there is: {out}") from None
    except (ValueError, OSError) as error:
        raise _failed(error) from None
    except KeyboardInterrupt:
        print(f"\nStopped. The frames until here: {out}", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"The trajectory: {out}")


def _opened(file: Path, model: Path, accelerator: str) -> tuple["Structures", "Calculator"]:
    """The structures of a file, and the calculator of a force field that knows their elements."""
    from tutti import io
    from tutti.models.forcefields.calculator import Calculator

    structures = io.read(file)
    calculator = Calculator(model, accelerator)
    calculator.model.check_elements(structures)
    return structures, calculator


def _duration(steps: int | None, picoseconds: float | None, timestep: float) -> float:
    """Of a simulation, fs.

    Raises:
        ValueError: when it is given twice.
    """
    if steps is not None and picoseconds is not None:
        raise ValueError("--steps and --picoseconds: give one of them")
    return 1000 * picoseconds if picoseconds is not None else (steps or 1000) * timestep


def _failed(error: Exception | str) -> typer.Exit:
    print(f"error: {error}", file=sys.stderr)
    return typer.Exit(1)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
