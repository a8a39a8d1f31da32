"""What is to be evaluated, and how."""

from dataclasses import dataclass
from pathlib import Path

from tutti import registry, suite
from tutti.registry import ConfigError, closest


@dataclass(frozen=True)
class Request:
    """One evaluation.

    Attributes:
        inputs: files and folders of samples.
        out: folder for everything that is made.
        reference: file or folder of the training molecules, if there are any.
        assigners: modules of `tutti.bonds`.
        only: tables wanted (see `tutti.suite.FAMILIES`); empty for all that are possible.
        jobs: number of worker processes.
        compare: whether each input is a model of its own; else all together are one set of samples.
        molecules: only so many samples of each set go through the costly checks: PoseBusters and relaxation.
        published: dataset of the papers whose numbers stand beside ("qm9"), or empty.

    Raises:
        ConfigError: for an unknown assigner or table, or a table that needs what is not given.
        FileNotFoundError: when an input or the reference does not exist.
    """

    inputs: tuple[Path, ...]
    out: Path
    reference: Path | None = None
    assigners: tuple[str, ...] = ("xyz2mol", "openbabel", "lookup")
    only: tuple[str, ...] = ()
    jobs: int = 1
    compare: bool = False
    molecules: int = 1000
    published: str = ""

    def __post_init__(self) -> None:
        for path in (*self.inputs, *([self.reference] if self.reference else [])):
            if not path.exists():
                raise FileNotFoundError(f"{path}: no such file or folder")
        if self.compare and len(set(self.names)) < len(self.inputs):
            raise ConfigError(f"the inputs to compare need different names, got {', '.join(self.names)}")
        known = registry.names("bonds")
        for name in self.assigners:
            if name not in known:
                raise ConfigError(f"unknown assigner {closest(name, known)}", "--assigners")
        for name in self.only:
            if name not in suite.FAMILIES:
                raise ConfigError(f"unknown table {closest(name, suite.FAMILIES)}", "--only")
            if name not in self._possible:
                raise ConfigError(f"'{name}' {self._lack(name)}", "--only")

    @property
    def names(self) -> list[str]:
        """What each input is called in the tables."""
        return [path.name.split(".")[0] or path.name for path in self.inputs]

    @property
    def sets(self) -> dict[str, tuple[Path, ...]]:
        """Inputs by the name of the set of samples they form."""
        if self.compare or len(self.inputs) == 1:
            return {name: (path,) for name, path in zip(self.names, self.inputs, strict=True)}
        return {"samples": self.inputs}

    @property
    def tables(self) -> list[str]:
        """Names of the tables to make, in the suite's order."""
        return [name for name in self._possible if not self.only or name in self.only]

    @property
    def dataset(self) -> str:
        """What the reference is called in the tables."""
        return self.reference.name.split(".")[0] if self.reference else "none"

    @property
    def _possible(self) -> list[str]:
        return suite.possible(self.assigners, self.reference is not None)

    def _lack(self, table: str) -> str:
        if suite.FAMILIES[table].reference == "required" and self.reference is None:
            return "compares with training molecules: give them with --reference FILE"
        if table == "assigner_agreement":
            return "needs two assigners or more"
        return f"needs the assigner '{suite.MAIN}'"
