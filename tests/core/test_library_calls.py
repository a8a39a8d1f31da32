"""What a library raises, and what is an error of our own."""

import types

import numpy as np
import pytest
from rdkit import Chem

from tutti.core.library_calls import MOST_CHARACTERS, RDKIT, Library, LibraryError


def raising(error: BaseException, module: str) -> types.FunctionType:
    """A function of a module that raises."""

    def fail():
        raise error

    return types.FunctionType(fail.__code__, {"__name__": module}, closure=fail.__closure__)


def test_what_compiled_code_raises_is_the_librarys():
    with (
        pytest.raises(LibraryError, match=r"^RDKit: RuntimeError: Pre-condition Violation getNumImplicitHs"),
        RDKIT,
    ):
        Chem.Atom(6).GetNumImplicitHs()


@pytest.mark.parametrize("error", [ValueError("no\n\tbonds"), MemoryError(), KeyError("x")])
def test_so_is_what_its_python_raises(error):
    with pytest.raises(LibraryError) as caught, Library("Other"):
        raising(error, "other.module")()
    assert caught.value.__cause__ is error
    assert str(caught.value).startswith(f"Other: {type(error).__name__}:") and "\n" not in str(caught.value)


def test_what_our_functions_raise_is_ours():
    fail = raising(ZeroDivisionError("a bug"), "tutti.models.base")
    with pytest.raises(ZeroDivisionError, match="a bug"), Library("Other"):
        fail()
    # Called back by a library: its frames lie between.
    with pytest.raises(ZeroDivisionError), Library("NumPy"):
        np.apply_along_axis(lambda _: fail(), 0, np.zeros((2, 2)))


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(3), LookupError("known"), LibraryError("told")]
)
def test_what_is_expected_and_what_ends_the_program_passes(error):
    with pytest.raises(type(error)) as caught, Library("Other", LookupError):
        raise error
    assert caught.value is error


def test_a_novel_is_cut():
    with pytest.raises(LibraryError) as caught, Library("Other"):
        raise ValueError("word " * 1000)
    assert len(str(caught.value)) == MOST_CHARACTERS
