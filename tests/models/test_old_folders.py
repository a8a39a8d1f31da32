"""Folders of earlier versions: their config.json, and the names and shapes of their weights."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from random_numbers import seeded
from tutti.core import registry
from tutti.core.structures import Structures
from tutti.models import base

FORCE_FIELD = """{
  "kind": "forcefields",
  "module": "schnet",
  "config": {
    "elements": [
      "H",
      "C",
      "O"
    ],
    "cutoff": 5.0,
    "target": "energy",
    "references": "least_squares",
    "loss": {
      "energy": 0.01,
      "forces": 1.0,
      "per_atom": false
    },
    "channels": 4,
    "layers": 1,
    "n_gaussians": 5
  },
  "tutti": "0.1.0"
}
"""
GENERATOR = """{
  "kind": "generators",
  "module": "gschnet",
  "config": {
    "elements": [
      "H",
      "C",
      "O"
    ],
    "channels": 4,
    "layers": 1,
    "n_gaussians": 5,
    "cutoff": 10.0,
    "cutoff_function": "cosine",
    "type_head": "features",
    "head_layers": 1,
    "n_bins": 6,
    "max_distance": 9.0,
    "label_width": 0.1,
    "loss_mean": "molecules"
  },
  "tutti": "0.1.0"
}
"""
LAYERS = ("after", "between", "filter")
NETWORK = {f"network.interactions.0.{name}.weight": (4, 4) for name in (*LAYERS, "before")}
NETWORK |= {f"network.interactions.0.{name}.bias": (4,) for name in LAYERS}
NETWORK |= {
    "network.interactions.0.hidden.dense.weight": (4, 5),
    "network.interactions.0.hidden.dense.bias": (4,),
    "network.radial.basis.centres": (5,),
}
OF_FORCE_FIELD = {
    "network.embedding.weight": (3, 4),
    "readout.0.weight": (2, 4),
    "readout.0.bias": (2,),
    "readout.2.weight": (1, 2),
    "readout.2.bias": (1,),
    "references": (3,),
    "offset": (),
    "scale": (3,),
    "seen": (3,),
}
OF_GENERATOR = {
    "network.embedding.weight": (5, 4),
    "type_head.network.0.weight": (4, 4),
    "type_head.network.0.bias": (4,),
    "distance_head.network.0.weight": (6, 4),
    "distance_head.network.0.bias": (6,),
}
TYPES = {"references": torch.float64, "offset": torch.float64, "seen": torch.bool}


def written(folder, description, shapes):
    """The weights, which now lie in `folder` beside the description."""
    generator = seeded(0)
    weights = {
        name: torch.randn(shape, generator=generator).to(TYPES.get(name, torch.float32))
        for name, shape in (NETWORK | shapes).items()
    }
    (folder / "config.json").write_text(description, encoding="utf-8")
    save_file(weights, folder / "weights.safetensors")
    return weights


@pytest.mark.parametrize(
    ("description", "shapes"),
    [(FORCE_FIELD, OF_FORCE_FIELD), (GENERATOR, OF_GENERATOR)],
    ids=["force field", "generator"],
)
def test_a_folder_is_read_and_would_be_written_again_as_it_is(tmp_path, description, shapes):
    weights = written(tmp_path, description, shapes)
    loaded = base.load(tmp_path)
    state = loaded.state_dict()
    assert state.keys() == weights.keys()
    for name, tensor in weights.items():
        assert state[name].dtype == tensor.dtype and torch.equal(state[name], tensor), name
    loaded.save(tmp_path)
    again = load_file(tmp_path / "weights.safetensors")
    assert again.keys() == weights.keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in weights.items())
    description = json.loads(description)
    again = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    if description["kind"] == "generators":
        description["config"]["noise_variance"] = 0.0
    if description["kind"] == "forcefields":  # what later versions say besides
        description["config"]["exact_free_atoms"] = None
        energies = weights["references"].tolist()
        description["reference_energies"] = dict(zip("HCO", energies, strict=True))
    assert again == description | {"tutti": again["tutti"], "seal": again["seal"]}


def lone_atom(weights, species):
    """SchNet's energy of an atom without neighbours, written out."""

    def ssp(x):
        return torch.log(0.5 * torch.exp(x) + 0.5)

    def dense(name, x):
        return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]

    block = "network.interactions.0."
    hidden = ssp(weights[f"{block}between.bias"])
    x = weights["network.embedding.weight"][species] + dense(f"{block}after", hidden)
    own = dense("readout.2", ssp(dense("readout.0", x)))[0]
    return float(weights["references"][species] + weights["scale"][species] * own)


def test_its_models_predict_and_sample(tmp_path):
    weights = written(tmp_path, FORCE_FIELD, OF_FORCE_FIELD)
    model = base.load(tmp_path)
    apart, pair = ([[0.0, 0, 0], [0, 0, length]] for length in (9, 1))
    structures = Structures.from_frames([([8, 1], apart), ([8, 1], pair)])
    found = model.energy_and_forces(model.collate(structures, np.arange(2)))
    alone = sum(lone_atom(weights, species) for species in (2, 0)) + float(weights["offset"])
    assert float(found.energy[0]) == pytest.approx(alone, abs=1e-5)
    assert not found.forces[:2].any() and found.forces[2:, 2].all()

    written(tmp_path, GENERATOR, OF_GENERATOR)
    settings = registry.module("generators", "gschnet").Sampling(max_atoms=4)
    samples = base.load(tmp_path).sample(5, seeded(0), settings)
    assert len(samples) == 5 and set(samples.numbers.tolist()) <= {1, 6, 8}
