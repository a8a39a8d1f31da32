"""What the commands share: options, refusals before any work, and how errors are told."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

EXTXYZ = (".extxyz", ".xyz")
"""Ends of the names of files that commands write; `tutti relax` writes all that `tutti.io.write` does."""
WEIGHTS = "weights.safetensors"

Model = Annotated[
    Path, typer.Option("--model", metavar="DIR", help="Folder of a trained force field: .../seed0.")
]
Accelerator = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu or cuda.")]


def say(text: str) -> None:
    """Print something for the user on stderr."""
    print(text, file=sys.stderr)


@contextmanager
def told(stopped: str, errors: tuple[type[Exception], ...] = (ValueError,)) -> Iterator[None]:
    """Tell warnings, and errors that a user can do something about, in a line; end the command after these.

    Args:
        stopped: what is said of Ctrl-C.
        errors: kinds that are told, beside those of files and missing libraries.
    """
    warnings.showwarning = lambda message, *_: say(f"warning: {message}")
    try:
        yield
    except (OSError, ModuleNotFoundError, *errors) as error:
        say(f"error: {error}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        say(f"\n{stopped}")
        raise typer.Exit(130) from None


def use_one_thread() -> None:
    """Processes are what runs side by side; threads of linear algebra would only wait for each other."""
    from tutti.core.hardware import thread_variables

    os.environ |= thread_variables(1) | os.environ


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

    Raises:
        FileNotFoundError: when there are several.
    """
    if (given / WEIGHTS).is_file():
        return given
    found = sorted(path.parent for level in ("*", "*/*") for path in given.glob(f"{level}/{WEIGHTS}"))
    if len(found) > 1:
        raise FileNotFoundError(f"{given}: holds several models; give one: {', '.join(map(str, found))}")
    if found:
        say(f"the model: {found[0]}")
    return found[0] if found else given
