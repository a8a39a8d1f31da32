"""A finished training of a run, every file of which is the one that the others speak of."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tutti.core import records, registry, seals
from tutti.core.files import sha256, short
from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.models import base
from tutti.models.training import checkpoints
from tutti.models.training.config import TrainingConfig
from tutti.workflow import config as configurations
from tutti.workflow import snapshots
from tutti.workflow.plan.layout import Layout

ROOT = Path(__file__).resolve().parents[2]
SEED = 0


class Disagreement(ValueError):
    """Two files of a run do not speak of the same thing, or one is missing."""


@dataclass(frozen=True)
class Finished:
    """A training.

    Attributes:
        run: folder results/<run>.
        dataset: name, with `@size` where it was trained on a part.
        model: name of the entry.
        configuration: file of the study.
    """

    run: Path
    dataset: str
    model: str
    configuration: Path

    @property
    def folder(self) -> Path:
        """Of the weights."""
        return self.file(self._layout.training(self.dataset, self.model, str(SEED))).parent

    @property
    def _layout(self) -> Layout:
        return Layout(self.run.name)

    def file(self, path: str) -> Path:
        """A file of the run, named as the layout has it."""
        return self.run / Path(path).relative_to(self._layout.results)

    @cached_property
    def training(self) -> dict[str, Any]:
        """What train.json says."""
        return records.read(self.folder / "train.json")

    @cached_property
    def weights_sha256(self) -> str:
        """Of the file."""
        return sha256(self.folder / base.WEIGHTS)

    @cached_property
    def catalogue(self) -> dict[str, Any]:
        """The study's configuration, merged with the defaults, its sweeps and snapshots expanded."""
        files = [*(ROOT / name for name in configurations.FILES), self.configuration]
        return snapshots.expand(configurations.load(files))

    @property
    def entry(self) -> dict[str, Any]:
        """Of the model."""
        if self.model not in self.catalogue["models"]:
            known = registry.closest(self.model, self.catalogue["models"])
            raise Disagreement(f"{self.configuration}: no model {known}")
        return self.catalogue["models"][self.model]

    @property
    def data(self) -> dict[str, Any]:
        """Entry of the dataset."""
        return self.catalogue["datasets"][self.dataset.partition("@")[0]]

    @cached_property
    def structures(self) -> Structures:
        """All of the dataset."""
        return Structures.load(self.file(self._layout.dataset(self.dataset.partition("@")[0])))

    @cached_property
    def splits(self) -> Splits:
        """As it was trained on them."""
        name, _, size = self.dataset.partition("@")
        found = Splits.load(self.file(self._layout.splits(name)), self.structures)
        return found.first(int(size) if size else None)

    @cached_property
    def samples(self) -> dict[str, Any]:
        """How a generator's samples were made.

        Raises:
            Disagreement: when they are of other weights.
        """
        path = self.file(self._layout.samples(self.dataset, self.model, str(SEED), ".json"))
        sidecar = records.read(path)
        if sidecar["weights_sha256"] != self.weights_sha256:
            raise Disagreement(f"{path}: of other weights than those in {self.folder}")
        return sidecar

    def predicted(self) -> bool:
        """Whether the run's table of errors is of these weights; it has none before it ends.

        Raises:
            Disagreement: when it is of others.
        """
        path = self.file(self._layout.predictions(self.dataset, self.model, str(SEED), "test"))
        if path.is_file() and self.weights_sha256 not in Structures.load(path).source:
            raise Disagreement(f"{path}: of other weights than those in {self.folder}")
        return path.is_file()

    def table(self, name: str) -> Path:
        """A table of the run."""
        return self.file(self._layout.table(name))

    def check(self) -> None:
        """Compare the files with each other and with the study's configuration.

        Raises:
            Disagreement: for the first thing that does not agree, or is not there.
            seals.DamagedFile: when a checksum is missing or another one.
        """
        entry = self.entry
        for name in (base.WEIGHTS, base.CONFIG):
            if not (self.folder / name).is_file():
                raise Disagreement(f"{self.folder / name}: not there: train {entry['module']} first")
            seals.verify(self.folder / name)
        records.check(self.folder / "log.csv", self.folder / "train.json", "log_sha256")
        config = base.read_config(self.folder)
        if {key: config[key] for key in ("kind", "module", "config")} != self.training["model"]:
            raise Disagreement(f"{self.folder}: config.json and train.json are of different models")
        for name, (found, wanted) in self._compared().items():
            if found != wanted:
                raise Disagreement(
                    f"{self.folder}/train.json: {name} is {_brief(found)}, by {self.configuration} and the "
                    f"run's data it is {_brief(wanted)}"
                )

    def _compared(self) -> dict[str, tuple[Any, Any]]:
        """What train.json says, and what follows from configuration and data."""
        said, entry = self.training, self.entry
        settings = registry.from_dict(TrainingConfig, entry["training"], f"training of {self.model}")
        examples = self.structures[self.splits.train]
        model = base.create(said["model"]["kind"], entry["module"], entry["config"], SEED, examples)
        identity = checkpoints.identity(
            model, self.structures, self.splits, asdict(settings), SEED, said["devices"], None
        )
        wanted = {name: value for name, value in identity.items() if name != "training"}
        # A record of an earlier version lacks what training could not be told then.
        wanted |= {f"training.{name}": identity["training"].get(name) for name in said["training"]}
        found = said | {f"training.{name}": value for name, value in said["training"].items()}
        ended = said["step"] if said["stopped"] else settings.steps
        return {name: (found[name], value) for name, value in (wanted | {"step": ended}).items()}


def _brief(value: Any) -> str:
    return short(value) if isinstance(value, str) and len(value) == 64 else str(value)


def configuration_of(run: str) -> Path:
    """The file in config/ whose `run` this is.

    Raises:
        Disagreement: when there is none, or several.
    """
    files = [*sorted((ROOT / "config").glob("*.yaml")), *sorted((ROOT / "config/studies").glob("*.yaml"))]
    found = [path for path in files if configurations.read(path).get("run") == run]
    if len(found) != 1:
        raise Disagreement(f"{len(found)} files in config/ have `run: {run}`: name one with --configfile")
    return found[0]
