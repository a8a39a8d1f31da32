"""PaiNN with the weights that its authors published for rMD17's ethanol."""

from pathlib import Path

import numpy as np
import pytest
import torch

from schnetpack_weights import copy_weights
from tutti.core.structures import Structures
from tutti.core.units import factor
from tutti.data.public import of_npz
from tutti.data.rmd17 import NAMES
from tutti.models import base
from tutti.models.forcefields.base import ForceField
from tutti.models.forcefields.predictions import predict

MEV = 1000.0
RECORDED_MAE = 7.3469
"""meV/Å, of SchNetPack 2.1.1 with these weights on the test frames of split 1."""


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "rmd17"


@pytest.fixture(scope="module")
def frames(folder) -> Structures:
    return of_npz(folder / "rmd17_ethanol_test_01.npz", NAMES)


@pytest.fixture(scope="module")
def published(folder) -> ForceField:
    """The network on kcal/mol, whose energies are those above the training set's mean per atom."""
    weights = dict(np.load(folder / "painn_ethanol_1.npz"))
    config = {"elements": ["H", "C", "O"], "basis": "gaussian"}
    model = base.create("forcefields", "painn", config, seed=0)
    copy_weights(model, weights)
    unit = factor("kcal/mol", "eV")
    model.scale.fill_(unit)
    model.references.fill_(float(weights["postprocessors.1.mean"]) * unit)
    np.testing.assert_allclose(
        model.network.gaussians.centres, weights["representation.radial_basis.offsets"], atol=1e-6
    )
    return model.double().eval()


@pytest.fixture(scope="module")
def predicted(published, frames) -> Structures:
    return predict(published, frames, batch_size=100)


def test_published_weights_give_the_recorded_error(predicted, frames):
    mae = MEV * np.abs(predicted.forces - frames.forces).mean()
    assert mae == pytest.approx(RECORDED_MAE, abs=1e-4)


def test_published_weights_give_the_recorded_predictions(folder, predicted, frames):
    recorded = np.load(folder / "painn_ethanol_1_predicted.npz")
    unit = factor("kcal/mol", "eV")
    forces = recorded["forces"].reshape(-1, 3) * unit
    # Recorded in float32.
    np.testing.assert_allclose(MEV * predicted.forces, MEV * forces, rtol=0, atol=0.02)
    np.testing.assert_allclose(MEV * predicted.energy, MEV * recorded["energies"] * unit, rtol=0, atol=0.01)


def test_another_basis_is_another_model(published, frames):
    bessel = base.create("forcefields", "painn", {"elements": ["H", "C", "O"]}, seed=0)
    with torch.no_grad():
        for name, parameter in bessel.named_parameters():
            parameter.copy_(published.get_parameter(name))
    bessel.scale.copy_(published.scale)
    found = predict(bessel.double().eval(), frames[:10], batch_size=10)
    assert MEV * np.abs(found.forces - frames[:10].forces).mean() > 100 * RECORDED_MAE
