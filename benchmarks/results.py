"""docs/results.md, pages of docs/results/ and README's results, remade from recorded runs.

    python benchmarks/results.py                        # render them: what `make results` does
    python benchmarks/results.py record results/demo    # first, take what is quoted of a finished run

docs/results/runs.yaml says what is taken of which run, the templates beside it (*.md.j2) what is shown.
"""

import argparse
import sys
from pathlib import Path

from paper.catalogue import ROOT, RUNS, catalogue
from paper.pages import rendered
from paper.record import record

from tutti.core.files import write_text


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("render", help="render the pages (the default)")
    taking = commands.add_parser(
        "record", help="take what is quoted of a finished run into docs/results/runs/"
    )
    taking.add_argument("run", type=Path, help="results/<run>")
    taking.add_argument("--study", help="its name in runs.yaml, if that is not the folder's")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 2 for what the user can mend, with one line that says it."""
    options = parse(arguments)
    try:
        if options.command == "record":
            study = options.study or options.run.resolve().name
            for name in record(options.run, catalogue().entry(study), RUNS / study):
                print(RUNS.relative_to(ROOT) / study / name)
        else:
            for path, text in rendered().items():
                write_text(path, text)
    except (ValueError, OSError) as error:  # ours are of these
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
