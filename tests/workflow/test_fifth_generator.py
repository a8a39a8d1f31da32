"""A generator of one's own: one file and one entry of the configuration, and it is in the tables."""

from tutti import tables
from tutti.structures import Structures

GENERATOR = '''
"""Water, with noise of a width that is learnt."""

from dataclasses import dataclass

import numpy as np
import torch

from tutti.models import Generator
from tutti.structures import Structures

WATER = np.array([[0.0, 0.0, 0.12], [0.0, 0.76, -0.47], [0.0, -0.76, -0.47]])


@dataclass(frozen=True)
class Config:
    width: float = 0.1


@dataclass(frozen=True)
class Sampling:
    max_atoms: int = 3


@dataclass
class Batch:
    noise: torch.Tensor

    def to(self, device):
        return Batch(self.noise.to(device))


class Water(Generator):
    module = "water"

    def __init__(self, config):
        super().__init__(config)
        self.log_width = torch.nn.Parameter(torch.zeros(()))

    def collate(self, structures, items, rng):
        return Batch(torch.tensor(self.config.width * rng.normal(size=len(items)), dtype=self.dtype))

    def training_step(self, batch):
        loss = (self.log_width + 0.5 * (batch.noise / self.log_width.exp()).square()).mean()
        return loss, {"width": self.log_width.detach().exp()}

    @torch.no_grad()
    def sample(self, n, generator, settings):
        noise = torch.randn(n, 3, 3, generator=generator, device=self.device) * 0.3 * self.log_width.exp()
        frames = [([8, 1, 1], WATER + row) for row in noise.double().cpu().numpy()]
        return Structures.from_frames(frames, columns={"finished": np.ones(n, dtype=bool)})


MODEL = Water
'''

STUDY = """
run: five
generation: {datasets: [few], models: [water], samples: 12}
bonds: {assigners: [xyz2mol]}
evaluation: {tables: [validity], controls: []}
forcefields: {runs: []}
datasets:
  few: {kind: file, path: few.npz, split: {train: 0.6, valid: 0.2, test: rest}}
models:
  water:
    kind: generator
    module: water
    config: {}
    training: {steps: 30, batch_size: 8, learning_rate: 0.1}
    sampling: {batch_size: 4}
    resources: {threads: 1, gpu: 0, mem_mb: 1000, runtime: 10}
"""


def test_a_toy_generator_takes_one_file_and_one_entry(fresh):
    few = Structures.load(fresh.root / "src/tutti/datasets/embedded/xtb9_6.npz")[:20]
    few.save(fresh.root / "few.npz")
    (fresh.root / "src/tutti/generators/water.py").write_text(GENERATOR)
    (fresh.root / "five.yaml").write_text(STUDY)
    wanted = ["results/five/tables/validity.md", "results/five/figures/validity.svg"]
    result = fresh.snakemake("--configfile", "five.yaml", "--", *wanted, OMP_NUM_THREADS="1")
    assert result.returncode == 0, result.stdout
    table = tables.read(fresh.root / "results/five/tables/validity.csv").set_index(["model", "metric"])
    assert table.loc[("water", "validity"), "n"] == 12 and table.loc[("water", "validity"), "value"] > 0.5
