"""The force-field NequIP against the package `nequip` on copied weights."""

import json
import os
import subprocess
from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
import vesin

from tutti.nn.nequip_potential import Interaction, NequIPPotential
from tutti.nn.pairs import PairGraph
from tutti.nn.tensor_product import Irrep

CUTOFF, NEIGHBOURS = 5.0, 8.0


@pytest.fixture(scope="module")
def peer() -> str:
    """Python of an environment that has `nequip`."""
    python = os.environ.get("TUTTI_PEER_NEQUIP", "")
    if not Path(python).is_file():
        pytest.skip("set TUTTI_PEER_NEQUIP to the Python of an environment that has nequip")
    return python


def frames(shared_data: Path, kind: str) -> list[ase.Atoms]:
    if kind == "ethanol":
        return ase.io.read(shared_data / "ethanol_pbe/train.xyz", ":3")
    rng = np.random.default_rng(0)
    # A triclinic cell narrower than two cutoffs: atoms see their own images.
    cell = [[4.5, 0.0, 0.0], [1.2, 5.0, 0.0], [-0.7, 0.9, 6.0]]
    return [ase.Atoms("OH2COH2", rng.random((7, 3)) @ cell * 2.0, cell=cell, pbc=True)]


def neighbours(molecules: list[ase.Atoms]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(first, second, shift in cells, shift in Å) of every pair once, in all molecules."""
    search, first_atom, found = vesin.NeighborList(cutoff=CUTOFF, full_list=False), 0, []
    for atoms in molecules:
        i, j, shift = search.compute(atoms.positions, atoms.cell[:], bool(atoms.pbc.all()), "ijS")
        found.append((i + first_atom, j + first_atom, shift, shift @ atoms.cell[:]))
        first_atom += len(atoms)
    return tuple(np.concatenate(column) for column in zip(*found, strict=True))


def name(irrep: Irrep) -> str:
    return f"{irrep.l}{'oe'[(irrep.l % 2 == 0) == irrep.natural]}"


def copy_layer(layer: Interaction, own: dict[str, np.ndarray]) -> torch.Tensor:
    """Fill a layer from nequip's weights; returns the last map of its radial MLP."""
    product, channels = layer.product, layer.channels
    gated = [f"{l}{'eo'[int(parity < 0)]}" for l, parity in own["gated"]]
    live = [0, *(1 + gated.index(name(irrep)) for irrep in product.results if irrep.l > 0)]

    def columns(weight: np.ndarray, irrep: Irrep) -> torch.Tensor:
        """Of an irrep's outputs those that exist here: nequip makes gates also for irreps without effect."""
        weight = torch.from_numpy(weight)
        kept = live if irrep == Irrep(0, True) else [0]
        return weight.unflatten(-1, (-1, channels))[..., kept, :].flatten(-2)

    layer.before.copy_(torch.stack([torch.from_numpy(own[f"before.{name(s)}"]) for s in product.sources]))
    radial = []
    for result, weight in zip(product.results, layer.after, strict=True):
        keys = [f"{name(result)}.{name(source)}.{l2}" for source, l2 in product.paths(result)]
        weight.copy_(torch.cat([columns(own[f"after.{key}"], result) for key in keys]))
        radial += [torch.from_numpy(own[f"radial.{key}"]) for key in keys]
    if layer.own is not None:
        to_self = [columns(own[f"own.{name(irrep)}"], irrep) for irrep in layer.kept]
        layer.own.copy_(torch.cat(to_self, dim=2).transpose(0, 1))
    return torch.cat(radial, dim=1)


@torch.no_grad()
def copy_weights(model: NequIPPotential, reply: dict[str, np.ndarray]) -> None:
    model.embedding.weight.copy_(torch.from_numpy(reply["embedding"]))
    model.readout.copy_(torch.from_numpy(reply["readout"]))
    layers = [
        {key.split(".", 1)[1]: value for key, value in reply.items() if key.startswith(f"{i}.")}
        for i in range(len(model.interactions))
    ]
    for layer, own, last in zip(model.interactions, layers, model.radial.last, strict=True):
        last.copy_(copy_layer(layer, own))
    hidden = [
        [torch.from_numpy(own[f"hidden.{k}"]) for own in layers] for k in range(len(model.radial.middle) + 1)
    ]
    model.radial.first.copy_(torch.cat(hidden[0], dim=1))
    for middle, weights in zip(model.radial.middle, hidden[1:], strict=True):
        middle.copy_(torch.stack(weights))


def reference(python: str, folder: Path, arguments: dict, batch: dict) -> dict[str, np.ndarray]:
    (folder / "request.json").write_text(json.dumps(arguments))
    np.savez(folder / "batch.npz", **batch)
    script = Path(__file__).with_name("nequip_reference.py")
    done = subprocess.run([python, script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(np.load(folder / "reply.npz"))


@pytest.fixture
def _precision(dtype: str) -> None:
    torch.set_default_dtype(getattr(torch, dtype))
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.peers
@pytest.mark.usefixtures("_precision")
@pytest.mark.parametrize(
    ("kind", "lmax", "parity", "layers", "depth", "dtype"),
    [
        ("ethanol", 1, True, 6, 1, "float64"),
        ("ethanol", 2, True, 5, 2, "float64"),
        ("ethanol", 2, True, 4, 1, "float32"),
        ("crystal", 0, True, 3, 1, "float64"),
        ("crystal", 2, False, 4, 1, "float64"),
        ("crystal", 3, True, 3, 2, "float64"),
    ],
)
def test_nequip_equals_the_reference_on_its_weights(
    peer, shared_data, tmp_path, kind, lmax, parity, layers, depth, dtype
):
    molecules = frames(shared_data, kind)
    i, j, cells, shifts = neighbours(molecules)
    positions = np.concatenate([atoms.positions for atoms in molecules])
    species = np.concatenate([np.searchsorted([1, 6, 8], atoms.numbers) for atoms in molecules])
    sizes = {"num_layers": layers, "l_max": lmax, "parity": parity, "num_features": 8}
    arguments = sizes | {
        "seed": 3,
        "model_dtype": dtype,
        "r_max": CUTOFF,
        "type_names": ["H", "C", "O"],
        "radial_mlp_depth": depth,
        "radial_mlp_width": 16,
        "num_bessels": 8,
        "avg_num_neighbors": NEIGHBOURS,
    }
    batch = {
        "positions": positions,
        "species": species,
        "n_atoms": np.array([len(atoms) for atoms in molecules]),
        "edges": np.stack([np.concatenate([i, j]), np.concatenate([j, i])]).astype(np.int64),
        "shifts": np.concatenate([cells, -cells]).astype(np.float64),
        "cells": np.stack([atoms.cell[:] for atoms in molecules]),
    }
    reply = reference(peer, tmp_path, arguments, batch)
    model = NequIPPotential(
        3,
        lmax=lmax,
        parity=parity,
        channels=8,
        layers=layers,
        n_basis=8,
        radial_hidden=16,
        radial_layers=depth,
        cutoff=CUTOFF,
        neighbour_norm=NEIGHBOURS**0.5,
    )
    copy_weights(model, reply)
    places = torch.tensor(positions, dtype=torch.get_default_dtype(), requires_grad=True)
    first, second = torch.from_numpy(i.astype(np.int64)), torch.from_numpy(j.astype(np.int64))
    vectors = places[second] - places[first] + torch.tensor(shifts, dtype=places.dtype)
    energies = model(torch.from_numpy(species), PairGraph(first, second, vectors, len(species)))
    (slope,) = torch.autograd.grad(energies.sum(), places)
    tolerance = 1e-10 if dtype == "float64" else 1e-5
    for ours, theirs in [(energies, reply["energies"]), (-slope, reply["forces"])]:
        theirs, ours = theirs.astype(np.float64), ours.detach().double().numpy()
        scale = np.abs(theirs).max()
        assert scale > 1e-3
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * scale)
