"""Training step and sampling of every generator at its published size, on molecules of 18 atoms like QM9's.

`make bench` runs it. The weights are untrained. A model that would not grow molecules of 18 atoms by itself
is kept from ending before. G-SchNet's votes are made sharp, as trained ones are: of flat votes no point of
its grid could be left out. EDM is timed on some of its denoising steps, which all cost the same, and its time
is for all of them. Batches of 1,000 are left out, unless they are asked for.

    python benchmarks/generators.py --models gschnet --models edm --device cuda --batches 1000
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
import yaml
from device.inputs import Steps
from torch import Tensor, nn
from torch.nn.functional import pad

from tutti.core import registry
from tutti.core.randomness import torch_generator
from tutti.core.structures import Structures
from tutti.core.timing import seconds, where
from tutti.models import base
from tutti.models.base import Generator

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
            case "gspherenet":
                # Every carbon is open, and the next atom lies about as far as in a molecule.
                model.focus_head[-1].weight.zero_()
                model.focus_head[-1].bias.fill_(-50.0)
                for flow, value in zip(model.flows, (1.2, 1.9, 3.0), strict=True):
                    flow.bias[0, 1] = -value
            case "gschnet":
                model.type_head.register_forward_hook(never_stop)
                model.distance_head.network[-1].weight *= SHARP


def never_stop(type_head: nn.Module, inputs: tuple, logits: Tensor) -> Tensor:
    """Logits [N, n_types] of G-SchNet's next type without a chance for STOP, the last."""
    return pad(logits[:, :-1], (0, 1), value=-1e4)


def sampler(model: Generator, entry: dict) -> tuple[Callable[[int, int], Structures], float]:
    """Samples a number of molecules of `ATOMS` atoms with a seed; and the part of the work that this is."""
    settings = {key: value for key, value in entry["sampling"].items() if key != "batch_size"}
    share = 1.0
    if model.module == "gspherenet":
        settings["focus_threshold"] = 1.0  # every atom takes neighbours without end
    if model.module == "edm":
        settings["steps"] = DENOISING_STEPS
        # The last call of the network, at t = 0, comes on top of the steps.
        share = (DENOISING_STEPS + 1) / (model.config.timesteps + 1)
    sampling = registry.from_dict(
        registry.module("generators", model.module).Sampling, settings | {"max_atoms": ATOMS}, "sampling"
    )

    def draw(n: int, seed: int) -> Structures:
        return model.sample(n, torch_generator(seed, "benchmark", device=model.device), sampling)

    return draw, share


def sampling_seconds(model: Generator, entry: dict, batch: int, repeats: int) -> float:
    """Median s per molecule in batches of `batch`; the first batch does not count."""
    draw, share = sampler(model, entry)
    times = [seconds(partial(draw, batch, i), model.device) for i in range(repeats + 1)]
    return median(times[1:]) / share / batch


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", action="append", metavar="NAME")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batches", action="append", type=int, help="molecules at a time")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--items", type=int, help="items a step instead of the entry's")
    parser.add_argument("--molecules", type=Path, help="npz of molecules to use instead")
    return parser.parse_args()


def main() -> None:
    """Print one row per generator."""
    options = parse()
    catalogue = yaml.safe_load((ROOT / "config/models.yaml").read_text())["models"]
    structures = Structures.load(options.molecules) if options.molecules else of_18_atoms(200)
    print(f"{where(torch.device(options.device))}; mean {structures.n_atoms.mean():.1f} atoms")
    print("| model | batch | s per training step | theirs / ours | s per molecule by batch | theirs / ours |")
    print("|---|---|---|---|---|---|")
    for name in options.models or registry.names("generators"):
        entry = catalogue[name]
        model = base.create("generators", entry["module"], entry["config"], seed=0)
        model.fit_statistics(structures)
        model.to(options.device)
        size = options.items or entry["training"]["batch_size"]
        step = Steps(model, structures, size)
        of_step = median([seconds(partial(step, i), model.device) for i in range(options.steps + 1)][1:])
        keep_growing(model.eval())
        found = {
            n: sampling_seconds(model, entry, n, options.repeats) for n in options.batches or (1, 10, 100)
        }
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
    main()
