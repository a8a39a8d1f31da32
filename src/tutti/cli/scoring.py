"""`tutti score` and `tutti predict`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tutti.cli.common import (
    Accelerator,
    Arguments,
    Limit,
    Model,
    OtherCode,
    force_field,
    free,
    named,
    read,
    say,
    told,
    warn_beyond,
)
from tutti.core.memory import LIMIT

if TYPE_CHECKING:  # torch and ASE take seconds to import, which `tutti --help` need not wait
    import pandas as pd

    from tutti.core.structures import Structures
    from tutti.models.forcefields.base import ForceField
    from tutti.models.forcefields.external import ExternalCalculator

Batch = Annotated[
    int, typer.Option(min=1, metavar="N", help="Structures at a time, of a trained force field.")
]
FORMATS = ".npz, .extxyz or .xyz"


def score(
    file: Annotated[
        Path, typer.Argument(metavar="FRAMES", help="Structures with energies and forces: extxyz, npz, ...")
    ],
    model: Model = None,
    calculator: OtherCode = None,
    arguments: Arguments = None,
    keys: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=NAME", help="What energy and forces are called in FRAMES: energy=REF_energy."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The table, as .csv; a new file.")] = None,
    align: Annotated[
        bool | None,
        typer.Option(
            help="Shift energies per element to the frames', by least squares.",
            show_default="only a --calculator",
        ),
    ] = None,
    batch_size: Batch = 50,
    accelerator: Accelerator = "auto",
    limit: Limit = LIMIT,
) -> None:
    """Score a force field, trained here or of any other code, against structures with known values.

    Errors of energies and forces stand with their 95 % intervals, of a bootstrap over whole structures.

    Example: tutti score results/demo/data/ethanol.npz --calculator tblite.ase:TBLite --arguments
    method=GFN1-xTB --arguments verbosity=0
    """
    with told("Stopped; nothing was written.", out=out):
        if out is not None and free(out).suffix != ".csv":
            raise ValueError(f"--out {out}: written is a table: choose a name that ends with .csv")
        names = named("--keys", keys or ())
        opened, structures = _opened(file, limit, model, calculator, arguments, accelerator, keys=names)
        if align is None:
            align = calculator is not None
        table = _scored(opened, structures, file, str(model or calculator), align, batch_size)
        print(_shown(table))
        if out is not None:
            from tutti.core.files import write_text
            from tutti.report.tables import csv

            write_text(out, csv(table))
            print(f"The table: {out}")


def predict(
    file: Annotated[Path, typer.Argument(metavar="FRAMES", help="Structures: xyz, extxyz, sdf, npz, ...")],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help=f"Their predictions, named *{FORMATS}; a new file.")
    ],
    model: Model = None,
    calculator: OtherCode = None,
    arguments: Arguments = None,
    batch_size: Batch = 50,
    accelerator: Accelerator = "auto",
    limit: Limit = LIMIT,
) -> None:
    """Predict energies, forces, and of periodic structures stresses, with any force field.

    OUT has the structures of FRAMES in their order, and what a catalogue of models takes as kind
    `predictions`. Stresses are eV/Å³, nine numbers, with ASE's sign.

    Example: tutti predict results/demo/data/ethanol.npz --model results/demo/train/ethanol/painn_demo/seed0
    --out predicted.extxyz
    """
    with told("Stopped; nothing was written.", out=out):
        if not free(out).name.lower().endswith((".npz", ".xyz", ".extxyz")):
            raise ValueError(f"--out {out}: choose a name that ends with {FORMATS}")
        opened, structures = _opened(file, limit, model, calculator, arguments, accelerator, labels=False)
        from tutti.models.forcefields.predictions import predict as predicted_by

        found = predicted_by(opened, structures, batch_size)
        if out.suffix.lower() == ".npz":
            found.save(out)
        else:
            from tutti.io import write

            write(out, found)
        print(f"The predictions: {out}")


def _opened(
    file: Path,
    limit: float,
    model: Path | None,
    calculator: str | None,
    arguments: list[str] | None,
    accelerator: str,
    **reading: Any,
) -> "tuple[ForceField | ExternalCalculator, Structures]":
    """The force field, and the structures of a file, `reading` as `tutti.io.read` takes it."""
    from tutti import io

    io.check(file)
    from tutti.models.forcefields.predictions import open_model

    opened = force_field(model, calculator, arguments, partial(open_model, accelerator=accelerator))
    structures = read(file, limit, **reading)
    if model is not None:
        warn_beyond(model, structures)
    return opened, structures


def _scored(
    model: "ForceField | ExternalCalculator",
    structures: "Structures",
    file: Path,
    name: str,
    align: bool,
    batch_size: int,
) -> "pd.DataFrame":
    """The table of errors of a force field.

    Raises:
        ValueError: when the structures lack what it predicts.
    """
    from tutti.benchmark.forcefields import errors
    from tutti.models.forcefields.alignment import aligned
    from tutti.models.forcefields.base import ForceField
    from tutti.models.forcefields.predictions import predict as predicted_by

    target = model.config.target if isinstance(model, ForceField) else "energy"
    known = structures.energy if target == "energy" else structures.columns.get(target)
    if known is None:
        raise ValueError(f"{file}: holds no '{target}' to compare with")
    if target == "energy" and structures.forces is None:
        say(f"warning: {file}: holds no forces: only energies are compared")
    predicted = predicted_by(model, structures, batch_size)
    remark = ""
    if align and target == "energy":
        n = len(structures)
        predicted, fitted = aligned(structures, predicted)
        remark = f"energies aligned by least squares per element to {n} structures"
        if fitted >= n:
            say(f"warning: aligning takes {fitted} numbers from {n} energies, and leaves no errors of them")
    names = {"model": name, "dataset": file.stem, "seed": 0}
    return errors.table(structures, predicted, target=target, subset="all", remark=remark, **names)


def _shown(table: "pd.DataFrame") -> str:
    """Its wide form for the terminal, without the name of the only model."""
    from tabulate import tabulate

    from tutti.report.escaping import visible
    from tutti.report.tables import LEGEND, footnotes, wide

    frames = [frame.droplevel("model").map(visible).rename(index=visible) for frame in wide(table)]
    shown = [tabulate(each, headers="keys", tablefmt="simple", disable_numparse=True) for each in frames]
    notes = [f"{i}. {visible(note)}" for i, note in enumerate(footnotes(table), 1)]
    return "\n\n".join(shown) + "\n" + "\n".join([LEGEND, *notes])
