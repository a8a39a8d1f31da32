"""Trained models that come with the package, by name, and the records that say where weights come from.

`tutti/weights/<name>/` holds what `Model.save` wrote and the record `provenance.json`, which
`benchmarks/ship_weights.py` makes of a finished run.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutti.core import records
from tutti.core.registry import closest

if TYPE_CHECKING:
    from tutti.core.structures import Structures

SHIPPED = Path(__file__).parents[1] / "weights"
WEIGHTS, CONFIG, RECORD = "weights.safetensors", "config.json", "provenance.json"
INSTALL_AGAIN = "install tutti again, or take the folder from where you had it"


def names() -> list[str]:
    """Sorted names of the models that ship with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{RECORD}"))


def resolve(given: str | Path) -> Path:
    """The folder of a model: the one given where it exists, else that of the model which ships by this name.

    A folder of that name in the working directory comes first, and a warning says so.

    Raises:
        FileNotFoundError: for a name that is neither; with the closest one and all of them. A path with more
            parts is given back, and who reads it says what it lacks.
    """
    given = Path(given)
    is_name = len(given.parts) == 1 and not given.suffix
    shipped = is_name and given.name in names()
    if given.exists() or not is_name:
        if shipped:
            what = "the folder of that name here is taken, not the model that ships with tutti"
            warnings.warn(f"{given}: {what}", stacklevel=1)  # told once, whoever asks
        return given
    if not shipped:
        raise FileNotFoundError(f"no folder here, and no model that ships: {closest(given.name, names())}")
    return SHIPPED / given.name


def record_of(folder: str | Path) -> dict[str, Any] | None:
    """What `provenance.json` in a model's folder says; None of a model that has none.

    Raises:
        DamagedFile: when it is damaged, or the weights beside it are others than it is about.
    """
    path = Path(folder) / RECORD
    if not path.is_file():
        return None
    records.check(path.with_name(WEIGHTS), path, "weights_sha256")
    return records.read(path, INSTALL_AGAIN)


def sampling_of(folder: str | Path) -> tuple[dict[str, Any], str]:
    """How a generator was sampled where it was judged, and the file that says so; empty where none is known.

    A model that ships brings it; that of a run has it beside its samples.

    Returns:
        `sampling`, fields of the module's `Sampling`, and `batch_size`, among other things.

    Raises:
        DamagedFile: when the file is damaged.
    """
    folder = Path(folder)
    if record := record_of(folder):
        return record, RECORD
    # Where `tutti.workflow.plan.layout` has samples and how they were made, beside the training.
    training = folder.resolve()
    run = training.parents[min(3, len(training.parents) - 1)]
    beside = Path("samples", *training.parts[-3:-1], f"{training.name}.json")
    return (records.read(run / beside), str(beside)) if (run / beside).is_file() else ({}, "")


def formulas(structures: "Structures") -> list[str]:
    """Sorted Hill formulas that occur in structures."""
    import ase

    kinds = {tuple(sorted(structures.frame(i)[0].tolist())) for i in range(len(structures))}
    return sorted(ase.Atoms(numbers=kind).get_chemical_formula() for kind in kinds)


def beyond(record: Mapping[str, Any] | None, structures: "Structures") -> str:
    """What is said of structures unlike all that a model was trained on; empty where there is nothing to say.

    Args:
        record: of the model; None: nothing is known of it.
        structures: of elements that it knows.
    """
    if record is None or not len(structures):
        return ""
    trained = record["trained_on"]
    known, (fewest, most) = trained["formulas"], trained["atoms"]
    if known:
        strange = [formula for formula in formulas(structures) if formula not in known]
        shown = ", ".join(strange[:3]) + (f" and {len(strange) - 3} others" if len(strange) > 3 else "")
        told = (
            f"{shown}: {record['name']} was trained on {', '.join(known)} alone, and knows nothing of others"
        )
        return told if strange else ""
    if int(structures.n_atoms.max()) > most:
        found = f"a structure has {structures.n_atoms.max()} atoms"
        return f"{found}: {record['name']} was trained on {fewest} to {most}"
    return ""


def introduction(record: Mapping[str, Any]) -> list[str]:
    """Lines that say what a model is, how it differs from the published one, and how good it is."""
    training, name = record["training"], record["name"]
    seconds = training["processor_seconds"] or training["seconds"]
    duration = f"{seconds / 60:.0f} min" if seconds > 100 else f"{seconds:.0f} s"
    data = f"{record['data']['name']} ({record['data']['method']})"
    lines = [f"the model: {name}, which ships with tutti, trained on {data} for {duration}"]
    if record["differs"]:
        lines.append(f"it is not the published {record['module']}: {record['differs']}")
    if result := headline(record):
        lines.append(f"its test: {result}")
    return lines


def headline(record: Mapping[str, Any]) -> str:
    """The test results of a model in a line, with their 95 % intervals."""
    return ", ".join(map(_shown, record["results"]))


def _shown(row: Mapping[str, Any]) -> str:
    scale, form, unit = (100, ".1f", "%") if row["unit"] == "1" else (1, ".3g", row["unit"])
    value, low, high = (format(scale * row[key], form) for key in ("value", "ci_low", "ci_high"))
    return f"{row['name']} {value} [{low}, {high}] {unit} (n = {row['n']})"
