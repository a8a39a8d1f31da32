"""What every model offers (the contract), and how models are made, written and read. Nothing is pickled."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tutti.core import records, registry, seals, versions
from tutti.core.files import atomic_path, sha256
from tutti.core.memory import keep_freed_memory
from tutti.core.randomness import torch_generator
from tutti.core.structures import Structures

WEIGHTS, CONFIG = "weights.safetensors", "config.json"
TRAIN_AGAIN = "delete it and train again"


class Batch(Protocol):
    """What `Model.collate` returns: anything that can move to a device."""

    def to(self, device: torch.device) -> Self:
        """The same batch with all its tensors on `device`."""


class Model(nn.Module):
    """Base of all models: a network made from its configuration alone, `MODEL(config)`.

    A model's module (`tutti.models.generators.<name>`, `tutti.models.forcefields.<name>`) exports `Config`, a
    frozen dataclass of plain values, and `MODEL`, the subclass of this class. All state that training or the
    data determine lies in parameters and persistent buffers whose shapes follow from the configuration, so
    that `save` and `load` round-trip.

    Class attributes:
        kind: where the module lies: "generators" or "forcefields".
        module: name of the module's file: "symphony", ...
        precisions, needs_float32: values of `TrainingConfig.precision` that the model's mathematics stands,
            and why "bf16-mixed" is not among them.
        gains_by_compiling: whether a compiled training step was measured faster on a CPU.
    """

    kind: ClassVar[str]
    module: ClassVar[str]
    precisions: ClassVar[tuple[str, ...]] = ("32-true", "64-true")
    needs_float32: ClassVar[str] = "in bfloat16 it has not been shown to learn"
    gains_by_compiling: ClassVar[bool] = False

    def __init__(self, config: object) -> None:
        super().__init__()
        self.config = config

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Floating type of the parameters; `collate` makes its floating tensors in it."""
        return next(self.parameters()).dtype

    @classmethod
    def configure(cls, config: object, structures: Structures) -> object:
        """`config` with what it leaves to the data it is trained on. The default leaves nothing."""
        return config

    def fit_statistics(self, structures: Structures) -> None:
        """Fill, once, on the CPU and in place, the buffers that come from the training set. Default: none."""

    def adapt_statistics(self, structures: Structures) -> None:
        """Called instead of `fit_statistics` when the weights come from another training (`start_from`).

        The default keeps the buffers of that training.
        """

    def check_start(self, config: Mapping[str, object]) -> None:
        """Refuse weights of a model of that configuration that fit in, but would mean something else here.

        Raises:
            ValueError: saying why. The default refuses none.
        """

    def found_in_data(self) -> dict[str, object]:
        """What the statistics found that config.json and train.json should say. The default: nothing."""
        return {}

    def n_items(self, structures: Structures) -> int:
        """Number of training items in `structures`; one epoch sees each once. By default one a structure."""
        return len(structures)

    def collate(self, structures: Structures, items: np.ndarray, rng: np.random.Generator) -> Batch:
        """The batch of `items` ([B] int, 0 ... n_items - 1), on the CPU, complete.

        All randomness of a training step (fragments, noise, times, dropout masks) is drawn here from `rng`,
        so that a step depends on its number only and a killed training resumes to the same weights without
        any saved random state.
        """
        raise NotImplementedError

    def collate_validation(
        self, structures: Structures, items: np.ndarray, rng: np.random.Generator
    ) -> Batch:
        """The batch of `items` for validation, as `collate` makes it by default.

        A model that disturbs what it is trained on, and is validated without that, makes another one.
        """
        return self.collate(structures, items, rng)

    def training_step(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """(loss [], parts of it to log {name: []}) of one batch; draws no random numbers.

        The loss and its parts are means over the items of the batch, so that averaging over processes and
        validation batches (weighted by their numbers of items) is exact. Also called for validation, under
        `torch.no_grad()` and in eval mode: a model that differentiates by the positions wraps that part in
        `torch.enable_grad()`. The names are the same for every batch.
        """
        raise NotImplementedError

    def compile_training(self) -> None:
        """Compile the training step from now on.

        Raises:
            ValueError: by default: the model is not made for it.
        """
        raise ValueError(f"compile: {self.module} cannot be compiled, only force fields can")

    def description(self) -> dict[str, object]:
        """{"kind", "module", "config"}: what `load` needs to make the model again."""
        return {"kind": self.kind, "module": self.module, "config": dataclasses.asdict(self.config)}

    def save(self, directory: str | Path, weights: dict[str, Tensor] | None = None) -> None:
        """Write weights.safetensors and config.json into `directory`, atomically.

        Args:
            directory: made when it is missing.
            weights: an earlier `snapshot` of this model to write instead of its present weights.
        """
        directory = Path(directory)
        description = self.description() | self.found_in_data() | {"tutti": versions.own()}
        records.write(directory / CONFIG, description)
        write_weights(directory / WEIGHTS, snapshot(self) if weights is None else weights)


def write_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """Write tensors by name as .safetensors with a checksum, atomically."""
    with atomic_path(path) as temporary:
        save_file(weights, temporary, {"seal": seals.BLANK})
        seals.seal(temporary)


class Generator(Model):
    """A model that makes molecules. Its module also exports `Sampling`, a frozen dataclass of settings.

    The module of one that can go on from a part of a molecule has the method `complete` and says so by
    exporting `COMPLETES`, which the workflow finds without importing it.
    """

    kind = "generators"

    @property
    def chiral(self) -> bool:
        """Whether the model tells molecules from their mirror images; by default it does not."""
        return False

    def sample(self, n: int, generator: torch.Generator, settings: object) -> Structures:
        """`n` molecules on the model's device, in one batch; call it in eval mode.

        Args:
            n: number of molecules.
            generator: the only source of randomness, on the model's device.
            settings: the module's `Sampling`.

        Returns:
            n structures with the bool column `finished`: False where the model reached its limit of atoms
            before it decided to stop.
        """
        raise NotImplementedError

    def complete(self, fragments: Structures, generator: torch.Generator, settings: object) -> Structures:
        """Go on from `fragments` until each is a molecule; only called where the module exports `COMPLETES`.

        Args:
            fragments: B parts of molecules, at least one atom each.
            generator: the only source of randomness, on the model's device.
            settings: the module's `Sampling`.

        Returns:
            B structures in the order of the fragments, whose atoms come first, with the bool column
            `finished`.
        """
        raise NotImplementedError


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """All parameters and persistent buffers as own, contiguous CPU tensors, independent of the model."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in model.state_dict().items()
    }


def create(kind: str, module: str, config: dict, seed: int, structures: Structures | None = None) -> Model:
    """A new model whose initial weights depend on `seed` only; the global random state stays as it is.

    Args:
        kind: "generators" or "forcefields".
        module: name of the model's module.
        config: fields of the module's `Config`; what is left out takes its default.
        seed: seed of the training run.
        structures: the data it is trained on, for what the configuration leaves to them.
    """
    keep_freed_memory()
    exports = registry.module(kind, module)
    parsed = registry.from_dict(exports.Config, config, f"config of {module}")
    if structures is not None:
        parsed = exports.MODEL.configure(parsed, structures)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(torch_generator(seed, "initial weights").initial_seed())
        return exports.MODEL(parsed)


def load(directory: str | Path, device: str | torch.device = "cpu") -> Model:
    """The model that `Model.save` wrote into `directory`, on `device`, in eval mode.

    Raises:
        FileNotFoundError: when one of the two files is missing.
        ValueError: when one is damaged, or the weights do not belong to the configuration.
    """
    directory = Path(directory)
    description, state = _read(directory)
    model = create(description["kind"], description["module"], description["config"], seed=0)
    # Buffers do not tell the precision of a training: some are float64 in every model.
    if any(state[name].dtype == torch.float64 for name, _ in model.named_parameters() if name in state):
        model.double()
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ValueError(f"{directory}: {WEIGHTS} does not belong to {CONFIG}: {error}") from error
    return model.to(device).eval()


def start_from(model: Model, directory: str | Path) -> str:
    """Copy all parameters and buffers that `Model.save` wrote into `directory` into a new `model`.

    The two configurations may differ in what has no influence on the weights' shapes. Numbers are rounded to
    the floating types of `model`.

    Returns:
        The SHA-256 of the weights file: the argument `initial` of `training.train`.

    Raises:
        FileNotFoundError: when one of the two files is missing.
        ValueError: when one is damaged, or belongs to a model of another kind, module or shape.
    """
    directory = Path(directory)
    description, state = _read(directory)
    for name in ("kind", "module"):
        if description[name] != getattr(model, name):
            raise ValueError(
                f"{directory}: its {name} is {description[name]}, the model's is {getattr(model, name)}"
            )
    try:
        model.check_start(description["config"])
        model.load_state_dict(state, strict=True)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{directory}: its weights do not fit the model's configuration: {error}") from error
    return sha256(directory / WEIGHTS)


def _read(directory: Path) -> tuple[dict, dict[str, Tensor]]:
    """What config.json says, and the weights by name."""
    for name in (CONFIG, WEIGHTS):
        if not (directory / name).is_file():
            raise FileNotFoundError(f"{directory / name}: not found; train the model first")
    description = read_config(directory)
    # Folders of earlier versions, and those that people make, have no checksums.
    seals.verify(directory / WEIGHTS, TRAIN_AGAIN, required=seals.is_sealed(directory / CONFIG))
    try:
        return description, load_file(directory / WEIGHTS)
    except SafetensorError as error:
        raise seals.DamagedFile(directory / WEIGHTS, f"damaged ({error})", TRAIN_AGAIN) from error


def read_config(directory: str | Path) -> dict[str, Any]:
    """What the config.json of a model says.

    Raises:
        FileNotFoundError: when it is missing.
        ValueError: when it is damaged, or something else.
    """
    path = Path(directory) / CONFIG
    description = records.read(path, TRAIN_AGAIN, by_hand=True)
    if not {"kind", "module", "config"} <= description.keys():
        raise ValueError(f"{path}: not the config.json of a model; train again")
    return description
