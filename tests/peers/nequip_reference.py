"""The reference implementation's side of the comparisons with `nequip`; runs in that package's own Python.

python nequip_reference.py FOLDER reads FOLDER/request.json (arguments of `NequIPGNNModel`, and
"compile_mode") and FOLDER/batch.npz (positions [N, 3] Å, species [N], n_atoms [B], edges [2, E] as receivers
and senders, shifts [E, 3] and cells [B, 3, 3] in Å), and writes FOLDER/reply.npz: energies [N] per atom,
forces [N, 3], and the weights, each under a name that says what it maps, such as "1.after.1o.1e.2".

With --serve it then answers every line of its standard input, "train" or "force", by the CPU milliseconds
of one training step (forces' mean square, Adam) or one force call, and "memory" by the peak memory in MB.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from nequip.model import NequIPGNNModel
from nequip.utils.global_state import set_global_state


def read_batch(path: Path) -> dict[str, torch.Tensor]:
    """The frames as nequip's dictionary."""
    arrays = np.load(path)
    n_atoms = torch.from_numpy(arrays["n_atoms"])
    return {
        "pos": torch.from_numpy(arrays["positions"]),
        "atom_types": torch.from_numpy(arrays["species"]),
        "edge_index": torch.from_numpy(arrays["edges"]),
        "edge_cell_shift": torch.from_numpy(arrays["shifts"]),
        "cell": torch.from_numpy(arrays["cells"]),
        "num_atoms": n_atoms,
        "batch": torch.repeat_interleave(torch.arange(len(n_atoms)), n_atoms),
    }


def layer_weights(convolution: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights of one interaction block, by irreps; "after" and "radial" by (result, source, l of Y)."""
    found = {}
    for instruction, weight in zip(
        convolution.linear_1.instructions, convolution.linear_1.weight_views(), strict=True
    ):
        found[f"before.{convolution.linear_1.irreps_in[instruction.i_in].ir}"] = weight
    product = convolution.tp_scatter.tp
    names, channels = {}, product.irreps_in1[0].mul
    *_, last = (module for module in convolution.edge_mlp.mlp if hasattr(module, "weight"))
    radial = last.weight.unflatten(1, (-1, channels))
    for k, path in enumerate(product.instructions):
        result, source = product.irreps_out[path.i_out].ir, product.irreps_in1[path.i_in1].ir
        names[path.i_out] = f"{result}.{source}.{product.irreps_in2[path.i_in2].ir.l}"
        found[f"radial.{names[path.i_out]}"] = radial[:, k]
    results = [name.split(".")[0] for _, name in sorted(names.items())]
    for instruction, weight in zip(
        convolution.linear_2.instructions, convolution.linear_2.weight_views(), strict=True
    ):
        irrep = str(convolution.linear_2.irreps_in[instruction.i_in].ir)
        own = [names[i] for i, result in enumerate(results) if result == irrep]
        for name, part in zip(own, weight.unflatten(0, (len(own), channels)), strict=True):
            found[f"after.{name}"] = part
    if convolution.sc is not None:
        for instruction, weight in zip(
            convolution.sc.instructions, convolution.sc.weight_views(), strict=True
        ):
            found[f"own.{convolution.sc.irreps_out[instruction.i_out].ir}"] = weight
    return found


def all_weights(network: torch.nn.Module) -> dict[str, np.ndarray]:
    """All weights of the network by name."""
    modules = dict(network.named_modules())
    found = {
        "embedding": modules["type_embed"].embed_module.weight,
        "readout": modules["per_atom_energy_readout"].mlp_module.mlp[0].weight,
    }
    layers = sorted(name for name in modules if name.startswith("layer") and name.endswith("convnet"))
    for i, name in enumerate(layers):
        convolution = modules[name].conv
        found |= {f"{i}.{key}": weight for key, weight in layer_weights(convolution).items()}
        hidden = [module.weight for module in convolution.edge_mlp.mlp if hasattr(module, "weight")][:-1]
        found |= {f"{i}.hidden.{k}": weight for k, weight in enumerate(hidden)}
        gated = modules[name].equivariant_nonlin.irreps_gated
        found[f"{i}.gated"] = torch.tensor([(ir.l, ir.p) for _, ir in gated]).reshape(-1, 2)
    return {name: weight.detach().numpy() for name, weight in found.items()}


class Clock:
    """Times training steps and force calls on one batch."""

    def __init__(self, model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> None:
        self.model, self.batch = model, batch
        self.optimizer = torch.optim.Adam(model.parameters(), lr=0.0)

    def train(self) -> None:
        self.model.train()
        loss = self.model(dict(self.batch))["forces"].square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def force(self) -> None:
        self.model.eval()
        self.model(dict(self.batch))

    def answer(self, line: str) -> float:
        if line == "memory":
            status = Path("/proc/self/status").read_text()
            return int(status.split("VmHWM:")[1].split()[0]) / 1024
        start = time.process_time()
        {"train": self.train, "force": self.force}[line]()
        return 1e3 * (time.process_time() - start)


def main(folder: Path, serve: bool) -> None:
    set_global_state()
    model = NequIPGNNModel(**json.loads((folder / "request.json").read_text()))
    batch = read_batch(folder / "batch.npz")
    reply = model.eval()(dict(batch))
    weights = all_weights(model.model.func)
    energies, forces = reply["atomic_energy"].detach().numpy()[:, 0], reply["forces"].detach().numpy()
    np.savez(folder / "reply.npz", energies=energies, forces=forces, **weights)
    if serve:
        clock = Clock(model, batch)
        print("ready", flush=True)
        for line in sys.stdin:
            print(clock.answer(line.strip()), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--serve" in sys.argv)
