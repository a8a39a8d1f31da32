"""`tutti evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.common import Limit, told, use_one_thread
from tutti.core.memory import LIMIT, limited

if TYPE_CHECKING:
    from tutti.evaluation.request import Request


def evaluate(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Files or folders: xyz, extxyz, sdf, mol2, npz, ...; docs/formats.md lists all.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for tables, figures and the report.")],
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Training molecules, for novelty and distributions: a file, a folder, or the name `qm9`"
            " (downloaded once) or `qm9_demo` (its molecules of up to six heavy atoms).",
        ),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Molecules no model has seen: what it could reach; a file, folder or name."
        ),
    ] = None,
    assigners: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Who finds the bonds, separated by commas; `given`: they stand in the files.",
            show_default="those installed of xyz2mol,openbabel,lookup",
        ),
    ] = None,
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
    limit: Limit = LIMIT,
) -> None:
    """Judge samples of any generator: validity, distributions, PoseBusters, strain; no training.

    Broken samples become rows with a reason. A stopped command goes on where it was when it is given again.

    Example: tutti evaluate results/demo/samples/qm9_demo/symphony_demo/seed0.extxyz --reference qm9_demo
    --out judged
    """
    use_one_thread()
    from tutti.core.hardware import usable_cores
    from tutti.core.registry import ConfigError
    from tutti.evaluation.request import Request
    from tutti.io import FormatError

    with told("Stopped. The same command goes on from here.", (ConfigError, FormatError)):
        _run(
            Request(
                inputs=tuple(paths),
                out=out,
                reference=reference,
                test=test,
                named_assigners=None if assigners is None else _names(assigners),
                charge=charge,
                only=_names(only),
                jobs=jobs or usable_cores(),
                compare=compare,
                molecules=molecules,
                published=published,
                force=force,
                limit=limit,
            )
        )


def _run(request: "Request") -> None:
    from tutti.io.samples import require_one

    with limited(request.limit):
        for paths in request.files:
            require_one(paths)
    # These take long: what cannot be read is refused before.
    from tutti.evaluation.run import evaluate as run
    from tutti.evaluation.summary import summary

    found = run(request)
    print(summary(found, request.assigners))
    print(f"The report: {found.report}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
