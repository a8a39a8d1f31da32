"""What every force field must do, with the small configuration `<name>_tiny` of config/models.yaml."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from tiny_models import entry

from tutti.core import registry
from tutti.core.structures import Structures
from tutti.models import base
from tutti.models.forcefields.base import ForceField

NAMES = registry.names("forcefields")
HEARD = ("schnet", "painn")
"""Networks that say something of an atom without neighbours; others may say 0, whatever their weights are."""
CELL = np.array([[4.1, 0.0, 0.0], [0.9, 3.8, 0.0], [-0.6, 0.7, 4.4]])


def make(name: str, cutoff: float = 3.5, **config: object) -> ForceField:
    """An untrained model in float64 whose statistics are not trivial."""
    settings = entry(name)["config"] | {"elements": ["H", "C", "O"], "cutoff": cutoff} | config
    model = base.create("forcefields", name, settings, seed=0).double().eval()
    model.references.copy_(torch.tensor([-13.0, -1030.0, -2040.0]))
    model.scale.copy_(torch.tensor([0.7, 1.1, 1.3]))
    if model.config.exact_free_atoms:
        model.binding.copy_(torch.tensor([-2.0, -5.0, -4.0]))
    return model


def E0(model: ForceField, numbers: list[int]) -> float:
    """Sum of the reference energies of some atoms."""
    return float(model.references[torch.from_numpy(model.species.of(np.array(numbers)))].sum())


def molecule(n: int = 7, seed: int = 0, size: float = 3.5, **fields: object) -> Structures:
    """Atoms in a box, not too close to each other."""
    rng = np.random.default_rng(seed)
    points = [rng.random(3) * size]
    while len(points) < n:
        point = rng.random(3) * size
        if min(np.linalg.norm(point - p) for p in points) > 0.8:
            points.append(point)
    return Structures.from_frames([(rng.choice([1, 6, 8], n), np.array(points))], **fields)


def crystal(n: int = 5, seed: int = 1) -> Structures:
    rng = np.random.default_rng(seed)
    numbers, positions = rng.choice([1, 6, 8], n), rng.random((n, 3)) @ CELL
    return Structures.from_frames([(numbers, positions)], cell=CELL[None], pbc=np.ones((1, 3), bool))


def predict(model: ForceField, structures: Structures) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = model.energy_and_forces(model.collate(structures, np.arange(len(structures))))
    stress = np.zeros(0) if found.stress is None else found.stress.numpy()
    return found.energy.numpy(), found.forces.numpy(), stress


def energy(model: ForceField, structures: Structures, positions: np.ndarray) -> float:
    return float(predict(model, dataclasses.replace(structures, positions=positions))[0][0])


@pytest.fixture(params=[molecule(), crystal()], ids=["molecule", "crystal"])
def structures(request) -> Structures:
    return request.param


@pytest.fixture(params=[False, True], ids=["", "exact free atoms"])
def exact(request) -> bool:
    return request.param


@pytest.mark.parametrize("name", NAMES)
def test_forces_are_minus_the_gradient(name, structures, exact):
    model = make(name, exact_free_atoms=exact)
    _, forces, _ = predict(model, structures)
    assert np.abs(forces).max() > 1e-3
    step = 1e-4
    for i in range(len(structures.positions)):
        for k in range(3):
            shift = np.zeros_like(structures.positions)
            shift[i, k] = step
            up, down = (energy(model, structures, structures.positions + s * shift) for s in (1, -1))
            assert forces[i, k] == pytest.approx(-(up - down) / (2 * step), abs=2e-6)


@pytest.mark.parametrize("name", NAMES)
def test_stress_is_the_derivative_by_strain(name):
    model, structures = make(name), crystal()
    stress = predict(model, structures)[2][0]
    np.testing.assert_allclose(stress, stress.T, atol=1e-10)
    step, volume = 1e-5, abs(np.linalg.det(CELL))
    for i in range(3):
        for k in range(3):
            energies = []
            for sign in (1, -1):
                strain = np.eye(3)
                strain[i, k] += sign * step
                strained = dataclasses.replace(
                    structures,
                    positions=structures.positions @ strain.T,
                    cell=(CELL @ strain.T)[None],
                )
                energies.append(predict(model, strained)[0][0])
            assert stress[i, k] == pytest.approx((energies[0] - energies[1]) / (2 * step * volume), abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_energy_is_invariant_and_forces_equivariant(name, structures):
    model = make(name)
    before, forces, stress = predict(model, structures)
    order = np.random.default_rng(3).permutation(len(structures.positions))
    for turn in (Rotation.random(random_state=1).as_matrix(), -Rotation.random(random_state=2).as_matrix()):
        moved = dataclasses.replace(
            structures,
            numbers=structures.numbers[order],
            positions=(structures.positions @ turn.T + [0.3, -5.0, 2.0])[order],
            cell=None if structures.cell is None else structures.cell @ turn.T,
        )
        after, turned, stresses = predict(model, moved)
        np.testing.assert_allclose(after, before, rtol=0, atol=1e-8)
        np.testing.assert_allclose(turned, (forces @ turn.T)[order], atol=1e-8)
        if len(stress):
            np.testing.assert_allclose(stresses, turn @ stress @ turn.T, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_two_copies_far_apart_have_twice_the_energy(name):
    model, one = make(name), molecule()
    two = Structures.from_frames(
        [(np.tile(one.numbers, 2), np.concatenate([one.positions, one.positions + 50.0]))]
    )
    (single, forces, _), (double, both, _) = predict(model, one), predict(model, two)
    assert double[0] == pytest.approx(2 * single[0], abs=1e-8)
    np.testing.assert_allclose(both, np.tile(forces, (2, 1)), atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_free_atoms_have_their_reference_energies_where_they_are_to_be_exact(name):
    model, as_published = make(name, exact_free_atoms=True), make(name)
    for z in (1, 6, 8):
        atom = Structures.from_frames([([z], np.ones((1, 3)))])
        energies, forces, _ = predict(model, atom)
        assert energies[0] == pytest.approx(E0(model, [z]), abs=1e-8) and (forces == 0).all()
        said = predict(as_published, atom)[0][0] - E0(model, [z])
        assert abs(said) > 1e-3 or name not in HEARD
    boxed = dataclasses.replace(atom, cell=20 * np.eye(3)[None], pbc=np.ones((1, 3), bool))
    assert predict(model, boxed)[0][0] == pytest.approx(E0(model, [8]), abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_what_dissociates_ends_at_the_sum_of_the_free_atoms(name):
    model = make(name, exact_free_atoms=True)
    pair, third = np.array([[0.0, 0, 0], [1.2, 0, 0]]), np.array([[0.0, 40.0, 0]])
    frames = [([6, 8], pair), ([6, 8], 100 * pair), ([6, 8, 1], np.concatenate([pair, third]))]
    bound, apart, both = predict(model, Structures.from_frames(frames))[0]
    assert apart == pytest.approx(E0(model, [6, 8]), abs=1e-8)
    assert both == pytest.approx(bound + E0(model, [1]), abs=1e-8)
    assert abs(bound - apart) > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_forces_and_stress_do_not_depend_on_what_is_said_of_free_atoms(name, structures):
    energies, forces, stress = predict(make(name), structures)
    exact = make(name, exact_free_atoms=True)
    exact.binding.zero_()
    exact_energies, exact_forces, exact_stress = predict(exact, structures)
    np.testing.assert_allclose(exact_forces, forces, atol=1e-10)
    np.testing.assert_allclose(exact_stress, stress, atol=1e-10)
    assert abs(exact_energies - energies) > 1e-3 or name not in HEARD


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_gives_what_each_structure_alone_gives(name):
    model = make(name)
    parts = [molecule(3, 5), molecule(1, 6), molecule(7, 7)]
    energies, forces, _ = predict(model, Structures.concatenate(parts))
    alone = [predict(model, part) for part in parts]
    np.testing.assert_allclose(energies, [e[0] for e, *_ in alone], atol=1e-9)
    np.testing.assert_allclose(forces, np.concatenate([f for _, f, _ in alone]), atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_energy_and_forces_are_smooth_at_the_cutoff(name, exact):
    """Both end at the value of separate atoms, and without a kink: the force falls to 0 at the cutoff."""
    model, cutoff = make(name, exact_free_atoms=exact), 3.5

    def pair(distance: float) -> tuple[float, float]:
        atoms = Structures.from_frames([([6, 8], np.array([[0.0, 0, 0], [distance, 0, 0]]))])
        energies, forces, _ = predict(model, atoms)
        return energies[0], forces[0, 0]

    apart = pair(cutoff + 0.1)
    assert apart[1] == 0.0
    near, nearer = pair(cutoff - 1e-3), pair(cutoff - 1e-2)
    assert near[0] == pytest.approx(apart[0], abs=1e-5) and abs(near[1]) < 0.02
    assert abs(near[1]) < 0.3 * abs(nearer[1])  # at least linearly
    assert not exact or apart[0] == pytest.approx(E0(model, [6, 8]), abs=1e-8)
    step = 1e-5
    for distance in (cutoff - 1e-2, cutoff - step / 2, cutoff, cutoff + step):
        slope = (pair(distance + step)[0] - pair(distance - step)[0]) / (2 * step)
        assert pair(distance)[1] == pytest.approx(slope, abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("repeats", [(2, 1, 1), (1, 2, 3)])
def test_a_supercell_has_the_same_energy_per_atom(name, repeats):
    """The cutoff exceeds half of the cell in every direction: atoms meet several images of a neighbour."""
    model, small = make(name, cutoff=4.3), crystal()
    shifts = np.stack(np.meshgrid(*map(np.arange, repeats), indexing="ij"), -1).reshape(-1, 3) @ CELL
    large = Structures.from_frames(
        [
            (
                np.tile(small.numbers, len(shifts)),
                (shifts[:, None] + small.positions).reshape(-1, 3),
            )
        ],
        cell=(np.array(repeats)[:, None] * CELL)[None],
        pbc=np.ones((1, 3), bool),
    )
    (one, forces, stress), (many, tiled, same) = predict(model, small), predict(model, large)
    assert many[0] / len(shifts) == pytest.approx(one[0], abs=1e-8)
    np.testing.assert_allclose(tiled, np.tile(forces, (len(shifts), 1)), atol=1e-8)
    np.testing.assert_allclose(same, stress, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_atoms_many_cells_away_are_the_same_atoms(name):
    model, structures = make(name), crystal()
    cells = np.random.default_rng(4).integers(-30, 30, structures.positions.shape)
    away = dataclasses.replace(structures, positions=structures.positions + cells @ CELL)
    for here, there in zip(predict(model, structures), predict(model, away), strict=True):
        np.testing.assert_allclose(there, here, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_atoms_without_neighbours_feel_no_force(name):
    model = make(name)
    lone = Structures.from_frames([([8], np.zeros((1, 3))), ([1, 6], np.array([[0.0, 0, 0], [9.0, 0, 0]]))])
    energies, forces, _ = predict(model, lone)
    assert np.isfinite(energies).all() and (forces == 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_atoms_on_one_spot_give_finite_results(name):
    model = make(name)
    atoms = Structures.from_frames([([6, 8, 1], np.array([[0.0, 0, 0], [0.0, 0, 0], [1.0, 0, 0]]))])
    energies, forces, _ = predict(model, atoms)
    assert np.isfinite(energies).all() and np.isfinite(forces).all()


@pytest.mark.parametrize("name", NAMES)
def test_unknown_elements_and_impossible_cells_are_refused(name):
    model = make(name)
    with pytest.raises(ValueError, match=r"holds S, which the model was not made for \(it knows H, C, O\)"):
        model.check_elements(Structures.from_frames([([16], np.zeros((1, 3)))]))
    model.seen[2] = False
    with pytest.raises(ValueError, match=r"holds O, .* \(it knows H, C\)"):
        model.check_elements(Structures.from_frames([([8], np.zeros((1, 3)))]))
    flat = dataclasses.replace(crystal(), cell=np.array([[[1.0, 0, 0], [2, 0, 0], [0, 0, 1]]]))
    with pytest.raises(ValueError, match=r"structure 0 of the data: the periodic cell has no volume"):
        model.collate(flat, [0])
    broken = dataclasses.replace(crystal(), positions=np.full((5, 3), np.nan))
    with pytest.raises(ValueError, match="structure 0 of the data: atom 0 has a coordinate that is NaN"):
        model.collate(broken, [0])


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_trained_and_the_loss_is_a_mean_over_structures(name):
    frames = Structures.concatenate([molecule(6, seed) for seed in range(4)])
    rng = np.random.default_rng(0)
    frames = dataclasses.replace(
        frames, energy=rng.normal(size=4), forces=rng.normal(size=frames.positions.shape)
    )
    model = make(name)
    model.fit_statistics(frames)
    values = [model.training_step(model.collate(frames, [i]))[0] for i in range(4)]
    loss, logs = model.training_step(model.collate(frames, range(4)))
    assert float(loss.detach()) == pytest.approx(float(sum(values).detach()) / 4, rel=1e-9)
    assert set(logs) == {"energy_mae", "forces_mae"}
    loss.backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None and float(parameter.grad.abs().max()) > 0, parameter_name


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_a_loss_on_forces_is_right(name, exact):
    frames = molecule(4, 8, forces=np.ones((4, 3)), energy=np.zeros(1))
    model = make(name, exact_free_atoms=exact)
    model.references.zero_()  # large energies would drown the differences
    batch = model.collate(frames, [0])
    loss, _ = model.training_step(batch)
    loss.backward()
    for parameter in list(model.parameters())[:: max(1, len(list(model.parameters())) // 5)]:
        place = int(parameter.grad.abs().argmax())
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                parameter.view(-1)[place] += step
            values.append(float(model.training_step(batch)[0].detach()))
            with torch.no_grad():
                parameter.view(-1)[place] -= step
        slope = (values[0] - values[1]) / 2e-5
        assert float(parameter.grad.view(-1)[place]) == pytest.approx(slope, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_saving_and_loading_keeps_predictions_and_type(name, exact, tmp_path):
    from tutti.models import forcefields

    model, structures = make(name, exact_free_atoms=exact).float(), molecule()
    model.references.data = model.references.data.double()
    model.save(tmp_path)
    again = forcefields.load(tmp_path, "cpu")
    assert again.dtype == torch.float32 and again.references.dtype == torch.float64
    for before, after in zip(predict(model, structures), predict(again, structures), strict=True):
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("target", ["homo", "mu", "alpha", "r2", "Cv"])
@pytest.mark.parametrize("name", NAMES)
def test_properties_are_invariant_and_their_heads_are_trained(name, target):
    frames = Structures.concatenate([molecule(n, n) for n in (4, 6, 9)])
    frames = frames.with_columns(**{target: np.array([1.0, 4.0, 2.0])})
    model = base.create(
        "forcefields", name, entry(name)["config"] | {"elements": ["H", "C", "O"], "target": target}, seed=0
    ).double()
    model.fit_statistics(frames)
    batch = model.collate(frames, range(3))
    turn = Rotation.random(random_state=5).as_matrix()
    moved = dataclasses.replace(frames, positions=-frames.positions @ turn.T + [1.0, 50.0, -3.0])
    with torch.no_grad():
        before, after = (model.properties(model.collate(f, range(3))) for f in (frames, moved))
    np.testing.assert_allclose(after, before, atol=1e-8)
    loss, logs = model.training_step(batch)
    assert set(logs) == {f"{target}_mae"}
    loss.backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None and float(parameter.grad.abs().max()) > 0, parameter_name
    with pytest.raises(ValueError, match=f"trained on '{target}'"):
        model.energy_and_forces(batch)


@pytest.mark.parametrize("name", NAMES)
def test_an_extensive_property_of_two_copies_doubles_and_an_intensive_one_stays(name):
    one = molecule()
    two = Structures.from_frames(
        [(np.tile(one.numbers, 2), np.concatenate([one.positions, one.positions + 50.0]))]
    )
    for target, factor in (("Cv", 2.0), ("homo", 1.0)):
        model = make(name, target=target)
        model.references.zero_()  # those of an energy
        with torch.no_grad():
            values = [float(model.properties(model.collate(s, [0]))) for s in (one, two)]
        assert values[1] == pytest.approx(factor * values[0], abs=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_statistics_take_the_reference_energies_from_the_data(name):
    """Energies that are exact sums over atoms leave nothing; forces give each element its scale."""
    frames = Structures.concatenate([molecule(n, n) for n in range(3, 12)])
    atoms = np.array([0.0] * 256)
    atoms[[1, 6, 8]] = [-13.6, -1030.2, -2041.5]
    owner = np.repeat(np.arange(len(frames)), frames.n_atoms)
    forces = np.ones_like(frames.positions) * np.where(frames.numbers == 1, 2.0, 3.0)[:, None]
    frames = dataclasses.replace(frames, energy=np.bincount(owner, atoms[frames.numbers]), forces=forces)
    model = make(name)
    model.fit_statistics(frames)
    np.testing.assert_allclose(model.references, [-13.6, -1030.2, -2041.5], rtol=1e-9)
    np.testing.assert_allclose(model.scale, [2.0, 3.0, 3.0], rtol=1e-6)
    given = make(name, references={"H": -10.0, "C": -1000.0, "O": -2000.0})
    given.fit_statistics(frames)
    np.testing.assert_array_equal(given.references, [-10.0, -1000.0, -2000.0])


@pytest.mark.parametrize("name", NAMES)
def test_values_that_cannot_be_learnt_are_refused_by_name(name):
    frames = dataclasses.replace(
        Structures.concatenate([molecule(3, 0), molecule(3, 1)]), energy=np.zeros(2), forces=np.zeros((6, 3))
    )
    model = make(name)
    with pytest.raises(ValueError, match="the dataset has no 'energy' to learn"):
        model.fit_statistics(molecule())
    forces = frames.forces.copy()
    forces[4, 1] = np.nan
    with pytest.raises(ValueError, match="structure 1 has a force that is not finite"):
        model.fit_statistics(dataclasses.replace(frames, forces=forces))
    with pytest.raises(ValueError, match="the 'energy' of structure 0 is inf"):
        model.fit_statistics(dataclasses.replace(frames, energy=np.array([np.inf, 0.0])))
