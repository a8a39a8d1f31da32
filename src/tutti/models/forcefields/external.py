"""Force fields of other codes: ASE calculators that are made by name, with energies aligned to the data."""

import importlib
import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Self

import ase
import numpy as np
import torch
from ase.calculators.abc import GetPropertiesMixin
from ase.calculators.calculator import CalculationFailed, PropertyNotImplementedError, all_changes
from ase.calculators.calculator import Calculator as AseCalculator

from tutti.core import elements, extras, json_text, versions
from tutti.core.files import files_among, sha256, write_text
from tutti.core.registry import ConfigError, closest, from_dict
from tutti.core.structures import Structures
from tutti.models.base import CONFIG

KIND = "calculator"
"""What the config.json of such a folder says that it is."""


@dataclass(frozen=True)
class External:
    """What makes a calculator, and what its energies are shifted by.

    Attributes:
        factory: `module:callable`, which gives an ASE calculator when it is called.
        arguments: of the call, plain values.
        shifts: eV by symbol, added to the energy for each atom; empty: energies stay as they are.
        fitted_on: structures that the shifts were fitted to.
        versions: of what the factory comes with, by name.
        files: SHA-256 of the files that the arguments name.
    """

    factory: str
    arguments: dict[str, Any] = field(default_factory=dict)
    shifts: dict[str, float] = field(default_factory=dict)
    fitted_on: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def save(self, folder: str | Path) -> None:
        """Write config.json into `folder`, atomically."""
        description = {"kind": KIND, **asdict(self), "tutti": versions.own()}
        write_text(Path(folder) / CONFIG, json.dumps(description, indent=2) + "\n")

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            ValueError: when it is damaged, or a file that an argument names has changed since.
        """
        path = Path(folder) / CONFIG
        description = json_text.read(path)
        try:
            found = from_dict(cls, {k: v for k, v in description.items() if k not in ("kind", "tutti")}, "")
        except ConfigError as error:
            raise ValueError(f"{path}: {error}; make it again") from error
        for name, digest in found.files.items():
            if not Path(name).is_file() or sha256(name) != digest:
                raise ValueError(f"{path}: {name} is not the file any more that it was made with")
        return found


def factory_of(folder: str | Path) -> str | None:
    """The factory that a calculator's folder names; None of a model that was trained here."""
    try:
        found = json_text.read(Path(folder) / CONFIG)
    except (OSError, ValueError):
        return None
    is_calculator = isinstance(found, dict) and found.get("kind") == KIND
    return str(found.get("factory")) if is_calculator else None


class ExternalCalculator(AseCalculator):
    """Any ASE calculator, with the shifts of its energies.

    Args:
        external: what makes it.

    Raises:
        ModuleNotFoundError, ValueError: see `make`.
    """

    def __init__(self, external: External) -> None:
        super().__init__()
        self.external = external
        self.inner = make(external.factory, external.arguments)
        self.implemented_properties = tuple(self.inner.implemented_properties)
        self.parameters = dict(external.arguments)

    def _get_name(self) -> str:
        return self.external.factory

    @property
    def device(self) -> torch.device:
        """Where it says that it computes; the processor when it says nothing."""
        return torch.device(getattr(self.inner, "device", "cpu"))

    @cached_property
    def _by_number(self) -> dict[int, float]:
        return {elements.NUMBERS[symbol]: shift for symbol, shift in self.external.shifts.items()}

    def check_elements(self, structures: Structures) -> None:
        """Refuse structures with elements whose energies were not aligned; which it computes, it has to say.

        Raises:
            ValueError: naming them.
        """
        known = sorted(self._by_number)
        unknown = np.setdiff1d(structures.numbers, known).tolist() if known else []
        if unknown:
            names = [", ".join(map(elements.symbol, found)) for found in (unknown, known)]
            raise ValueError(
                f"{structures.source or 'the structures'}: holds {names[0]}, but the energies of "
                f"{self.name} were aligned on data with {names[1]}"
            )

    def calculate(
        self,
        atoms: ase.Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """What is asked for, by the other calculator.

        Raises:
            PropertyNotImplementedError: when it has none.
            CalculationFailed: when it fails, in whatever way.
        """
        super().calculate(atoms, properties, system_changes)
        if system_changes:
            self.results = {}
        shift = sum(self._by_number[z] for z in self.atoms.numbers.tolist()) if self._by_number else 0.0
        for name in properties:
            try:
                found = self.inner.get_property(name, self.atoms)
            except PropertyNotImplementedError:
                raise
            except Exception as error:  # what a stranger's code raises may be anything
                raise CalculationFailed(f"{self.name}: {type(error).__name__}: {error}") from error
            self.results[name] = found + shift if name in ("energy", "free_energy") else found


def make(factory: str, arguments: Mapping[str, Any]) -> GetPropertiesMixin:
    """The ASE calculator that `module:callable` gives when it is called with `arguments`.

    Raises:
        ModuleNotFoundError: when the module or one that it imports is missing; says what to install.
        ValueError: when there is no such callable, it fails, or gives something else.
    """
    call = _callable(factory)
    try:
        found = call(**arguments)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{factory}: {error}; {advice(error.name)}") from error
    except Exception as error:  # what a stranger's code raises may be anything
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise ValueError(f"{factory}({given}): {type(error).__name__}: {error}") from error
    if not isinstance(found, GetPropertiesMixin):
        raise ValueError(f"{factory}: gives {type(found).__name__}, which is no ASE calculator")
    return found


def advice(module: str | None) -> str:
    """What to install for a missing module."""
    package = (module or "").partition(".")[0]
    if package in extras.EXTRAS:
        return extras.advice(package)
    return f"install the package that has it: pip install {extras.PACKAGES.get(package, package)}"


def describe(factory: str, arguments: Mapping[str, Any]) -> External:
    """With the versions and files that it depends on; the factory's package is asked, not imported."""
    package = factory.partition(":")[0].partition(".")[0]
    return External(
        factory,
        dict(arguments),
        versions=versions.installed(packages_distributions().get(package, [])),
        files={path: sha256(path) for path in files_among(arguments.values())},
    )


def _callable(factory: str) -> Any:
    module, _, name = factory.partition(":")
    if not module or not name:
        raise ValueError(f"'{factory}': expected module:callable, such as tblite.ase:TBLite")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{factory}: {error}; {advice(error.name)}") from error
    try:
        return operator.attrgetter(name)(found)
    except AttributeError:
        known = [each for each in dir(found) if not each.startswith("_")]
        raise ValueError(f"{factory}: {module} has no {closest(name, known)}") from None
