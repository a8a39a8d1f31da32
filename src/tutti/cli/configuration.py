"""`tutti check`."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.common import told

if TYPE_CHECKING:
    from tutti.workflow.plan import Plan


def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Configurations; each is merged with the defaults."),
    ] = None,
) -> None:
    """Check configurations of the workflow, and say what a run of each would make; nothing is run.

    To be given in a checkout of Tutti. Without FILE it is the demo's.

    Example: tutti check config/standard.yaml
    """
    from tutti.workflow import config
    from tutti.workflow.plan import Plan

    failed = False
    with told("Stopped."):
        if lacking := [name for name in (*config.FILES, str(config.SCHEMAS)) if not Path(name).exists()]:
            raise FileNotFoundError(f"{lacking[0]}: not found; run it in a checkout of Tutti")
        studies = dict.fromkeys(() if str(file) in config.FILES else (str(file),) for file in files or [])
        for study in studies or [()]:
            sources = [*config.FILES, *study]
            try:
                merged = config.load(sources)
                config.check(merged, sources)
            except config.ConfigError as error:
                failed = True
                print(error, file=sys.stderr)
                continue
            print("\n".join(_told(study, Plan.of(merged, Path("scripts")))))
    raise typer.Exit(failed)


def _told(study: Sequence[str], plan: "Plan") -> Iterator[str]:
    yield f"{study[0] if study else 'the demo'}: fine; a run makes, in {plan.layout.results}/:"
    trained = Counter(model for _, model, _ in plan.trainings)
    trainings = [f"{name} ({n})" if n > 1 else name for name, n in trained.items()]
    figures = dict.fromkeys(each.figure for each in plan.figures.all)
    for what, names in {
        "datasets": plan.datasets,
        "trainings": trainings,
        **({"given weights": dict.fromkeys(each.model for each in plan.adopted)} if plan.adopted else {}),
        "tables": plan.tables,
        "figures": figures,
    }.items():
        yield f"  {what}: {', '.join(names) or 'none'}"
    yield f"  page: {plan.layout.page}"
    option = f" --configfile {study[0]}" if study else ""
    yield f"Run it: snakemake --cores all{option}"
