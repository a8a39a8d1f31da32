"""What the commands share: options, refusals before any work, and how errors are told."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from tutti.core.memory import LimitError, limited

if TYPE_CHECKING:  # what `tutti --help` need not wait for is imported where it is used
    from tutti.core.structures import Structures
    from tutti.models.forcefields.external import ExternalCalculator

Opened = TypeVar("Opened")

EXTXYZ = (".extxyz", ".xyz")
"""Ends of the names of files that commands write; `tutti relax` writes all that `tutti.io.write` does."""
WEIGHTS, CONFIG = "weights.safetensors", "config.json"

Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="DIR",
        help="Folder of a trained force field, .../seed0, or a name of `tutti models`.",
    ),
]
OtherCode = Annotated[
    str | None,
    typer.Option(
        "--calculator",
        metavar="MODULE:CALLABLE",
        help="Instead of --model, what gives an ASE calculator: tblite.ase:TBLite.",
    ),
]
Arguments = Annotated[
    list[str] | None,
    typer.Option("--arguments", metavar="NAME=VALUE", help="Of the calculator; also all of them as JSON."),
]
Limit = Annotated[
    float,
    typer.Option("--limit", metavar="GB", help="Memory that reading files may take; more is refused."),
]
Accelerator = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu or cuda.")]


def say(text: str) -> None:
    """Print something for the user on stderr."""
    print(text, file=sys.stderr)


@contextmanager
def told(
    stopped: str, errors: tuple[type[Exception], ...] = (ValueError,), out: Path | None = None
) -> Iterator[None]:
    """Tell warnings, and errors that a user can do something about, in a line; end the command after these.

    Args:
        stopped: what is said of Ctrl-C.
        errors: kinds that are told, beside those of files, memory and missing libraries.
        out: what the command writes, and nobody else meanwhile.
    """
    from tutti.core.locks import alone

    warnings.showwarning = lambda message, *_: say(f"warning: {message}")
    try:
        with nullcontext() if out is None else alone(out.parent / f".{out.name}.lock", str(out)):
            yield
    except (OSError, ModuleNotFoundError, LimitError, *errors) as error:
        say(f"error: {error}")
        raise typer.Exit(1) from None
    except MemoryError:
        say("error: the memory of this machine does not suffice; give fewer structures at a time")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        say(f"\n{stopped}")
        raise typer.Exit(130) from None


def use_one_thread() -> None:
    """Processes are what runs side by side; threads of linear algebra would only wait for each other.

    Arrow takes memory from the system: its own allocator sets a gigabyte aside, in every process.
    """
    from tutti.core.hardware import thread_variables

    os.environ |= thread_variables(1) | {"ARROW_DEFAULT_MEMORY_POOL": "system"} | os.environ


def new_file(out: Path) -> Path:
    """An extended xyz file that can be written, because of its name and because nothing is there.

    Raises:
        ValueError: for a name of another format.
        FileExistsError: when it is there already.
    """
    if not out.name.lower().endswith(EXTXYZ):
        raise ValueError(
            f"--out {out}: written is extended xyz: choose a name that ends with .extxyz or .xyz"
        )
    return free(out)


def free(out: Path) -> Path:
    """A file that is not there yet.

    Raises:
        FileExistsError: when it is.
    """
    if out.exists():
        raise FileExistsError(f"{out}: exists already; delete it or write to another file")
    return out


def model_folder(given: Path) -> Path:
    """The folder of a trained model: the one given, or the only one in it, one or two levels down.

    In place of a folder that does not exist, the name of a model that ships. What its record says is told.

    Raises:
        FileNotFoundError: when there are several, or none.
        DamagedFile: when its record is damaged, or is about other weights.
    """
    from tutti.models import shipped

    given = shipped.resolve(given)
    if record := shipped.record_of(given):
        say("\n".join(shipped.introduction(record)))
    if (given / WEIGHTS).is_file() or (given / CONFIG).is_file():
        return given
    found = sorted(path.parent for level in ("*", "*/*") for path in given.glob(f"{level}/{WEIGHTS}"))
    if len(found) > 1:
        raise FileNotFoundError(f"{given}: holds several models; give one: {', '.join(map(str, found))}")
    if found:
        say(f"the model: {found[0]}")
    return found[0] if found else given


def warn_beyond(model: Path, structures: "Structures") -> None:
    """Say it where structures are unlike all that a model, a folder or a name, was trained on, if known."""
    from tutti.models import shipped

    if strange := shipped.beyond(shipped.record_of(shipped.resolve(model)), structures):
        say(f"warning: {strange}")


def force_field(
    model: Path | None,
    calculator: str | None,
    arguments: Sequence[str] | None,
    open_folder: Callable[[Path], Opened],
) -> "Opened | ExternalCalculator":
    """The force field that `--model`, or `--calculator` with its `--arguments`, names.

    Args:
        model: folder of a force field, or the name of one that ships.
        calculator: `module:callable`.
        arguments: `NAME=VALUE` or JSON.
        open_folder: opens the folder.

    Raises:
        ModuleNotFoundError: when the calculator's code is not installed.
        ValueError: when both or none are named, the calculator cannot be made, or the folder is one of a
            calculator.
    """
    if (model is None) == (calculator is None):
        raise ValueError("--model and --calculator: give one of them")
    if calculator is None:
        if arguments:
            raise ValueError("--arguments: are those of --calculator; a model has none")
        return open_folder(_trained(model_folder(model)))
    from tutti.models.forcefields.external import External, ExternalCalculator

    return ExternalCalculator(External(calculator, named("--arguments", arguments or ())))


def _trained(folder: Path) -> Path:
    """A folder that holds data alone.

    Raises:
        ValueError: when it is a calculator's, which names code to run: that is for the user to name.
    """
    from tutti.models.forcefields.external import factory_of

    if (factory := factory_of(folder)) is not None:
        hint = "if you trust that, name it with --calculator and --arguments"
        raise ValueError(f"--model {folder}: its config.json would run {factory}; {hint}")
    return folder


def named(option: str, texts: Sequence[str]) -> dict[str, Any]:
    """What `NAME=VALUE` or JSON say; values that are JSON are what it says, others are text.

    Args:
        option: that they were given for.
        texts: each of them.

    Raises:
        ValueError: for one without a name.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        given = _json(text) if text.startswith("{") else {name.strip(): _json(value)}
        if not isinstance(given, dict) or not (equals or text.startswith("{")):
            raise ValueError(f"{option} {text}: write NAME=VALUE, or all of them as JSON: {{...}}")
        found |= given
    return found


def _json(text: str) -> Any:
    from tutti.core import json_text

    try:
        return json_text.loads(text)
    except ValueError:
        return text


def read(file: Path, limit: float, **how: Any) -> "Structures":
    """`tutti.io.read(file, **how)` with at most `limit` GB of memory.

    Raises:
        FormatError, OSError, LimitError, ValueError: see `tutti.io.read` and `tutti.core.memory.limited`.
    """
    from tutti import io

    io.check(file)
    with limited(limit):
        return io.read(file, **how)
