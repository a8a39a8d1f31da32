"""What is to be evaluated, and how."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tutti.benchmark.tables import MAIN, REFERENCE, checks_of, declared, possible, tables
from tutti.chemistry.bonds.assignment import PUBLISHED
from tutti.core import extras, memory, names
from tutti.core.registry import ConfigError, closest
from tutti.data import named
from tutti.evaluation.assigners import check_assigners, installed, missing
from tutti.io import SUFFIXES, FormatError, check

CHECKS = "benchmark.metrics"
"""Where the modules of checks are, below `tutti`."""


def stem_of(path: Path) -> str:
    """Name of a file without the suffix of its format, or of a folder."""
    name = path.resolve().name
    suffixes = sorted((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), key=len)
    return name[: -len(suffixes[-1])] if suffixes and path.is_file() else name


@dataclass(frozen=True)
class Request:
    """One evaluation.

    Attributes:
        inputs: files and folders of samples.
        out: folder for everything that is made.
        reference: training molecules, if there are any: a file, a folder or a name of `tutti.data.named`.
        test: the same of molecules that the model has not seen: the ceiling, a control in every table.
        named_assigners: modules of `tutti.chemistry.bonds`; None for those of `PUBLISHED` that are installed.
        charge: total charge of samples and real molecules whose file does not say one.
        only: tables wanted (see `tutti.benchmark.tables`); empty for all that are possible.
        jobs: number of worker processes.
        compare: whether each input is a model of its own; else all together are one set of samples.
        molecules: only so many samples of each set go through the costly checks: PoseBusters and relaxation.
        published: dataset of the papers whose numbers stand beside ("qm9"), or empty.
        force: take over a folder `out` that holds other results.
        limit: GB of memory that reading the files may take, see `tutti.core.memory.limited`.

    Raises:
        ConfigError: for an unknown assigner, table or published dataset, a table that needs what is not
            given, or a file whose name cannot be one of samples, see `tutti.core.names`.
        ModuleNotFoundError: when an assigner or a table is named whose library is not installed.
        FormatError: when an input is a file, or a folder of files, of no known format.
        FileNotFoundError: when an input, the reference or the test molecules do not exist.
        NotADirectoryError: when `out` is a file.
        LimitError: for a limit that is no positive number.
    """

    inputs: tuple[Path, ...]
    out: Path
    reference: Path | None = None
    test: Path | None = None
    named_assigners: tuple[str, ...] | None = None
    charge: int = 0
    only: tuple[str, ...] = ()
    jobs: int = 1
    compare: bool = False
    molecules: int = 1000
    published: str = ""
    force: bool = False
    limit: float = memory.LIMIT

    def __post_init__(self) -> None:
        memory.check(self.limit)
        self._check_paths()
        self._check_tables()
        if self.published:
            from tutti.benchmark import published  # it brings pandas

            published.of_dataset(self.published)

    def _check_paths(self) -> None:
        for paths in self.files:
            _refuse_unknown(paths)
        if self.out.exists() and not self.out.is_dir():
            raise NotADirectoryError(f"{self.out}: is a file; --out names a folder")
        if self.reference is not None and self.reference == self.test:
            text = f"{self.test} is the reference and the test: those molecules are not unseen, and not novel"
            warnings.warn(text, stacklevel=4)
        if self.compare and len(set(self.names)) < len(self.inputs):
            names = ", ".join(self.names)
            raise ConfigError(f"the inputs to compare need different names of files or folders, got {names}")
        self._check_names()

    def _check_names(self) -> None:
        """Refuse names that could not be those of files, before any work is done."""
        given = [*self.sets, *(stem_of(path) for path in self.real.values())]
        for name in given:
            if why := names.problem(name):
                raise ConfigError(f"the name of {name!r} {why}; rename the file or folder")
        if same := names.alike(self.sets):
            told = " and ".join(same)
            raise ConfigError(
                f"the names {told} differ in upper and lower case alone; rename one of the files"
            )

    def _check_tables(self) -> None:
        if self.named_assigners is not None:
            check_assigners(self.named_assigners)
        for name in self.only:
            if name not in tables("samples"):
                raise ConfigError(f"unknown table {closest(name, tables('samples'))}", "--only")
            if declared().tables[name].reference == "required" and self.reference is None:
                how = "compares with training molecules: give them with --reference FILE"
                raise ConfigError(f"'{name}' {how}", "--only")
            if lack := declared().tables[name].lacks(self.assigners, self.reference is not None):
                raise ConfigError(f"'{name}' needs {lack}", "--only")
            for library in _missing([name]):
                raise ModuleNotFoundError(f"--only: '{name}': {extras.advice(library)}")

    @cached_property
    def assigners(self) -> tuple[str, ...]:
        """Modules of `tutti.chemistry.bonds` that judge."""
        return installed() if self.named_assigners is None else self.named_assigners

    @property
    def skipped(self) -> list[str]:
        """What is left out because its library is missing, and how to get it: a line for each library."""
        bonds = PUBLISHED if self.named_assigners is None else ()
        lines = [
            f"no bonds by {name}: {extras.advice(library)}" for name in bonds for library in missing(name)
        ]
        wanted = [] if self.only else possible(self.assigners, self.reference is not None)
        for library in _missing(wanted):
            lacking = ", ".join(name for name in wanted if library in _missing([name]))
            lines.append(f"no {lacking}: {extras.advice(library)}")
        return lines

    @property
    def names(self) -> list[str]:
        """What each input is called in the tables."""
        stems = [stem_of(path) for path in self.inputs]
        if len(set(stems)) < len(stems):  # a/samples.xyz and b/samples.xyz
            stems = [f"{path.resolve().parent.name}_{stem_of(path)}" for path in self.inputs]
        meant_otherwise = {*declared().controls, "reference"}
        return [f"{stem}_samples" if stem in meant_otherwise else stem for stem in stems]

    @property
    def sets(self) -> dict[str, tuple[Path, ...]]:
        """Inputs by the name of the set of samples they form."""
        if self.compare or len(self.inputs) == 1:
            return {name: (path,) for name, path in zip(self.names, self.inputs, strict=True)}
        return {"samples": self.inputs}

    @property
    def files(self) -> list[tuple[Path, ...]]:
        """The files and folders of each set of samples and of real molecules that are not merely named."""
        real = [named.file_of(given) for given in self.real.values()]
        return [*self.sets.values(), *((path,) for path in real if path is not None)]

    @property
    def tables(self) -> list[str]:
        """Names of the tables of samples to make, in the order of their declaration."""
        found = possible(self.assigners, self.reference is not None)
        return [name for name in found if name in self.only or not (self.only or _missing([name]))]

    @property
    def real(self) -> dict[str, Path]:
        """The molecules that are given besides the samples, by what they were to the model: train, test."""
        given = {"train": self.reference, "test": self.test}
        return {part: path for part, path in given.items() if path is not None}

    @property
    def controls(self) -> list[str]:
        """Controls that can be made of these; the reference itself is none, it is what is compared with."""
        found = {name: control.part for name, control in declared().controls.items() if name != REFERENCE}
        return [name for name, part in found.items() if part in self.real]

    @property
    def has_main(self) -> bool:
        """Whether the assigner is among those chosen whose molecules are measured."""
        return MAIN in self.assigners

    @property
    def dataset(self) -> str:
        """What the reference is called in the tables."""
        return stem_of(self.reference) if self.reference else "none"


def _refuse_unknown(paths: tuple[Path, ...]) -> None:
    """Refuse a set of samples none of which has a known format: at once, before anything is imported."""
    errors = []
    for path in paths:
        try:
            check(path)
        except FormatError as error:
            errors.append(error)
    if len(errors) == len(paths):
        raise errors[0]


def _missing(names: list[str]) -> list[str]:
    """The libraries that the checks of these tables need and that are not installed."""
    found = (library for check in checks_of(names) for library in extras.missing(f"{CHECKS}.{check}"))
    return list(dict.fromkeys(found))
