"""How far G-SchNet's decisions depend on exact positions, and training on with noise on them.

    python benchmarks/gschnet_noise.py judge DATA WEIGHTS
    python benchmarks/gschnet_noise.py tune DATA WEIGHTS --noise-variance 4e-4 --out tuned

DATA is a workflow's dataset of QM9 whose splits lie beside it (`results/<run>/data/qm9.npz`), WEIGHTS the
folder of a training. `judge` prints losses on molecules of the test split with noise on the atoms that are
placed (or the origin moved), with the probability to stop where an atom is missing, and how far from its
place the last hydrogen of these molecules is put. `tune` goes on from the weights.
"""

import dataclasses
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from tutti.core.structures import Structures
from tutti.data.splits import Splits
from tutti.models import base, shipped
from tutti.models.generators.gschnet import Sampling
from tutti.models.generators.gschnet.batch import TraceBatch
from tutti.models.generators.gschnet.growth import Growth
from tutti.models.generators.gschnet.model import GSchNet
from tutti.models.generators.gschnet.traces import make_traces
from tutti.models.training.loop import TrainingConfig, train

app = typer.Typer(add_completion=False)
Data = Annotated[Path, typer.Argument(help="A dataset of the workflow (.npz); its splits lie beside it.")]
Weights = Annotated[str, typer.Argument(help="A folder of weights, or a model that ships.")]
_BATCH = 20


@app.command()
@torch.no_grad()
def judge(data: Data, weights: Weights, molecules: int = 300) -> None:
    """Losses by noise, and errors of the last hydrogen's place by grid spacing."""
    torch.set_num_threads(1)
    model, (structures, splits) = base.load(shipped.resolve(weights)), _read(data)
    test = structures[splits.test[:molecules]]
    print("noise (Å)  origin moved by (Å)  types  distances  p(stop), an atom missing")
    for noise, moved in [(0, 0), (0.005, 0), (0.01, 0), (0.02, 0), (0.03, 0), (0, 0.1), (0, 0.3), (0, 0.6)]:
        print(noise, moved, *(f"{value:.4f}" for value in _losses(model, test, noise, moved)))
    for spacing in (0.04, 0.02):
        errors = _misplaced(model, test, Sampling(grid_spacing=spacing))
        print(
            f"last hydrogen, grid {spacing} Å: quartiles of the error", np.quantile(errors, [0.25, 0.5, 0.75])
        )


@app.command()
def tune(
    data: Data,
    weights: Weights,
    out: Annotated[Path, typer.Option()],
    noise_variance: float = 0.0,
    steps: int = 1000,
) -> None:
    """Go on from the weights, at a rate that falls to 0."""
    torch.set_num_threads(1)
    start, (structures, splits) = shipped.resolve(weights), _read(data)
    config = dataclasses.asdict(base.load(start).config) | {"noise_variance": noise_variance}
    model = base.create("generators", "gschnet", config, 0, structures)
    settings = TrainingConfig(
        steps=steps,
        batch_size=6,
        learning_rate=1e-3,
        schedule="cosine",
        warmup_steps=50,
        ema_decay=0.99,
        gradient_clip=5.0,
        validation_every=steps // 2,
        validation_items=512,
        checkpoint_every=steps // 2,
    )
    train(model, structures, splits, settings, out, 0, "cpu", initial=base.start_from(model, start))


def _read(data: Path) -> tuple[Structures, Splits]:
    structures = Structures.load(data)
    return structures, Splits.load(data.with_suffix(".splits.json"), structures)


def _losses(model: GSchNet, structures: Structures, noise: float, moved: float) -> np.ndarray:
    """Means over steps of the two losses, and over those that place an atom of the probability to stop."""
    rng, sums, stop = np.random.default_rng(0), np.zeros((2, 3)), len(model.species)
    for rows in np.array_split(np.arange(len(structures)), -(-len(structures) // _BATCH)):
        traces = make_traces(structures, rows, model.species, rng)
        away = rng.normal(size=(len(rows), 1, 3))
        shift = moved * away / np.linalg.norm(away, axis=2, keepdims=True)
        traces = dataclasses.replace(traces, positions=traces.positions + shift)
        jitter = rng.normal(scale=noise, size=traces.positions.shape)
        batch = TraceBatch.of(traces, stop, model.dtype, "steps", jitter)
        parts = model.training_step(batch)[1]
        log_types = model.log_types(model.features(batch), batch.step, len(batch.targets))
        stops = log_types[batch.targets < stop, stop].exp().double()
        n, placing = len(batch.targets), len(stops)
        sums += [[n * parts["type"], n * parts["distance"], stops.sum()], [n, n, placing]]
    return sums[0] / sums[1]


def _misplaced(model: GSchNet, structures: Structures, sampling: Sampling) -> np.ndarray:
    """Å, how far from its place each last atom is put that is a hydrogen, all others being exact."""
    traces = make_traces(structures, np.arange(len(structures)), model.species, np.random.default_rng(0))
    hydrogen, last = model.species.of(np.array([1])), traces.n_atoms - 1
    rows = np.flatnonzero((traces.species[np.arange(len(last)), last] == hydrogen) & (last > 0))
    last = last[rows]
    frames = [
        (model.species.atomic_numbers(torch.from_numpy(traces.species[row, :n])), traces.positions[row, :n])
        for row, n in zip(rows, last, strict=True)
    ]
    growth = Growth(model, Structures.from_frames(frames), torch.Generator().manual_seed(0), sampling)
    time = (traces.placed[rows] == last[:, None]) & (traces.target[rows] < len(model.species))
    focus = torch.from_numpy(traces.focus[rows][time])
    active, kind = torch.arange(len(rows)), torch.from_numpy(traces.species[rows, last])
    x, step, place = growth._features(active, focus)
    tables = growth._tables(step, place, model.log_bins(x, kind[step]))
    growth._place(active, focus, kind, tables)
    put = growth.positions[active, growth.n_atoms].double().numpy() + growth.centres
    return np.linalg.norm(put - traces.positions[rows, last], axis=1)


if __name__ == "__main__":
    app()
