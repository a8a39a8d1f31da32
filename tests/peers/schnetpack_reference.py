"""The reference's side of the comparisons with `schnetpack`; runs in that package's own Python.

python schnetpack_reference.py FOLDER reads FOLDER/request.json ("kind": schnet or painn, "channels",
"layers", "n_basis", "cutoff" in Å, "dtype") and FOLDER/batch.npz (numbers [N], positions [N, 3] Å, n_atoms
[B], pairs [2, E] as receivers and senders, shifts [E, 3] and cells [B, 3, 3] in Å), and writes
FOLDER/reply.npz: energies [B], forces [N, 3], and the weights under the names of the package's `state_dict`.

With --serve it then answers every line of its standard input, "train" or "force", by the CPU milliseconds of
one training step (mean squares of energies and forces, Adam) or one force call, and "memory" by the peak
memory in MB.
"""

import json
import resource
import sys
import time
import typing
from pathlib import Path

import numpy as np
import torch
import torch.utils.data.dataloader

# Version 2.1.1 imports a name that newer versions of torch have made private.
if not hasattr(torch.utils.data.dataloader, "T_co"):
    torch.utils.data.dataloader.T_co = typing.TypeVar("T_co", covariant=True)

import schnetpack
from schnetpack import properties
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.nn import BesselRBF, CosineCutoff, GaussianRBF
from schnetpack.nn.activations import shifted_softplus


def make_model(kind: str, channels: int, layers: int, n_basis: int, cutoff: float) -> torch.nn.Module:
    """A network with energies and forces, whose biases are not zero."""
    torch.manual_seed(0)
    envelope = CosineCutoff(cutoff)
    if kind == "painn":
        representation = schnetpack.representation.PaiNN(
            channels, layers, BesselRBF(cutoff=cutoff, n_rbf=n_basis), envelope
        )
        activation = torch.nn.functional.silu
    else:
        # The package can make them in single precision only.
        dtype = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)
        basis = GaussianRBF(n_rbf=n_basis, cutoff=cutoff)
        torch.set_default_dtype(dtype)
        basis.offsets = torch.linspace(0, cutoff, n_basis)
        basis.widths = torch.full_like(basis.offsets, cutoff / (n_basis - 1))
        representation = schnetpack.representation.SchNet(channels, layers, basis, envelope)
        activation = shifted_softplus
    energy = Atomwise(channels, activation=activation, output_key=properties.energy)
    model = schnetpack.model.NeuralNetworkPotential(representation, [PairwiseDistances()], [energy, Forces()])
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def read_batch(path: Path) -> dict[str, torch.Tensor]:
    """The frames as schnetpack's dictionary."""
    arrays = {name: torch.from_numpy(array) for name, array in np.load(path).items()}
    dtype, n_atoms = torch.get_default_dtype(), arrays["n_atoms"]
    return {
        properties.Z: arrays["numbers"],
        properties.R: arrays["positions"].to(dtype),
        properties.n_atoms: n_atoms,
        properties.idx_m: torch.repeat_interleave(torch.arange(len(n_atoms)), n_atoms),
        properties.idx_i: arrays["pairs"][0].contiguous(),
        properties.idx_j: arrays["pairs"][1].contiguous(),
        properties.offsets: arrays["shifts"].to(dtype),
        properties.cell: arrays["cells"].to(dtype),
    }


class Clock:
    """Times training steps and force calls on one batch."""

    def __init__(self, model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> None:
        self.model, self.batch = model, batch
        self.optimizer = torch.optim.Adam(model.parameters(), lr=0.0)

    def reply(self) -> dict[str, torch.Tensor]:
        """Energies and forces of the batch, from fresh positions."""
        return self.model(self.batch | {properties.R: self.batch[properties.R].detach().clone()})

    def train(self) -> None:
        self.model.train()
        found = self.reply()
        loss = 0.01 * found[properties.energy].square().mean() + found[properties.forces].square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def force(self) -> None:
        self.model.eval()
        self.reply()

    def answer(self, line: str) -> float:
        if line == "memory":
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start = time.process_time()
        {"train": self.train, "force": self.force}[line]()
        return 1e3 * (time.process_time() - start)


def main(folder: Path, serve: bool) -> None:
    """Write the reply; then serve."""
    request = json.loads((folder / "request.json").read_text())
    torch.set_default_dtype(getattr(torch, request.pop("dtype")))
    model, batch = make_model(**request), read_batch(folder / "batch.npz")
    clock = Clock(model.eval(), batch)
    found = clock.reply()
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    energies, forces = found[properties.energy], found[properties.forces]
    np.savez(folder / "reply.npz", energies=energies.detach().numpy(), forces=forces.numpy(), **weights)
    if serve:
        print("ready", flush=True)
        for line in sys.stdin:
            print(clock.answer(line.strip()), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--serve" in sys.argv)
