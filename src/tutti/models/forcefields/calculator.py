"""Force fields in ASE: trained here, or calculators of other codes."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from threading import RLock
from typing import Any

import ase
import numpy as np
import torch
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import Parameters, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from tutti.core.files import sha256
from tutti.core.structures import Structures
from tutti.models import base, forcefields, shipped
from tutti.models.base import WEIGHTS
from tutti.models.forcefields.base import Prediction
from tutti.models.forcefields.external import External, ExternalCalculator, factory_of


class Calculator(AseCalculator):
    """ASE calculator of a trained force field, for any cell and periodicity.

    Energies are in eV, forces in eV/Å, stresses in eV/Å³ in Voigt order (xx, yy, zz, yz, xz, xy) and with
    ASE's sign, (1/V) dE/dε. There is none without a periodic direction and a cell of three vectors; of a slab
    or wire, V is that of the cell with its vacuum, as in ASE's own calculators.

    ASE's files record `name` (`tutti-` and the model's module) and `parameters` (SHA-256 of the weights, and
    config.json). Threads may share a calculator, which works for one of them at a time; copies, deep copies
    and pickles are calculators of their own.

    Example: `atoms.calc = tutti.Calculator("painn_ethanol")`, which ships, or of a run
    `tutti.Calculator("results/demo/train/ethanol/painn_demo/seed0")`

    Args:
        path: folder of the trained model (weights.safetensors and config.json), or the name of one that
            ships (`tutti models`), which warns once of each kind of molecule that it was not trained on.
        accelerator: "auto", "cpu" or "cuda".
        compile: whether the force call is compiled (`tutti.models.forcefields.compiled`), which pays from
            some 20,000 calls on. Results differ by rounding.

    Raises:
        FileNotFoundError, ValueError: see `tutti.models.forcefields.load`; also when the model's target is
            not the energy, or `compile` is true and the model is not made for it.
    """

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(self, path: str | Path, accelerator: str = "auto", compile: bool = False) -> None:
        super().__init__()
        self._lock = RLock()
        path = shipped.resolve(path)
        self._record, self._told = shipped.record_of(path), set[str]()
        self.model = forcefields.load(path, accelerator)
        if self.model.config.target != "energy":
            raise ValueError(
                f"{path}: the model was trained on '{self.model.config.target}': it has no energy and forces"
            )
        if compile:
            self.model.compile_forces()
        self.parameters = Parameters(
            weights_sha256=sha256(Path(path) / WEIGHTS),
            config=base.read_config(path),
        )

    def _get_name(self) -> str:
        return f"tutti-{self.model.module}"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=RLock())

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.model.device

    def check_elements(self, structures: Structures) -> None:
        """Refuse structures with elements that the model does not have or was not trained on.

        Of other molecules than those that it was trained on, where its record knows them, a warning tells.

        Raises:
            ValueError: naming them.
        """
        self.model.check_elements(structures)
        strange = shipped.beyond(self._record, structures)
        if strange and strange not in self._told:
            self._told.add(strange)
            warnings.warn(strange, stacklevel=2)

    def get_property(
        self, name: str, atoms: ase.Atoms | None = None, allow_calculation: bool = True
    ) -> float | np.ndarray | None:
        """A result of `calculate`; those of other threads, which come in between, are of their own atoms."""
        with self._lock:
            return super().get_property(name, atoms, allow_calculation)

    def calculate(
        self,
        atoms: ase.Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Energy, forces and stress, all at once.

        Raises:
            ValueError: for elements that the model does not know, coordinates that are not finite or a
                periodic cell without volume.
        """
        super().calculate(atoms, properties, system_changes)
        if self._record is not None and "numbers" in system_changes:
            self.check_elements(Structures.from_ase([self.atoms]))
        found = self._predict(self.atoms, self.atoms.positions[None])
        energy = float(found.energy[0])
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": found.forces.double().cpu().numpy(),
        }
        if self.atoms.cell.rank == 3 and self.atoms.pbc.any():
            self.results["stress"] = full_3x3_to_voigt_6_stress(found.stress[0].double().cpu().numpy())

    def energies_and_forces(self, atoms: ase.Atoms, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies [B] (eV) and forces [B, n, 3] (eV/Å) of the same atoms at B places, in one batch.

        Args:
            atoms: elements, cell and periodicity.
            positions: [B, n, 3], Å.

        Raises:
            ValueError: see `calculate`.
        """
        with self._lock:
            found = self._predict(atoms, positions)
        return found.energy.cpu().numpy(), found.forces.double().cpu().numpy().reshape(positions.shape)

    def _predict(self, atoms: ase.Atoms, positions: np.ndarray) -> Prediction:
        count = len(positions)
        structures = Structures.from_frames(
            [(atoms.numbers, frame) for frame in positions],
            cell=np.tile(atoms.cell.array, (count, 1, 1)),
            pbc=np.tile(atoms.pbc, (count, 1)),
        )
        self.model.check_elements(structures)
        batch = self.model.collate(structures, np.arange(count))
        return self.model.energy_and_forces(batch.to(self.model.device))


def open_calculator(
    folder: str | Path, accelerator: str = "auto", compile: bool = False
) -> Calculator | ExternalCalculator:
    """The ASE calculator of a folder: of a force field that was trained here, or of another code's.

    Args:
        folder: holds config.json, and of a trained force field weights.safetensors. That of another code
            names what is imported and called: open only those that you trust.
        accelerator: "auto", "cpu" or "cuda", for what was trained here; another code has it in its arguments.
        compile: see `Calculator`; another code is taken as it is.

    Raises:
        FileNotFoundError, ValueError: see `Calculator` and `External.load`.
        ModuleNotFoundError: when the other code is not installed.
    """
    if factory_of(folder) is not None:
        return ExternalCalculator(External.load(folder))
    return Calculator(folder, accelerator, compile)
