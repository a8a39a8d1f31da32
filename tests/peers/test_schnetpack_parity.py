"""SchNet and PaiNN against the package `schnetpack` on copied weights, neighbour lists by ASE."""

import json
import os
import subprocess
from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
from ase.neighborlist import neighbor_list

from schnetpack_weights import copy_weights
from tutti.core.structures import Structures
from tutti.models import base

CUTOFF, CHANNELS, LAYERS = 5.0, 16, 3
N_BASIS = {"schnet": ("n_gaussians", 25), "painn": ("n_basis", 20)}


@pytest.fixture(scope="module")
def peer() -> str:
    """Python of an environment that has `schnetpack`."""
    python = os.environ.get("TUTTI_PEER_SCHNETPACK", "")
    if not Path(python).is_file():
        pytest.skip("set TUTTI_PEER_SCHNETPACK to the Python of an environment that has schnetpack")
    return python


@pytest.fixture
def _precision(dtype: str) -> None:
    torch.set_default_dtype(getattr(torch, dtype))
    yield
    torch.set_default_dtype(torch.float32)


def frames(shared_data: Path, name: str) -> list[ase.Atoms]:
    if name == "ethanol":
        molecules = ase.io.read(shared_data / "ethanol_pbe/train.xyz", ":4")
        return [ase.Atoms(atoms.symbols, atoms.positions) for atoms in molecules]
    rng = np.random.default_rng(0)
    # A triclinic cell narrower than two cutoffs: atoms see their own images. Two atoms lie outside the cell.
    cell = np.array([[4.5, 0.0, 0.0], [1.2, 5.0, 0.0], [-0.7, 0.9, 6.0]])
    positions = rng.random((7, 3)) @ cell
    positions[:2] += np.array([[3, 0, -2], [0, -7, 1]]) @ cell
    return [ase.Atoms("OH2COH2", positions, cell=cell, pbc=True)]


def batch_of(molecules: list[ase.Atoms]) -> dict[str, np.ndarray]:
    """Arrays in the form the reference reads."""
    starts = np.cumsum([0, *(len(atoms) for atoms in molecules[:-1])])
    found = [neighbor_list("ijS", atoms, CUTOFF) for atoms in molecules]
    pairs = [np.stack([i, j]) + start for (i, j, _), start in zip(found, starts, strict=True)]
    shifts = [cells @ atoms.cell[:] for (*_, cells), atoms in zip(found, molecules, strict=True)]
    return {
        "numbers": np.concatenate([atoms.numbers for atoms in molecules]),
        "positions": np.concatenate([atoms.positions for atoms in molecules]),
        "n_atoms": np.array([len(atoms) for atoms in molecules]),
        "pairs": np.concatenate(pairs, axis=1),
        "shifts": np.concatenate(shifts),
        "cells": np.stack([atoms.cell[:] for atoms in molecules]),
    }


def reference(python: str, folder: Path, request: dict, batch: dict) -> dict[str, np.ndarray]:
    (folder / "request.json").write_text(json.dumps(request))
    np.savez(folder / "batch.npz", **batch)
    script = Path(__file__).with_name("schnetpack_reference.py")
    done = subprocess.run([python, script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(np.load(folder / "reply.npz"))


@pytest.mark.peers
@pytest.mark.usefixtures("_precision")
@pytest.mark.parametrize("kind", ["schnet", "painn"])
@pytest.mark.parametrize("data", ["ethanol", "crystal"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_energies_and_forces_equal_the_reference_on_its_weights(
    peer, shared_data, tmp_path, kind, data, dtype
):
    molecules = frames(shared_data, data)
    option, n_basis = N_BASIS[kind]
    sizes = {"cutoff": CUTOFF, "channels": CHANNELS, "layers": LAYERS}
    request = sizes | {"kind": kind, "n_basis": n_basis, "dtype": dtype}
    reply = reference(peer, tmp_path, request, batch_of(molecules))
    config = sizes | {option: n_basis, "elements": ["H", "C", "O"]}
    model = base.create("forcefields", kind, config, seed=0).eval()
    assert model.dtype == torch.get_default_dtype()
    copy_weights(model, reply)
    batch = model.collate(Structures.from_ase(molecules), np.arange(len(molecules)))
    found = model.energy_and_forces(batch)
    tolerance = 1e-8 if dtype == "float64" else 1e-5
    for ours, theirs in [(found.energy, reply["energies"]), (found.forces, reply["forces"])]:
        scale = np.abs(theirs).max()
        assert scale > 1e-2
        np.testing.assert_allclose(
            ours.double().numpy(), theirs.astype(np.float64), rtol=0, atol=tolerance * scale
        )
