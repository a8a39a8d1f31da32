"""The command line: one module for each group of commands, and nothing here that takes long to import."""

from typing import Annotated

import typer

from tutti.cli.compare import compare
from tutti.cli.configuration import check
from tutti.cli.evaluate import evaluate
from tutti.cli.forcefields import md, relax
from tutti.cli.generators import complete, sample
from tutti.cli.models import models
from tutti.cli.scoring import predict, score

# Plain help: `rich` takes as long to import as everything else that it needs.
app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
for command in (evaluate, compare, models, sample, complete, score, predict, relax, md, check):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        from tutti.core.versions import own

        print(f"tutti {own()}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """A reproducible benchmark of 3D-molecule generators and neural force fields."""
