"""Calls into libraries on one sample: what they raise there is told apart from errors of our own code.

A sample that a library cannot take has a reason, and the others go on; an error of our own stops the run.
"""

from types import TracebackType

MOST_CHARACTERS = 300
"""Of what a library said."""


class LibraryError(Exception):
    """A library raised an exception on a sample; the message is what it said, in one line."""


class Library:
    """A context in which whatever a library raises becomes a `LibraryError`.

    It holds calls into the library and nothing else. Errors of functions of ours that it calls, or that the
    library calls back, stay what they are.
    """

    def __init__(self, name: str, *expected: type[Exception]) -> None:
        """What the library is called, and exceptions that tell the caller something and stay as they are."""
        self.name, self.expected = name, (*expected, LibraryError)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, self.expected) or _is_ours(trace):
            return
        said = " ".join(f"{self.name}: {type(error).__name__}: {error}".split())
        raise LibraryError(said[:MOST_CHARACTERS]) from error


RDKIT = Library("RDKit")


def _is_ours(trace: TracebackType | None) -> bool:
    """Whether an exception was raised by a function of this package, called in the context."""
    last = trace
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not trace and last is not None and last.tb_frame.f_globals["__name__"].startswith("tutti.")
