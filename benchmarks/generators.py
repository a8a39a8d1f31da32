"""Training step and sampling of every generator at its published size, on molecules of 18 atoms like QM9's.

`make bench` runs it. The weights are untrained. A model that would not grow molecules of 18 atoms by itself
is kept from ending before. G-SchNet's votes are made sharp, as trained ones are: of flat votes no point of
its grid could be left out. EDM is timed on some of its denoising steps, which all cost the same, and its time
is for all of them. Batches of 1,000 are left out, unless they are asked for.

    python benchmarks/generators.py --models gschnet --models edm --device cuda --batches 1000
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import torch
import typer
import yaml
from torch import Tensor, nn
from torch.nn.functional import pad

from tutti.core import registry
from tutti.core.randomness import torch_generator
from tutti.core.structures import Structures
from tutti.core.timing import seconds, where
from tutti.models import base
from tutti.models.base import Generator
from tutti.models.training.batches import items_of_step

ROOT = Path(__file__).resolve().parents[1]
ATOMS = 18
DENOISING_STEPS = 10
SHARP = 60.0

# What the authors' codes take at the same sizes on two cores: s per training step, and per molecule.
# Symphony's step is one of 16 fragments (`--items 16`).
THEIRS = {
    "symphony": (10.8, 32.0),
    "gschnet": (1.14, 0.9),
    "edm": (35.0, 131.0),
    "gspherenet": (26.0, None),
}


def keep_growing(model: Generator) -> None:
    """Change an untrained model so that it goes on until `max_atoms`."""
    with torch.no_grad():
        match model.module:
            case "symphony":
                # Its hidden features are positive.
                model.focus_head.weights[-1].abs_().mul_(50.0)
            case "gschnet":
                model.type_head.register_forward_hook(never_stop)
                model.distance_head.network[-1].weight *= SHARP


def never_stop(type_head: nn.Module, inputs: tuple, logits: Tensor) -> Tensor:
    """Logits [N, n_types] of G-SchNet's next type without a chance for STOP, the last."""
    return pad(logits[:, :-1], (0, 1), value=-1e4)


def training_step(model: Generator, structures: Structures, size: int) -> Callable[[int], None]:
    """One training step of `size` items, the data's part included, as a function of its number."""
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    n_items = model.n_items(structures)

    def step(number: int) -> None:
        items = items_of_step(number, n_items, size, seed=0)
        batch = model.collate(structures, items, np.random.default_rng(number)).to(model.device)
        loss, _ = model.training_step(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def sampling_seconds(model: Generator, entry: dict, batch: int, repeats: int) -> float:
    """Median s per molecule in batches of `batch`; the first batch does not count."""
    settings = {key: value for key, value in entry["sampling"].items() if key != "batch_size"}
    scale = 1.0
    if model.module == "gspherenet":
        settings["focus_threshold"] = 1.0  # every atom takes neighbours without end
    if model.module == "edm":
        settings["steps"] = DENOISING_STEPS
        # The last call of the network, at t = 0, comes on top of the steps.
        scale = (model.config.timesteps + 1) / (DENOISING_STEPS + 1)
    sampling = registry.from_dict(
        registry.module("generators", model.module).Sampling, settings | {"max_atoms": ATOMS}, "sampling"
    )
    times = [
        seconds(
            lambda i=i: model.sample(batch, torch_generator(i, "benchmark", device=model.device), sampling),
            model.device,
        )
        for i in range(repeats + 1)
    ]
    return scale * median(times[1:]) / batch


def main(
    names: Annotated[list[str] | None, typer.Option("--models")] = None,
    device: str = "cpu",
    batches: Annotated[list[int] | None, typer.Option(help="Molecules at a time.")] = None,
    steps: int = 5,
    repeats: int = 2,
    items: Annotated[int | None, typer.Option(help="Items a step instead of the entry's.")] = None,
    molecules: Annotated[Path | None, typer.Option(help="npz of molecules to use instead.")] = None,
) -> None:
    """Print one row per generator."""
    catalogue = yaml.safe_load((ROOT / "config/models.yaml").read_text())["models"]
    structures = Structures.load(molecules) if molecules else of_18_atoms(200)
    print(f"{where(torch.device(device))}; mean {structures.n_atoms.mean():.1f} atoms")
    print("| model | batch | s per training step | theirs / ours | s per molecule by batch | theirs / ours |")
    print("|---|---|---|---|---|---|")
    for name in names or registry.names("generators"):
        entry = catalogue[name]
        model = base.create("generators", entry["module"], entry["config"], seed=0)
        model.fit_statistics(structures)
        model.to(device)
        size = items or entry["training"]["batch_size"]
        step = training_step(model, structures, size)
        of_step = median([seconds(partial(step, i), model.device) for i in range(steps + 1)][1:])
        keep_growing(model.eval())
        found = {n: sampling_seconds(model, entry, n, repeats) for n in batches or (1, 10, 100)}
        their_step, their_molecule = THEIRS.get(name, (None, None))
        print(
            f"| {name} | {size} | {of_step:.3g} | {_ratio(their_step, of_step)} | "
            + ", ".join(f"{n}: {value:.3g}" for n, value in found.items())
            + f" | {_ratio(their_molecule, min(found.values()))} |",
            flush=True,
        )


def of_18_atoms(n: int) -> Structures:
    """`n` molecules of nine heavy atoms and 18 atoms in all."""
    from evaluation import molecules

    many = molecules(8 * n)
    return many[np.flatnonzero(many.n_atoms == ATOMS)[:n]]


def _ratio(theirs: float | None, ours: float) -> str:
    return "" if theirs is None else f"{theirs / ours:.3g}"


if __name__ == "__main__":
    typer.run(main)
