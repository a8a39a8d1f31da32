"""Force fields in ASE: trained here, or calculators of other codes."""

from collections.abc import Sequence
from pathlib import Path

import ase
import numpy as np
import torch
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from tutti.core.structures import Structures
from tutti.models import forcefields
from tutti.models.forcefields.base import Prediction
from tutti.models.forcefields.external import External, ExternalCalculator, is_external


class Calculator(AseCalculator):
    """ASE calculator of a trained force field, for any cell and periodicity.

    Energies are in eV, forces in eV/Å, stresses in eV/Å³ in Voigt order (xx, yy, zz, yz, xz, xy) and with
    ASE's sign, (1/V) dE/dε; there is none without a cell of three vectors.

    Example: `atoms.calc = tutti.Calculator("results/demo/train/ethanol/painn_demo/seed0")`

    Args:
        path: folder of the trained model (weights.safetensors and config.json).
        accelerator: "auto", "cpu" or "cuda".

    Raises:
        FileNotFoundError, ValueError: see `tutti.models.forcefields.load`; also when the model's target is
            not the energy.
    """

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(self, path: str | Path, accelerator: str = "auto") -> None:
        super().__init__()
        self.model = forcefields.load(path, accelerator)
        if self.model.config.target != "energy":
            raise ValueError(
                f"{path}: the model was trained on '{self.model.config.target}': it has no energy and forces"
            )

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.model.device

    def check_elements(self, structures: Structures) -> None:
        """Refuse structures with elements that the model does not have or was not trained on.

        Raises:
            ValueError: naming them.
        """
        self.model.check_elements(structures)

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
        found = self._predict(self.atoms, self.atoms.positions[None])
        energy = float(found.energy[0])
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": found.forces.double().cpu().numpy(),
        }
        if self.atoms.cell.rank == 3:
            self.results["stress"] = full_3x3_to_voigt_6_stress(found.stress[0].double().cpu().numpy())

    def energies_and_forces(self, atoms: ase.Atoms, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies [B] (eV) and forces [B, n, 3] (eV/Å) of the same atoms at B places, in one batch.

        Args:
            atoms: elements, cell and periodicity.
            positions: [B, n, 3], Å.

        Raises:
            ValueError: see `calculate`.
        """
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


def open_calculator(folder: str | Path, accelerator: str = "auto") -> Calculator | ExternalCalculator:
    """The ASE calculator of a folder: of a force field that was trained here, or of another code's.

    Args:
        folder: holds config.json, and of a trained force field weights.safetensors.
        accelerator: "auto", "cpu" or "cuda", for what was trained here; another code has it in its arguments.

    Raises:
        FileNotFoundError, ValueError: see `Calculator` and `External.load`.
        ModuleNotFoundError: when the other code is not installed.
    """
    if is_external(folder):
        return ExternalCalculator(External.load(folder))
    return Calculator(folder, accelerator)
