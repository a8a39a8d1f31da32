"""What every generator must do, with the small configurations of config/models.yaml.

They are `<name>_tiny` and its variants `<name>_tiny_<option>`: the published structure, and named options.
"""

import dataclasses

import numpy as np
import pytest
import torch
from tiny_models import MODELS, variants

from random_numbers import seeded
from tutti.chemistry.bonds import xyz2mol
from tutti.core import registry
from tutti.core.structures import Structures
from tutti.data.splits import SplitConfig, make_splits
from tutti.models import base
from tutti.models.training.config import TrainingConfig
from tutti.models.training.loop import train

NAMES = [variant for module in registry.names("generators") for variant in variants(module)]

# Real molecules, relaxed with MMFF94 by RDKit: SMILES of up to four heavy atoms.
SMILES = ["C", "N", "O", "F", "CC", "CO", "CN", "C=O", "C#N", "C=C", "C#C", "CF", "CCC", "CCO", "CC=O", "COC"]


@pytest.fixture(scope="module")
def molecules() -> Structures:
    from rdkit import Chem
    from rdkit.Chem import AllChem

    frames = []
    for smiles in SMILES * 2:
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        AllChem.EmbedMolecule(mol, randomSeed=len(frames) + 1)
        AllChem.MMFFOptimizeMolecule(mol)
        frames.append(([a.GetAtomicNum() for a in mol.GetAtoms()], mol.GetConformer().GetPositions()))
    return Structures.from_frames(frames)


def make(name: str, structures: Structures) -> base.Generator:
    model = base.create("generators", MODELS[name]["module"], MODELS[name]["config"], seed=0)
    model.fit_statistics(structures)
    return model


def settings(name: str, **changes: object) -> object:
    chosen = {k: v for k, v in MODELS[name]["sampling"].items() if k != "batch_size"}
    module = registry.module("generators", MODELS[name]["module"])
    sampling = registry.from_dict(module.Sampling, chosen, "sampling")
    return dataclasses.replace(sampling, **changes)


@pytest.mark.parametrize("name", NAMES)
def test_same_stream_gives_the_same_batch_loss_and_samples(name, molecules):
    model = make(name, molecules)
    items = np.arange(min(8, model.n_items(molecules)))
    losses = [
        float(model.training_step(model.collate(molecules, items, np.random.default_rng(seed)))[0].detach())
        for seed in (0, 0, 1)
    ]
    assert losses[0] == losses[1] != losses[2]
    model.eval()
    digests = [model.sample(6, seeded(seed), settings(name, max_atoms=9)).digest for seed in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("name", NAMES)
def test_loss_is_a_mean_over_items(name, molecules):
    """Eight times as many draws of the same items leave it about the same; a sum would be eight times it."""
    model = make(name, molecules).double()

    def loss(repeats: int) -> float:
        items = np.repeat(np.arange(5, 13), repeats)
        value, logs = model.training_step(model.collate(molecules, items, np.random.default_rng(0)))
        assert value.shape == () and logs and all(torch.isfinite(part) for part in logs.values())
        return float(value.detach())

    assert loss(64) == pytest.approx(loss(8), rel=0.2)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_trained(name, molecules):
    model = make(name, molecules)
    items = np.arange(model.n_items(molecules))
    model.training_step(model.collate(molecules, items, np.random.default_rng(0)))[0].backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None and bool(torch.isfinite(parameter.grad).all()), parameter_name
        assert float(parameter.grad.abs().max()) > 0, parameter_name


class TurnedGenerator(np.random.Generator):
    """Its normal vectors of three components are turned: noise that moves with the molecules."""

    def __init__(self, seed: int, turn: np.ndarray) -> None:
        super().__init__(np.random.PCG64(seed))
        self.turn = turn

    def normal(self, loc=0.0, scale=1.0, size=None):
        return loc + scale * self.standard_normal(size)

    def standard_normal(self, size=None, *args, **kwargs):
        drawn = super().standard_normal(size, *args, **kwargs)
        return drawn @ self.turn.T if np.shape(drawn)[-1:] == (3,) else drawn


@pytest.mark.parametrize("name", NAMES)
def test_loss_does_not_depend_on_place_and_orientation(name, molecules):
    """The model sees molecules, and the noise on them, moved, turned and, unless it is chiral, reflected."""
    model = make(name, molecules).double()
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    items = np.arange(0, model.n_items(molecules), 7)
    losses = [
        float(
            model.training_step(
                model.collate(
                    dataclasses.replace(molecules, positions=molecules.positions @ matrix.T + shift),
                    items,
                    TurnedGenerator(0, matrix),
                )
            )[0].detach()
        )
        for matrix, shift in [(np.eye(3), 0.0), (turn, 3.0), (-turn, -20.0)]
    ]
    moved, reflected = losses[1:]
    assert moved == pytest.approx(losses[0], abs=1e-5)
    assert (reflected == pytest.approx(losses[0], abs=1e-5)) != model.chiral


@pytest.mark.parametrize("name", NAMES)
def test_saving_and_loading_keeps_the_samples(name, molecules, tmp_path):
    model = make(name, molecules).eval()
    model.save(tmp_path)
    digests = [
        m.sample(4, seeded(3), settings(name, max_atoms=9)).digest for m in (model, base.load(tmp_path))
    ]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("name", NAMES)
def test_untrained_samples_are_finite_within_size_and_marked_when_unfinished(name, molecules):
    model = make(name, molecules).eval()
    samples = model.sample(30, seeded(0), settings(name, max_atoms=5))
    assert len(samples) == 30 and samples.columns["finished"].dtype == bool
    assert np.isfinite(samples.positions).all()
    assert samples.n_atoms.min() >= 1 and samples.n_atoms.max() <= 5
    assert (samples.n_atoms[~samples.columns["finished"]] == 5).all()


@pytest.mark.parametrize("name", NAMES)
def test_numbers_that_are_not_finite_are_never_silent(name, molecules):
    """A network that gives NaN makes molecules that everybody sees are broken, and does not stop the run."""
    model = make(name, molecules).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(torch.nan)
    samples = model.sample(5, seeded(0), settings(name, max_atoms=5))
    assert len(samples) == 5 and not samples.columns["finished"].any()
    assert all(not np.isfinite(samples.frame(i)[1]).all() for i in range(5))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 4])
