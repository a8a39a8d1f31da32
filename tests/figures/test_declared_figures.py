"""The drawing functions and the declarations of figures: each has the other."""

import re
from collections.abc import Iterator
from importlib import import_module
from inspect import getmembers, isfunction, ismodule, signature
from operator import attrgetter
from pathlib import Path
from pkgutil import iter_modules
from types import CodeType, FunctionType

import pytest

from tutti import figures as package
from tutti.benchmark.tables import declared, figures

OF_TWO_RUNS = "tutti.figures.differences.draw"  # no run declares it: `tutti.report.compare` draws it
ARGUMENTS = {
    "table": ["table", "stem"],
    "datasets": ["table", "stem"],
    "sweeps": ["table", "values", "stem"],
    "samples": ["sets", "stem"],
    "pictures": ["structures", "verdicts", "stem", "n", "seed"],
    "trainings": ["logs", "stem"],
    "predictions": ["reference", "predictions", "stem", "targets"],
    "committees": ["reference", "committees", "stem"],
    "trajectories": ["study", "stem"],
    "probes": ["probes", "stem"],
    "weights": ["weights", "molecules", "stem"],
    "fits": ["fits", "stem"],
}


def resolved(path: str) -> FunctionType:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def names_in(code: CodeType) -> set[str]:
    """All that the code, and functions inside it, calls by name."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*map(names_in, inner))


def called(function: FunctionType) -> Iterator[FunctionType]:
    """What a function may call of this package's figures."""
    names = names_in(function.__code__)
    values = [value for name, value in function.__globals__.items() if name in names]
    modules = [each for each in values if ismodule(each) and each.__name__.startswith(f"{package.__name__}.")]
    values += [getattr(module, name) for module in modules for name in names if hasattr(module, name)]
    yield from (each for each in values if isfunction(each) and each.__module__.startswith(package.__name__))


@pytest.mark.parametrize("name", figures())
def test_every_figure_has_its_function(name):
    figure = figures()[name]
    assert list(signature(resolved(figure.function)).parameters) == ARGUMENTS[figure.of]
    assert figure.caption and figure.topic in declared().topics


def test_every_drawing_function_draws_a_declared_figure():
    reached, left = (
        set(),
        [resolved(path) for path in [*(f.function for f in figures().values()), OF_TWO_RUNS]],
    )
    while left:
        function = left.pop()
        if function not in reached:
            reached.add(function)
            left += called(function)
    modules = [import_module(f"{package.__name__}.{each.name}") for each in iter_modules(package.__path__)]
    drawing = {
        function
        for module in modules
        for name, function in getmembers(module, isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and "stem" in signature(function).parameters
    }
    name = attrgetter("__module__", "__qualname__")
    assert len(drawing) > 30 and sorted(map(name, drawing - reached)) == []


def test_the_axes_of_every_drawing_module_are_looked_at():
    """`labelled`, which every test of this folder uses, sees a figure of each."""
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    modules = [each.name for each in iter_modules(package.__path__)]
    drawing = {name for name in modules if "new_figure" in vars(import_module(f"{package.__name__}.{name}"))}
    assert {module for module in drawing if not re.search(rf"\b{module}\b[.,]", tests)} == set()
    assert len(drawing) > 15
