"""From noise to molecules along the learnt field."""

from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from tutti.core.progress import Progress
from tutti.models.generators.flow_matching.alignment import align
from tutti.models.generators.flow_matching.config import Config, Sampling
from tutti.models.generators.flow_matching.field import Prediction
from tutti.models.generators.flow_matching.integration import EVALUATIONS, euler, midpoint, shifted
from tutti.models.species import SpeciesModel
from tutti.nn.egnn import FullPairs, centre
from tutti.nn.neighbours import segment_index


class Predictor(SpeciesModel, Protocol):
    """What `Flow` asks of its model."""

    config: Config

    def predict(
        self, x: Tensor, h: Tensor, times: Tensor, molecule: Tensor, n_atoms: Tensor, pairs: FullPairs
    ) -> Prediction:
        """The ends of the paths, as `FlowMatching.predict` gives them."""


class Flow:
    """Molecules of given sizes that are carried along together; one never sees another.

    Positions and features are one tensor z [ΣN, 3 + S]: Å, and scaled types.
    """

    def __init__(self, model: Predictor, n_atoms: Tensor, generator: torch.Generator) -> None:
        """`n_atoms` [B] and `generator` are on the model's device."""
        self.model, self.n_atoms, self.generator = model, n_atoms, generator
        self.molecule = segment_index(n_atoms)
        self.pairs = FullPairs.of_molecules(n_atoms)

    def run(self, settings: Sampling) -> tuple[Tensor, Tensor]:
        """Positions [ΣN, 3] in Å and species [ΣN]; the species are the largest of the types at the end."""
        n = settings.evaluations // EVALUATIONS[settings.sampler]
        z, progress = self.noise(), Progress("flow", n)
        for t, later in pairwise(shifted(k / n, settings.shift) for k in range(n + 1)):
            match settings.sampler:
                case "euler":
                    z = euler(self.velocity, z, t, later - t)
                case "midpoint":
                    z = midpoint(self.velocity, z, t, later - t)
                case "renewal":
                    z = self.renewal(z, t, later)
            progress.update()
        progress.close()
        return z[:, :3], z[:, 3:].argmax(dim=1)

    def noise(self) -> Tensor:
        """z at t = 0, the positions centred in each molecule."""
        model = self.model
        drawn = torch.randn(
            len(self.molecule),
            3 + len(model.species),
            generator=self.generator,
            device=model.device,
            dtype=model.dtype,
        )
        positions = model.config.noise_width * centre(drawn[:, :3], self.molecule, self.n_atoms)
        return torch.cat([positions, drawn[:, 3:]], dim=1)

    def velocity(self, z: Tensor, t: float) -> Tensor:
        """dz/dt at a time t before 1."""
        x, h = z[:, :3], z[:, 3:]
        times = x.new_full((len(x), 1), t)
        found = self.model.predict(x, h, times, self.molecule, self.n_atoms, self.pairs)
        types = self.model.config.type_scale * found.log_types.exp()
        return torch.cat([found.velocity, (types - h) / (1.0 - t)], dim=1)

    def renewal(self, z: Tensor, t: float, later: float) -> Tensor:
        """z at the time `later`: on a path to the predicted end, which begins at new noise.

        The noise is aligned with the end as in training. Were the end drawn from p(x₁ | z) and not the mean
        of it, the distribution would stay that of the training. With all noise kept it is a step of Euler.
        """
        end = z + (1.0 - t) * self.velocity(z, t)
        start = self.noise()
        positions = align(
            *(v[:, :3].double().cpu().numpy() for v in (start, end)), self.n_atoms.cpu().numpy()
        )
        start[:, :3] = torch.from_numpy(positions)
        return torch.lerp(start, end, later)
