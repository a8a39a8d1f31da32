"""The interface of all force fields: energies as sums over atoms, forces as their negative gradient."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from tutti.core import elements
from tutti.core.properties import KEYS
from tutti.core.structures import Structures
from tutti.models.base import Model
from tutti.models.forcefields import free_atoms
from tutti.models.forcefields.batch import AtomicBatch, make_batch
from tutti.models.forcefields.compiled import ForceCall, TrainingStep
from tutti.models.forcefields.config import ForceFieldConfig
from tutti.models.forcefields.neighbours import NeighbourLists
from tutti.models.forcefields.statistics import Statistics
from tutti.models.species import Species
from tutti.nn.heads import charge_dipole, spatial_extent
from tutti.nn.pairs import PairGraph

# Datasets whose neighbour lists are remembered: those of training and validation.
MEMORIES = 2
MOMENTS = {"mu": charge_dipole, "dipole": charge_dipole, "r2": spatial_extent}
"""Properties that are moments of atomic charges."""


@dataclass(frozen=True)
class Prediction:
    """Energies and their derivatives.

    Attributes:
        energy: [B] float64, eV, references included.
        forces: [N, 3], eV/Å.
        stress: [B, 3, 3], eV/Å³, dE/dε / V; NaN where there is no cell, None where none has one.
    """

    energy: Tensor
    forces: Tensor
    stress: Tensor | None


class ForceField(Model):
    """Base of all force fields. A subclass has a network and says what each atom contributes.

    The energy of a structure is Σ_i (reference(z_i) + scale(z_i) ε_i), where ε_i is `atomwise`. With the
    configuration's `exact_free_atoms` that of a free atom is taken from it, and what binds an atom of its
    element on average is added where it has neighbours, see `tutti.models.forcefields.free_atoms`. Other
    targets are described at `outputs`. The network sees the vectors between neighbours and nothing else of
    positions and cell, so that forces and stress follow from the gradient by these vectors.
    """

    kind = "forcefields"
    needs_float32 = "forces and differences of energies need more than the three digits of bfloat16"

    def __init__(self, config: ForceFieldConfig) -> None:
        super().__init__(config)
        if config.elements is None:
            raise ValueError("elements are not given; name them, or make the model for its data")
        self.species = Species(config.elements)
        # Not in the parameters' type: total energies have more digits than float32.
        self.register_buffer("references", torch.zeros(len(self.species), dtype=torch.float64))
        self.register_buffer("offset", torch.zeros((), dtype=torch.float64))
        self.register_buffer("scale", torch.ones(len(self.species)))
        if config.exact_free_atoms:
            self.register_buffer("binding", torch.zeros(len(self.species)))
        self.register_buffer("seen", torch.ones(len(self.species), dtype=torch.bool))
        self._memories: list[NeighbourLists] = []
        self._force_call: ForceCall | None = None
        self._training_step: TrainingStep | None = None

    @classmethod
    def configure(cls, config: ForceFieldConfig, structures: Structures) -> ForceFieldConfig:
        """The configuration with what it leaves to the data."""
        return config.for_data(structures)

    def atomwise(self, batch: AtomicBatch, graph: PairGraph) -> Tensor:
        """ε_i, [N]: what the network says of each atom, of the order of 1, of species and graph alone."""
        raise NotImplementedError

    def contributions(self, batch: AtomicBatch, graph: PairGraph) -> Tensor:
        """What each atom adds to the target beside its reference, [N]."""
        scale = self.scale[batch.species]
        if not self.config.exact_free_atoms:
            return scale * self.atomwise(batch, graph)
        said = free_atoms.above_free_atoms(self.atomwise, len(self.species), batch, graph)
        return scale * said + self.binding[batch.species] * free_atoms.bound(graph, self.config.cutoff)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """See `torch.nn.Module`; what was compiled for frozen weights is forgotten when they thaw."""
        if any(p.requires_grad != requires_grad for p in self.parameters()):
            self._forget()
        return super().requires_grad_(requires_grad)

    def load_state_dict(self, *arguments: object, **options: object) -> object:
        """See `torch.nn.Module`; what was compiled with other weights is forgotten."""
        self._forget()
        return super().load_state_dict(*arguments, **options)

    def _apply(self, *arguments: object, **options: object) -> Self:
        self._forget()  # the type or the device changes
        return super()._apply(*arguments, **options)

    def _forget(self) -> None:
        for compiled in (self._force_call, self._training_step):
            if compiled is not None:
                compiled.forget()

    def outputs(self, batch: AtomicBatch, graph: PairGraph) -> Tensor:
        """The target without references and offset, [B].

        The energy and other extensive properties are sums over atoms, intensive ones means; dipole moment and
        electronic spatial extent are moments of ε_i as charges, around the centre of mass.
        """
        target = self.config.target
        contributions = self.contributions(batch, graph)
        if target in MOMENTS:
            return MOMENTS[target](contributions, batch.centred, batch.structure, len(batch))
        total = batch.sum(contributions)
        return total if KEYS[target].extensive else total / batch.n_atoms

    def fit_statistics(self, structures: Structures) -> None:
        """Reference energies, scales and the elements that occur.

        Raises:
            ValueError: when the data lack the target, have an unknown element or a value that is not finite.
        """
        self.check_elements(structures)
        statistics = Statistics.of(structures, self.species, self.config)
        for name, values in vars(statistics).items():
            if hasattr(self, name):  # all but what binds, of models that do not start from free atoms
                getattr(self, name).copy_(torch.from_numpy(values))
        if energies := self.found_in_data().get("reference_energies"):
            print(free_atoms.told(self.config, energies), file=sys.stderr)

    def adapt_statistics(self, structures: Structures) -> None:
        """Reference energies anew: those of another method or code differ by far more than the rest."""
        self.check_elements(structures)
        statistics = Statistics.of(structures, self.species, self.config)
        self.references.copy_(torch.from_numpy(statistics.references))
        self.offset.copy_(torch.from_numpy(statistics.offset))

    def check_start(self, config: Mapping[str, object]) -> None:
        """See the base class: with exact free atoms the network holds what binds them, tens of eV, too."""
        free_atoms.check_same_kind(config, self.config)

    def found_in_data(self) -> dict[str, object]:
        """See the base class: the energies that the sum over atoms starts from, eV by symbol."""
        if self.config.target != "energy":
            return {}
        energies = dict(zip(self.species.symbols, self.references.tolist(), strict=True))
        return {"reference_energies": energies}

    def check_elements(self, structures: Structures) -> None:
        """Refuse structures with elements that the model does not have or was not trained on.

        Raises:
            ValueError: naming them.
        """
        known = np.sort(self.species.numbers[self.seen].cpu().numpy())
        unknown = np.setdiff1d(structures.numbers, known)
        if len(unknown):
            names = [", ".join(map(elements.symbol, found.tolist())) for found in (unknown, known)]
            raise ValueError(
                f"{structures.source or 'the structures'}: holds {names[0]}, which the model was not made "
                f"for (it knows {names[1]}); train one on data with these elements"
            )

    def collate(
        self,
        structures: Structures,
        items: Sequence[int] | np.ndarray,
        rng: np.random.Generator | None = None,
    ) -> AtomicBatch:
        """The batch of structures `items`. Nothing is random; `rng` is not used."""
        target = self.config.target
        values = structures.energy if target == "energy" else structures.columns.get(target)
        targets = {} if values is None else {target: torch.from_numpy(np.asarray(values[items], float))}
        if target == "energy" and structures.forces is not None:
            forces = structures.forces[structures.atom_rows(np.asarray(items))]
            targets["forces"] = torch.from_numpy(np.asarray(forces)).to(self.dtype)
        return make_batch(structures, items, self._lists(structures), self.species, self.dtype, targets)

    def _lists(self, structures: Structures) -> NeighbourLists:
        """Neighbour lists of these structures, made at most once as long as not many others come between."""
        found = next((m for m in self._memories if m.structures is structures), None)
        if found is None:
            found = NeighbourLists(structures, self.config.cutoff)
            self._memories = [found, *self._memories[: MEMORIES - 1]]
        return found

    def baseline(self, batch: AtomicBatch) -> Tensor:
        """References and offset of each structure, [B] float64."""
        return batch.sum(self.references[batch.species]) + self.offset

    def energy_and_forces(self, batch: AtomicBatch) -> Prediction:
        """Energies, forces and stresses.

        Raises:
            ValueError: when the model's target is not the energy.
        """
        if self.config.target != "energy":
            raise ValueError(f"the model was trained on '{self.config.target}': it has no energy and forces")
        found = None if self._force_call is None else self._force_call(batch)
        residual, gradient = self.differentiate(batch) if found is None else found
        return Prediction(
            energy=residual.detach().double() + self.baseline(batch),
            forces=batch.forces(gradient),
            stress=None if batch.volumes is None else batch.stress(gradient),
        )

    def compile_forces(self) -> None:
        """Compile `energy_and_forces`, see `tutti.models.forcefields.compiled`.

        Raises:
            ValueError: for models that are no faster compiled.
        """
        self._force_call = ForceCall(self)

    def compile_training(self) -> None:
        """Compile the training step; validation stays as it is.

        Raises:
            ValueError: for models that are no faster compiled, and for other targets than the energy.
        """
        self._training_step = TrainingStep(self)

    def differentiate(self, batch: AtomicBatch, create_graph: bool = False) -> tuple[Tensor, Tensor]:
        """(energies without references [B], their gradient by the pairs' vectors [P, 3])."""
        with torch.enable_grad():
            vectors = batch.vectors.detach().requires_grad_()
            residual = self.outputs(batch, self.graph(batch, vectors))
            (gradient,) = torch.autograd.grad(residual.sum(), vectors, create_graph=create_graph)
        return residual, gradient

    def graph(self, batch: AtomicBatch, vectors: Tensor) -> PairGraph:
        """The pairs, with their vectors [P, 3] as given."""
        return PairGraph(batch.first, batch.second, vectors, batch.species.shape[0])

    def properties(self, batch: AtomicBatch) -> Tensor:
        """The target of each structure, [B] float64, in its unit."""
        return self.outputs(batch, self.graph(batch, batch.vectors)).double() + self.baseline(batch)

    def training_step(self, batch: AtomicBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Squared errors as `Loss` weighs them; of a property, in units of its scatter in the data."""
        if self._training_step is not None and torch.is_grad_enabled():
            found = self._training_step(batch)
            if found is not None:
                return found
        return self.loss(batch)

    def loss(self, batch: AtomicBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """`training_step`, never compiled."""
        target = self.config.target
        wanted = (batch.targets[target] - self.baseline(batch)).to(self.dtype)
        if "forces" not in batch.targets:
            error = self.outputs(batch, self.graph(batch, batch.vectors)) - wanted
            unit = 1.0 if target == "energy" else self.scale.mean()
            return (error / unit).square().mean(), {f"{target}_mae": error.detach().abs().mean()}
        loss = self.config.loss
        residual, gradient = self.differentiate(batch, create_graph=torch.is_grad_enabled())
        error = residual - wanted
        weighed = error / batch.n_atoms if loss.per_atom else error
        difference = batch.forces(gradient) - batch.targets["forces"]
        squares = batch.sum(difference.square().sum(-1)) / batch.n_atoms
        logs = {
            "energy_mae": error.detach().abs().mean(),
            "forces_mae": (batch.sum(difference.detach().abs().mean(-1)) / batch.n_atoms).mean(),
        }
        return loss.energy * weighed.square().mean() + loss.forces * squares.mean(), logs
