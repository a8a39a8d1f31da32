"""Where the energies that the sum over atoms starts from are taken from, and where that is said."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from tutti.core.structures import Structures
from tutti.data.splits import SplitConfig, make_splits
from tutti.models import base, forcefields
from tutti.models.forcefields.free_atoms import bound
from tutti.models.training.config import TrainingConfig
from tutti.models.training.loop import train

SMALL = {"channels": 4, "layers": 1, "n_gaussians": 5}
FREE = {"H": -13.6, "O": -2041.0, "N": -1480.0}
BINDING = {1: -2.0, 8: -4.0}
"""eV, of an atom in a molecule: what least squares finds on top of the free atoms."""


@pytest.fixture
def structures():
    """Water and hydrogen, whose energies are exact sums over atoms."""
    rng = np.random.default_rng(0)
    frames = [([8, 1, 1] if i % 2 else [1, 1], rng.normal(size=(2 + i % 2, 3))) for i in range(12)]
    energies = [sum(FREE["H" if z == 1 else "O"] + BINDING[z] for z in numbers) for numbers, _ in frames]
    atoms = sum(len(numbers) for numbers, _ in frames)
    return Structures.from_frames(
        frames, energy=np.array(energies), forces=rng.normal(size=(atoms, 3)), free_atoms=FREE
    )


def made(structures, **config):
    model = base.create("forcefields", "schnet", SMALL | config, 0, structures)
    model.fit_statistics(structures)
    return model


@pytest.mark.parametrize(
    ("references", "free_atoms", "resolved", "energies"),
    [
        (None, FREE, "isolated", [-13.6, -2041.0]),
        (None, {}, "least_squares", [-15.6, -2045.0]),
        ("isolated", FREE, "isolated", [-13.6, -2041.0]),
        ("least_squares", FREE, "least_squares", [-15.6, -2045.0]),
        ({"H": -10.0, "O": -2000.0}, FREE, {"H": -10.0, "O": -2000.0}, [-10.0, -2000.0]),
    ],
)
def test_what_they_are(structures, tmp_path, capsys, references, free_atoms, resolved, energies):
    structures = replace(structures, free_atoms=free_atoms)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = made(structures, references=references)
    np.testing.assert_allclose(model.references, energies, rtol=0, atol=1e-9)
    assert model.config.references == resolved
    kind = resolved if isinstance(resolved, str) else "given"
    shown = f"reference energies ({kind}), eV: H {energies[0]:.4f}, O {energies[1]:.4f}"
    assert shown in capsys.readouterr().err
    assert model.config.exact_free_atoms == (resolved != "least_squares")
    model.save(tmp_path)
    said = json.loads((tmp_path / "config.json").read_text())
    assert said["config"]["references"] == resolved
    assert said["reference_energies"] == pytest.approx(dict(zip("HO", energies, strict=True)))
    atom = Structures.from_frames([([8], np.zeros((1, 3)))])
    loaded = forcefields.load(tmp_path, "cpu")
    energy = float(loaded.energy_and_forces(loaded.collate(atom, [0])).energy[0])
    assert (abs(energy - energies[1]) < 1e-4) == (resolved != "least_squares")


def test_isolated_atoms_of_some_elements_only_are_not_used_and_warned_of(structures):
    some = replace(structures, free_atoms={"H": -13.6})
    with pytest.warns(UserWarning, match="isolated atoms, but none of O: .* fitted by least squares"):
        model = made(some)
    np.testing.assert_allclose(model.references, [-15.6, -2045.0], atol=1e-9)
    with pytest.raises(ValueError, match="no isolated atom of O; add one, give the energies by symbol, or"):
        made(some, references="isolated")


def test_a_choice_for_exact_free_atoms_is_kept(structures):
    assert not made(structures, exact_free_atoms=False).config.exact_free_atoms
    assert made(structures, references="least_squares", exact_free_atoms=True).config.exact_free_atoms


def test_other_properties_have_their_own(structures):
    model = made(structures.with_columns(Cv=structures.energy / 100), target="Cv")
    assert not model.config.exact_free_atoms and model.found_in_data() == {}
    np.testing.assert_allclose(model.references, [-0.156, -20.45], atol=1e-9)


def test_another_training_may_start_from_weights_of_the_same_kind_only(structures, tmp_path):
    made(structures).save(tmp_path)
    other = {"H": -10.0, "O": -2000.0}
    base.start_from(
        base.create("forcefields", "schnet", SMALL, 1, replace(structures, free_atoms=other)), tmp_path
    )
    fitted = base.create("forcefields", "schnet", SMALL, 1, replace(structures, free_atoms={}))
    with pytest.raises(ValueError, match="its references are isolated, those of the new model least_squares"):
        base.start_from(fitted, tmp_path)


def test_the_record_of_a_training_says_them(structures, tmp_path):
    splits = make_splits(structures, SplitConfig(8, 4, 0))
    model = base.create("forcefields", "schnet", SMALL, 0, structures[splits.train])
    train(model, structures, splits, TrainingConfig(steps=2, batch_size=4), tmp_path, seed=0)
    said = json.loads((tmp_path / "train.json").read_text())
    assert said["model"]["config"]["references"] == "isolated"
    assert said["reference_energies"] == {"H": -13.6, "O": -2041.0}


def test_what_binds_atoms_on_average_is_there_from_the_start(structures):
    """Untrained, with neighbours at every distance, and of molecules that all have one formula."""
    model = made(structures)
    np.testing.assert_allclose(model.binding, [BINDING[1], BINDING[8]], rtol=1e-6)
    one_formula = structures[np.flatnonzero(structures.n_atoms == 3)]
    np.testing.assert_allclose(made(one_formula).binding, [-8 / 3, -8 / 3], rtol=1e-6)
    atoms = Structures.from_frames([([8, 1], [[0.0, 0, 0], [r, 0, 0]]) for r in (0.5, 2.5, 4.0, 4.99, 5.0)])
    batch = model.collate(atoms, np.arange(5))
    graph = model.graph(batch, batch.vectors)
    cutoffs = (1 - (np.array([0.5, 2.5, 4.0, 4.99]) / 5) ** 2) ** 2
    expected = [*(1 - np.exp(-cutoffs)), 0.0]
    np.testing.assert_allclose(bound(graph, 5.0).view(5, 2).mean(1), expected, atol=1e-6)
    assert not hasattr(made(structures, references="least_squares"), "binding")


def test_energies_alone_have_the_scale_of_what_is_left(structures):
    energies = structures.energy + np.where(structures.n_atoms == 3, 0.3, -0.3) * np.tile([1, 1, -1, -1], 3)
    frames = replace(structures, energy=energies, forces=None)
    isolated, fitted = (made(frames, references=each) for each in ("isolated", "least_squares"))
    np.testing.assert_allclose(isolated.scale, fitted.scale, rtol=1e-5)
    assert 0.1 < float(fitted.scale[0]) < 0.3
