"""last.ckpt: everything a killed training needs to go on to the same weights. Safetensors, never pickled."""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from tutti.core import json_text, seals
from tutti.core.files import atomic_path
from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.models.base import Model, snapshot

ANEW = "delete it to start anew"
TENSORS = ("best", "kept")
"""Attributes of `State` that are weights."""


@dataclass
class State:
    """What a training knows besides the tensors of its networks and optimizer.

    Attributes:
        step: steps done.
        best_loss: lowest value so far of the validated quantity that the training selects by.
        best_step: steps done when it was reached.
        best: weights of that step, by name; empty before the first validation.
        improved: its value at the last improvement (see `TrainingConfig.threshold`).
        stale: validations since then, without those of the warm-up.
        decays: how often a plateau of the validation loss has lowered the learning rate.
        norms: of the last gradients, where they limit the next one's.
        stopped: why the training ended before its last step; None: it did not.
        snapshots: at the shares of the training where weights are kept: `summary` of that moment.
        kept: their weights, by share and name.
        seconds: wall time, over all resumes, without what was done again after a kill.
        processor_seconds: time of the processors in the same, of all processes and threads.
        peak_memory_bytes: the most of any process, over all resumes: the GPU's, where there is one.
        sums: sum of each training loss part since its last row in the log.
        count: number of steps in `sums`.
        log: text of log.csv.
        environment: versions and device of the process that wrote the checkpoint.
    """

    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    improved: float = math.inf
    stale: int = 0
    decays: int = 0
    norms: list[float] = field(default_factory=list)
    stopped: str | None = None
    snapshots: dict[str, dict[str, object]] = field(default_factory=dict)
    kept: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_memory_bytes: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0
    log: str = ""
    environment: dict[str, object] = field(default_factory=dict)

    def add(self, losses: dict[str, float]) -> None:
        """Add those of one more step to the sums."""
        self.count += 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def take_means(self) -> dict[str, float]:
        """Means of the training losses since the last call."""
        means = {name: total / self.count for name, total in self.sums.items()}
        self.sums, self.count = dict.fromkeys(self.sums, 0.0), 0
        return means

    def log_row(self, split: str, epoch: float, losses: dict[str, float], rate: float) -> None:
        """Append a row to the log, and the header before the first."""
        if not self.log:
            self.log = ",".join(["step", "epoch", "split", *losses, "learning_rate", "seconds"]) + "\n"
        row = [self.step, epoch, split, *losses.values(), rate, f"{self.seconds:.3f}"]
        self.log += ",".join(map(str, row)) + "\n"

    def summary(self) -> dict[str, object]:
        """The part of train.json that the training itself determines."""
        names = ("stopped", "peak_memory_bytes", "environment", "snapshots")
        return self.progress() | {name: getattr(self, name) for name in names}

    def progress(self) -> dict[str, object]:
        """How far it is, what that has taken, and what came of it."""
        names = ("step", "best_step", "best_loss", "seconds", "processor_seconds")
        return {name: getattr(self, name) for name in names}

    def keep(self, share: float) -> None:
        """Keep the best weights until now as those of this share of the training."""
        self.snapshots[str(share)], self.kept[str(share)] = self.progress(), self.best


def identity(
    model: Model,
    structures: Structures,
    splits: Splits,
    settings: dict[str, object],
    seed: int,
    devices: int,
    initial: str | None,
) -> dict[str, object]:
    """What a training must share with a checkpoint to go on from it, as JSON gives it back."""
    values = {
        "model": model.description(),
        "training": settings,
        "seed": seed,
        "dataset": structures.digest,
        "splits": splits.training_digest,
        "devices": devices,
        "initial": initial,
    }
    return json.loads(json.dumps(values))


def save(
    path: Path, state: State, networks: dict[str, nn.Module], optimizer: torch.optim.Optimizer, identity: dict
) -> None:
    """Write the checkpoint atomically.

    Args:
        path: last.ckpt.
        state: counters, log and best weights.
        networks: by name; all their parameters and buffers are kept.
        optimizer: its state is kept; its settings come from the configuration.
        identity: plain nested values that a training must share with the checkpoint to go on from it.
    """
    tensors = {f"best/{name}": tensor for name, tensor in state.best.items()}
    for share, weights in state.kept.items():
        # Copies: safetensors refuses names that share memory.
        tensors |= {f"kept/{share}/{name}": tensor.clone() for name, tensor in weights.items()}
    for network, module in networks.items():
        tensors |= {f"{network}/{name}": tensor for name, tensor in snapshot(module).items()}
    for index, entries in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": t.detach().cpu().contiguous() for key, t in entries.items()}
    counters = {f.name: getattr(state, f.name) for f in dataclasses.fields(state) if f.name not in TENSORS}
    # One entry only: safetensors writes several in an order that changes from run to run.
    metadata = {"tutti": json.dumps({"seal": seals.BLANK, "identity": identity, "state": counters})}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)
        seals.seal(temporary)


def load(
    path: Path, networks: dict[str, nn.Module], optimizer: torch.optim.Optimizer, identity: dict
) -> State:
    """Put the checkpoint's tensors into `networks` and `optimizer`, and return its state.

    Raises:
        ValueError: when the file is damaged or belongs to another training; the message says what differs.
    """
    seals.verify(path, ANEW)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json_text.loads(file.metadata()["tutti"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise seals.DamagedFile(path, f"damaged or no checkpoint of tutti ({error})", ANEW) from error
    differing = differences(metadata["identity"], identity)
    if differing:
        raise ValueError(
            f"{path}: belongs to another training: {'; '.join(differing)}. "
            "Put the old values back to go on, or delete this file to start anew"
        )
    for network, module in networks.items():
        module.load_state_dict(_group(tensors, network))
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _group(tensors, "optimizer").items():
        index, key = name.split("/")
        entries.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": entries})
    counters = metadata["state"]
    kept = {share: _group(tensors, f"kept/{share}") for share in counters["snapshots"]}
    return State(**counters, best=_group(tensors, "best"), kept=kept)


def _group(tensors: dict[str, Tensor], group: str) -> dict[str, Tensor]:
    prefix = f"{group}/"
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def differences(old: object, new: object, where: str = "") -> list[str]:
    """ "key.path was ..., is now ..." for every place where two nested mappings differ."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [f"{where} was {old!r}, is now {new!r}"]
    found = []
    for key in sorted(old.keys() | new.keys()):
        found += differences(old.get(key), new.get(key), f"{where}.{key}" if where else key)
    return found
