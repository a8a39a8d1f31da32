"""The command line: `tutti evaluate`."""

import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A reproducible benchmark of 3D-molecule generators and neural force fields.",
)


@app.callback()
def main() -> None:
    """Keeps `evaluate` a subcommand while it is the only one."""


@app.command()
def evaluate(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Files or folders: xyz, extxyz, sdf, npz; also gzipped."),
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
        str, typer.Option(metavar="NAMES", help="Who finds the bonds, separated by commas.")
    ] = "xyz2mol,openbabel,lookup",
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
) -> None:
    """Judge samples of any generator: validity, distributions, PoseBusters, strain; no training.

    Broken samples become rows with a reason. A stopped command goes on where it was when it is given again.

    Example: tutti evaluate samples.xyz --reference qm9.xyz --out judged
    """
    from tutti.evaluation.request import Request
    from tutti.evaluation.run import evaluate as run
    from tutti.formats import FormatError
    from tutti.registry import ConfigError
    from tutti.report.provenance import usable_cores

    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
    try:
        request = Request(
            inputs=tuple(paths),
            out=out,
            reference=reference,
            test=test,
            assigners=_names(assigners),
            only=_names(only),
            jobs=jobs or usable_cores(),
            compare=compare,
            molecules=molecules,
            published=published,
        )
        report = run(request)
    except (ConfigError, FormatError, OSError, ModuleNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"The report: {report}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
