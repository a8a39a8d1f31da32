"""`tutti compare`."""

from pathlib import Path
from typing import Annotated

import typer

from tutti.cli.common import told

RESULTS = "Folder of a run, results/<run>, or what `tutti evaluate` made."


def compare(
    first: Annotated[Path, typer.Argument(metavar="RESULTS1", help=RESULTS)],
    second: Annotated[Path, typer.Argument(metavar="RESULTS2", help="The same.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the page and the numbers.")],
) -> None:
    """Set two runs side by side: the differences of all numbers, and what is clear of them.

    OUT has index.html, one page that needs no network, and differences.csv.

    Example: tutti compare results/demo judged --out difference
    """
    from tutti.core.registry import ConfigError
    from tutti.io import FormatError

    with told("Stopped; nothing was written.", (ConfigError, FormatError), out):
        from tutti.report.compare import compare as run

        print(f"The comparison: {run(first, second, out)}")