def test_trains_on_one_and_on_the_smallest_molecules(name, count, molecules, tmp_path):
    few = molecules[:count]
    splits = make_splits(few[np.repeat(np.arange(count), 2)], SplitConfig(train=0.5, valid="rest", test=0))
    structures = few[np.repeat(np.arange(count), 2)]
    config = TrainingConfig(steps=3, batch_size=4, validation_every=3, checkpoint_every=3)
    train(make(name, few), structures, splits, config, tmp_path, seed=0, accelerator="cpu")
    assert len(base.load(tmp_path).sample(2, seeded(0), settings(name))) == 2


# The published EDM learns slowest, and flow matching's integrated samples are worse than those of its other
# sampler (docs/results/generators.md): of both the variant with named options must pass.
VARIANTS = {"edm": "edm_tiny_data", "flow_matching": "flow_matching_tiny_renewal"}
MEMORISING = [VARIANTS.get(module, f"{module}_tiny") for module in registry.names("generators")]


# docs/results/generators.md says what was tried.
UNDERFITTED = {"gspherenet_tiny": pytest.mark.xfail(reason="0.88 after its 2,400 steps")}


@pytest.mark.long
@pytest.mark.parametrize("name", [pytest.param(name, marks=UNDERFITTED.get(name, ())) for name in MEMORISING])
def test_memorises_32_molecules(name, molecules, tmp_path):
    """After training on 32 molecules alone, at least 90 % of the samples are one of them by xyz2mol."""
    training = registry.from_dict(TrainingConfig, MODELS[name]["training"], "training")
    structures = molecules[np.repeat(np.arange(32), 2)]
    splits = make_splits(structures, SplitConfig(train=0.5, valid="rest", test=0))
    splits = dataclasses.replace(splits, train=np.arange(0, 64, 2), valid=np.arange(1, 64, 2))
    train(make(name, molecules), structures, splits, training, tmp_path, seed=0, accelerator="cpu")
    samples = base.load(tmp_path).sample(100, seeded(0), settings(name))
    known = {xyz2mol.assign(*molecules.frame(i)).smiles for i in range(32)}
    smiles = [xyz2mol.assign(*samples.frame(i)).smiles for i in range(100)]
    assert np.mean([text in known for text in smiles]) >= 0.9
