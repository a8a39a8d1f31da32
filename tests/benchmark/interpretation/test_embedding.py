import numpy as np
import pytest
import torch
from rdkit import Chem

from tutti.benchmark.interpretation.embedding import place, principal_components
from tutti.models import base


def make(symbols):
    config = {"elements": symbols, "channels": 8, "layers": 1, "n_gaussians": 6}
    return base.create("forcefields", "schnet", config, seed=0).double()


def test_components_are_those_of_the_covariance_matrix():
    model = make(["H", "C", "N", "O", "F", "S"])
    found = principal_components(model)
    vectors = model.network.embedding.weight.detach().numpy()
    variances, axes = np.linalg.eigh(np.cov(vectors.T))
    expected = (vectors - vectors.mean(0)) @ axes[:, ::-1][:, :5]
    assert found.coordinates.shape == (6, 5)
    np.testing.assert_allclose(np.abs(found.coordinates), np.abs(expected), atol=1e-12)
    np.testing.assert_allclose(found.explained, variances[::-1][:5] / variances.sum(), atol=1e-12)
    # All components keep all distances.
    distances = np.linalg.norm(vectors[:, None] - vectors, axis=-1)
    again = np.linalg.norm(found.coordinates[:, None] - found.coordinates, axis=-1)
    np.testing.assert_allclose(again, distances, atol=1e-12)
    assert (found.coordinates[np.abs(found.coordinates).argmax(0), np.arange(5)] > 0).all()


def test_elements_without_training_data_are_left_out():
    model = make(["H", "C", "N", "O"])
    model.seen.copy_(torch.tensor([True, True, False, True]))
    frame = principal_components(model).frame()
    assert frame["element"].tolist() == ["H", "C", "O"]
    assert frame["group"].tolist() == [1, 14, 16] and frame["period"].tolist() == [1, 2, 2]
    assert [name for name in frame if name.startswith("pc")] == ["pc1", "pc2"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_elements_have_one_component_less(n):
    found = principal_components(make(["H", "C", "O"][:n]))
    assert found.coordinates.shape == (n, n - 1) and found.explained.shape == (n - 1,)
    assert found.explained.sum() == pytest.approx(1.0 if n > 1 else 0.0)


def test_equal_vectors_have_nothing_to_explain():
    model = make(["H", "C", "O"])
    model.network.embedding.weight.data[:] = 1.0
    found = principal_components(model)
    assert (found.coordinates == 0).all() and (found.explained == 0).all()


def test_a_model_without_embedding_is_refused():
    model = make(["H", "C"])
    del model.network.embedding
    with pytest.raises(ValueError, match="'schnet' has no embedding"):
        principal_components(model)


def test_places_in_the_periodic_table():
    rows = {
        1: "H" + 16 * " ." + " He",
        2: "Li Be" + 10 * " ." + " B C N O F Ne",
        3: "Na Mg" + 10 * " ." + " Al Si P S Cl Ar",
        4: "K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr",
        5: "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe",
        6: "Cs Ba Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn",
        7: "Fr Ra Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og",
    }
    table = Chem.GetPeriodicTable()
    expected = {
        table.GetAtomicNumber(symbol): (period, group)
        for period, row in rows.items()
        for group, symbol in enumerate(row.split(), start=1)
        if symbol != "."
    }
    assert len(expected) == 118 - 28
    expected |= {z: (6 if z < 80 else 7, 0) for z in [*range(57, 71), *range(89, 103)]}
    periods, groups = place(np.arange(1, 119))
    assert [*zip(periods.tolist(), groups.tolist(), strict=True)] == [expected[z] for z in range(1, 119)]
