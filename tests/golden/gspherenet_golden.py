"""The authors' small G-SphereNet as ours: its weights by our names, its molecules, its noise."""

from pathlib import Path

import numpy as np
import torch

from tutti.core.structures import Structures
from tutti.models.generators.gspherenet import MODEL, Config
from tutti.models.generators.gspherenet.batches import Prefixes

DATA = Path(__file__).parent / "data"
GOLDEN = dict(np.load(DATA / "gspherenet.npz"))
WEIGHTS = {name[len("parameters/") :]: x for name, x in GOLDEN.items() if name.startswith("parameters/")}
LAYERS, CHANNELS = 2, 16
CONFIG = Config(
    channels=CHANNELS,
    layers=LAYERS,
    triplet_channels=12,
    readout_channels=24,
    n_spherical=3,
    n_radial=3,
    flow_layers=2,
    heads=2,
)
FLOWS = "type", "distance", "angle", "torsion"
MOLECULES = range(3)

_EMBEDDER = {
    "embedding.weight": "init_e.emb.weight",
    "distances.frequencies": "emb.dist_emb.freq",
    "first.radial": "init_e.lin_rbf_0",
    "first.dense": "init_e.lin",
    "filter_alone.weight": "init_e.lin_rbf_1.weight",
    "filter.weight": f"update_es.{LAYERS - 1}.lin_rbf.weight",
    "readout.0": f"update_vs.{LAYERS - 1}.lin_up",
    "readout.1": f"update_vs.{LAYERS - 1}.lins.0",
    "readout.3": f"update_vs.{LAYERS - 1}.lins.1",
    "readout.5": f"update_vs.{LAYERS - 1}.lin",
}
_INTERACTION = {
    "radial.0.weight": "lin_rbf1.weight",
    "radial.1.weight": "lin_rbf2.weight",
    "angle.0.weight": "lin_sbf1.weight",
    "angle.1.weight": "lin_sbf2.weight",
    "torsion.0.weight": "lin_t1.weight",
    "torsion.1.weight": "lin_t2.weight",
    "own": "lin_ji",
    "sent": "lin_kj",
    "down.weight": "lin_down.weight",
    "up.weight": "lin_up.weight",
    "before.0.first": "layers_before_skip.0.lin1",
    "before.0.second": "layers_before_skip.0.lin2",
    "skip": "lin",
    "after.0.first": "layers_after_skip.0.lin1",
    "after.0.second": "layers_after_skip.0.lin2",
    "after.1.first": "layers_after_skip.1.lin1",
    "after.1.second": "layers_after_skip.1.lin2",
}
_CONDITION = {"query": "q_proj", "key.weight": "k_proj.weight", "value": "v_proj", "out": "out_proj"}


def names() -> dict[str, str]:
    """The authors' name of each of our parameters, those of the flows excepted."""
    found = {f"embedder.{ours}": f"feat_net.{theirs}" for ours, theirs in _EMBEDDER.items()}
    for layer in range(LAYERS):
        found |= {
            f"embedder.interactions.{layer}.{ours}": f"feat_net.update_es.{layer}.{theirs}"
            for ours, theirs in _INTERACTION.items()
        }
    found |= {f"focus_head.{k}": f"focus_mlp.layers.{k}" for k in (0, 2)}
    for ours, theirs in zip(_conditions(), ("node", "dist", "angle", "torsion"), strict=True):
        found |= {f"{ours}.{own}": f"{theirs}_att.{other}" for own, other in _CONDITION.items()}
    whole = {ours: theirs for ours, theirs in found.items() if theirs in WEIGHTS}
    for ours, theirs in found.items():
        if theirs not in WEIGHTS:
            whole |= {f"{ours}.{part}": f"{theirs}.{part}" for part in ("weight", "bias")}
    return whole


def _conditions() -> list[str]:
    return ["type_condition", "conditions.0", "conditions.1", "conditions.2"]


def flow_parts() -> dict[str, list[tuple[str, bool]]]:
    """By our parameters of the flows, the authors' of each layer, and whether they are transposed."""
    found = {}
    for ours, theirs in zip(
        ("type_flow", "flows.0", "flows.1", "flows.2"), ("node", "dist", "angle", "torsion"), strict=True
    ):
        layers = [f"{theirs}_flow_layers.{k}" for k in range(CONFIG.flow_layers)]
        for own, other in {
            "hidden.weight": "linear1.weight",
            "hidden.bias": "linear1.bias",
            "weight": "linear2.weight",
            "bias": "linear2.bias",
            "scale": "rescale1.weight",
        }.items():
            found[f"{ours}.{own}"] = [(f"{layer}.{other}", own == "weight") for layer in layers]
    return found


def theirs_as_ours(values: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Arrays by the authors' names → by ours."""
    state = {ours: torch.from_numpy(values[theirs]) for ours, theirs in names().items()}
    for ours, parts in flow_parts().items():
        layers = [values[name].T if transposed else values[name] for name, transposed in parts]
        stacked = np.stack(layers) if ours.split(".")[-2] != "hidden" else np.concatenate(layers)
        state[ours] = torch.from_numpy(stacked[:, 0] if ours.endswith("scale") else stacked.copy())
    return state


def network(**changes: object) -> MODEL:
    """Our network with the authors' weights, in float64; `changes` of its configuration."""
    import dataclasses

    model = MODEL(dataclasses.replace(CONFIG, **changes)).double()
    model.load_state_dict(theirs_as_ours(WEIGHTS))
    return model.eval()


def molecules() -> Structures:
    return Structures.from_frames(
        [(GOLDEN[f"molecules/{k}/numbers"], GOLDEN[f"molecules/{k}/positions"]) for k in MOLECULES]
    )


class RecordedNoise(np.random.Generator):
    """Gives every atom the noise that was recorded for it, as far as it is placed next by something."""

    def __init__(self, sizes: list[int]) -> None:
        """`sizes`: numbers of the recorded molecules in the order of the batch."""
        super().__init__(np.random.PCG64(0))
        counts = [len(GOLDEN[f"molecules/{k}/numbers"]) for k in MOLECULES]
        steps = np.split(GOLDEN["batch/dequantisation_noise"], np.cumsum([n - 1 for n in counts])[:-1])
        self.noise = np.concatenate([np.vstack([np.zeros((1, 5)), steps[k]]) for k in sizes])

    def random(self, size=None):
        assert size == self.noise.shape
        return self.noise


def batch(model: MODEL, order: tuple[int, ...] = (1, 0, 2)) -> Prefixes:
    """Molecules as one group, with the recorded noise; `collate` puts the smaller ones first."""
    groups = model.collate(molecules(), np.array(order), RecordedNoise(list(order))).groups
    (group,) = groups
    return group
