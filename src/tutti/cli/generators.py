"""`tutti sample` and `tutti complete`."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from tutti.cli.common import Accelerator, Limit, model_folder, new_file, read, say, told, warn_beyond
from tutti.core.memory import LIMIT
from tutti.models.generators import BATCH_SIZE

PART = re.compile(r"\.?[0-9a-f]{64}\.npz.*")

Generator = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="Folder of a trained generator, .../seed0, or a name of `tutti models`."
    ),
]
Seed = Annotated[int, typer.Option(help="Of all that is random.")]
BatchSize = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Molecules at a time; another number gives other molecules.",
        show_default=f"the model's own, else {BATCH_SIZE}",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A setting of the model's sampling, such as position_temperature=0.5; may be repeated.",
        show_default="the model's own, else the published ones",
    ),
]


def sample(
    model: Generator,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The molecules, as extended xyz; a new file.")],
    number: Annotated[int, typer.Option("--number", "-n", metavar="N", min=1, help="Molecules.")] = 1000,
    seed: Seed = 0,
    batch_size: BatchSize = None,
    settings: Settings = None,
    accelerator: Accelerator = "auto",
) -> None:
    """Sample molecules from a trained generator.

    Where the model's run has samples of its own, theirs are the settings; a model that ships brings them. A
    stopped command goes on where it was when it is given again; OUT with .json says how the molecules were
    made.

    Example: tutti sample symphony -n 100 --out samples.xyz
    """
    with told("Stopped. The same command goes on from here.", out=out):
        _new_samples(out)
        folder = model_folder(model)
        size, chosen = _settings(folder, batch_size, settings)
        from tutti.models.generators.sampling import sample_to_file

        sample_to_file(folder, out, number, seed, size, chosen, accelerator)
        print(f"The molecules: {out}")


def complete(
    model: Generator,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Parts of molecules, in any format.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The molecules, as extended xyz; a new file.")],
    seed: Seed = 0,
    batch_size: BatchSize = None,
    settings: Settings = None,
    accelerator: Accelerator = "auto",
    limit: Limit = LIMIT,
) -> None:
    """Let a trained generator complete parts of molecules; one that builds atom by atom.

    The atoms of FILE come first and stay where they are. A stopped command goes on where it was when it is
    given again; OUT with .json says how the molecules were made.

    Example: tutti complete results/demo/train/qm9_demo/symphony_demo/seed0 fragments.xyz --out whole.extxyz
    """
    with told("Stopped. The same command goes on from here.", out=out):
        _new_samples(out)
        folder = model_folder(model)
        size, chosen = _settings(folder, batch_size, settings)
        from tutti.models.generators.completion import complete_fragments

        fragments = read(file, limit, labels=False)
        warn_beyond(folder, fragments)
        complete_fragments(folder, fragments, out, seed, size, chosen, accelerator)
        print(f"The molecules: {out}")


def _new_samples(out: Path) -> None:
    """Refuse to write over what is there: the file, its record, or a folder that is not of finished batches.

    Raises:
        ValueError, FileExistsError: see `tutti.cli.common.new_file`.
    """
    new_file(out)
    sidecar, parts = out.with_suffix(".json"), out.with_suffix(".parts")
    foreign = parts.exists() and not (parts.is_dir() and all(PART.fullmatch(p.name) for p in parts.iterdir()))
    for path in [sidecar] * sidecar.exists() + [parts] * foreign:
        raise FileExistsError(f"{path}: exists already, and --out {out} would write it; choose another --out")


def _settings(folder: Path, batch_size: int | None, changes: list[str] | None) -> tuple[int, dict[str, Any]]:
    """Batch size and fields of the model's `Sampling`: its own, or the defaults, with changes.

    Raises:
        ValueError: when a change is not `name=value`.
    """
    import yaml

    from tutti.models import shipped

    recorded, file = shipped.sampling_of(folder)
    if file:
        say(f"settings of {file}")
    chosen = dict(recorded.get("sampling", {}))
    for change in changes or ():
        name, equals, value = change.partition("=")
        if not (name and equals):
            raise ValueError(f"--set {change}: write NAME=VALUE")
        chosen[name] = yaml.safe_load(value)
    return batch_size or recorded.get("batch_size", BATCH_SIZE), chosen
