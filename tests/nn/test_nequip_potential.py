"""NequIP for force fields against itself written slowly: e3nn's modules, edge by edge, in float64."""

import math
from functools import lru_cache

import pytest
import torch
from e3nn import nn as e3nn_nn
from e3nn import o3
from e3nn.math import normalize2mom

from tutti.nn import nequip_potential
from tutti.nn.nequip_potential import Interaction, NequIPPotential, irreps_of_layers
from tutti.nn.pairs import PairGraph
from tutti.nn.tensor_product import Irrep

CUTOFF, NORM = 3.0, 1.7


pytestmark = pytest.mark.usefixtures("double")


def network(lmax: int, parity: bool, layers: int, channels: int = 3, depth: int = 1) -> NequIPPotential:
    return NequIPPotential(
        2,
        lmax=lmax,
        parity=parity,
        channels=channels,
        layers=layers,
        n_basis=4,
        radial_hidden=5,
        radial_layers=depth,
        cutoff=CUTOFF,
        neighbour_norm=NORM,
    )


def pairs_of(positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    i, j = torch.triu_indices(len(positions), len(positions), 1)
    near = (positions[i] - positions[j]).norm(dim=1) < CUTOFF
    return i[near], j[near]


def energies(model: NequIPPotential, species: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    i, j = pairs_of(positions)
    return model(species, PairGraph(i, j, positions[j] - positions[i], len(species)))


def e3(irrep: Irrep) -> o3.Irrep:
    return o3.Irrep(irrep.l, (-1) ** irrep.l * (1 if irrep.natural else -1))


def radial_weights(model: NequIPPotential, layer: int, r: float) -> torch.Tensor:
    """[paths · channels] of one layer at one distance."""
    u, radial = r / CUTOFF, model.radial
    envelope = 1 - 28 * u**6 + 48 * u**7 - 21 * u**8
    waves = [2 / CUTOFF * math.sin(n * math.pi * u) / r * envelope for n in range(1, 5)]
    h = torch.tensor(waves) @ radial.first[:, 5 * layer : 5 * layer + 5] / math.sqrt(4)
    for weight in radial.middle:
        h = torch.nn.functional.silu(h) @ weight[layer] * math.sqrt(2 / 5)
    return torch.nn.functional.silu(h) @ radial.last[layer] * math.sqrt(2 / 5)


@lru_cache
def path_product(source: Irrep, l2: int, target: Irrep) -> o3.FullTensorProduct:
    harmonics = o3.Irreps([(1, (l2, (-1) ** l2))])
    return o3.FullTensorProduct(o3.Irreps([(1, e3(source))]), harmonics, filter_ir_out=[e3(target)])


def message(layer: Interaction, x: dict, vector: torch.Tensor, weights: torch.Tensor) -> dict:
    """{irrep: [paths, channels, 2 l + 1]} of one edge, path by path, by e3nn's tensor product of one path."""
    result, weights = {}, iter(weights.view(-1, layer.channels))
    for target in layer.product.results:
        result[target] = []
        for source, l2 in layer.product.paths(target):
            harmonics = o3.spherical_harmonics(l2, vector, True, "component")
            one = path_product(source, l2, target)(x[source], harmonics.expand(layer.channels, -1))
            result[target].append(next(weights)[:, None] * one)
    return {target: torch.stack(parts) for target, parts in result.items()}


def interaction(model: NequIPPotential, n: int, x: list[dict], species: list[int], positions) -> list[dict]:
    """One layer atom by atom; features are {irrep: [channels, 2 l + 1]}."""
    layer, c = model.interactions[n], model.interactions[n].channels
    sources, result = layer.product.sources, []
    sent = [
        {s: w.T @ atom[s] / math.sqrt(c) for s, w in zip(sources, layer.before, strict=True)} for atom in x
    ]
    silu, tanh = normalize2mom(torch.nn.functional.silu), normalize2mom(torch.tanh)
    for i in range(len(x)):
        total = {t: torch.zeros(len(layer.product.paths(t)), c, t.size) for t in layer.product.results}
        for j in range(len(x)):
            vector = positions[j] - positions[i]
            if i == j or float(vector.norm()) >= CUTOFF:
                continue
            weights = radial_weights(model, n, float(vector.norm()))
            for target, value in message(layer, sent[j], vector, weights).items():
                total[target] += value / NORM
        mixed, start = {}, 0
        for (target, width), weight in zip(layer.widths.items(), layer.after, strict=True):
            mixed[target] = weight.T @ total[target].flatten(0, 1) / math.sqrt(len(weight))
            if target in layer.kept:
                own = layer.own[:, :, start : start + width]
                embedding = model.embedding.weight[species[i]]
                mixed[target] += torch.einsum("a,auw,um->wm", embedding, own, x[i][target]) / c
                start += width
        even = silu(mixed[Irrep(0, True)])
        update, gate = {}, 1
        for target in layer.product.results:
            if target == Irrep(0, True):
                update[target] = even[:c]
            elif target.l == 0:
                update[target] = tanh(mixed[target])
            else:
                update[target] = mixed[target] * even[gate * c : (gate + 1) * c]
                gate += 1
        result.append(update)
    return result


def slow_energies(model: NequIPPotential, species: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    x = [{Irrep(0, True): model.embedding.weight[z][:, None]} for z in species]
    for n in range(len(model.interactions)):
        x = interaction(model, n, x, species.tolist(), positions)
    readout = model.readout[:, 0] / math.sqrt(len(model.readout))
    return torch.stack([readout @ atom[Irrep(0, True)][:, 0] for atom in x])


@pytest.mark.parametrize(
    ("lmax", "parity", "layers", "depth"),
    [(0, True, 2, 1), (1, True, 6, 2), (2, True, 4, 1), (2, False, 3, 1)],
)
@torch.no_grad()
def test_energies_equal_the_formula_edge_by_edge(lmax, parity, layers, depth):
    model = network(lmax, parity, layers, channels=2, depth=depth)
    positions, species = 2.6 * torch.rand(3, 3), torch.tensor([0, 1, 1])
    assert len(pairs_of(positions)[0]) > 0
    expected = slow_energies(model, species, positions)
    torch.testing.assert_close(energies(model, species, positions), expected, atol=1e-10, rtol=1e-10)
    assert (expected - slow_energies(model, species, 9.0 * positions)).abs().max() > 1e-4


def test_layers_have_the_irreps_that_can_be_reached_and_matter():
    def names(parity: bool, layers: int) -> list[str]:
        return [" ".join(str(e3(irrep)) for irrep in part) for part in irreps_of_layers(2, parity, layers)]

    # No odd scalar is reached in two steps; before the last step only the natural ones reach an even scalar.
    assert names(True, 4) == ["0e", "0e 1o 2e", "0e 1o 1e 2e 2o", "0e 1o 2e", "0e"]
    assert names(True, 6)[3:5] == ["0e 0o 1o 1e 2e 2o", "0e 1o 1e 2e 2o"]
    assert names(False, 3) == ["0e", "0e 1o 2e", "0e 1o 2e", "0e"]


def test_dropped_irreps_have_no_effect():
    """If all reachable irreps are made, as in the reference, those without use get no gradient."""
    lean = network(1, True, 3)
    reachable = [(Irrep(0, True),), (Irrep(0, True), Irrep(1, True))]
    reachable += [(*reachable[1], Irrep(1, False)), reachable[0]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nequip_potential, "irreps_of_layers", lambda *_: reachable)
        full = network(1, True, 3)
    positions, species = 2.0 * torch.rand(5, 3), torch.tensor([0, 1, 1, 0, 1])
    total = energies(full, species, positions).sum()
    dead = full.interactions[1].after[2]
    (gradient,) = torch.autograd.grad(total, dead, retain_graph=True)
    (alive,) = torch.autograd.grad(total, full.interactions[1].after[1])
    assert gradient.abs().max() == 0.0 < alive.abs().max()
    assert len(lean.interactions[1].after) == 2


@pytest.mark.parametrize("lmax", [1, 2, 3])
def test_energies_are_invariant_under_rotation_reflection_translation(lmax):
    model = network(lmax, True, 3)
    positions, species = 2.5 * torch.rand(6, 3), torch.tensor([0, 1, 1, 0, 1, 0])
    before = energies(model, species, positions)
    turn = o3.angles_to_matrix(*torch.tensor([0.3, 1.2, -0.7]))
    for matrix in (turn, -turn):
        torch.testing.assert_close(
            energies(model, species, positions @ matrix.T + 5.0), before, atol=1e-12, rtol=1e-12
        )
    order = torch.tensor([3, 0, 5, 4, 1, 2])
    after = energies(model, species[order], positions[order])
    torch.testing.assert_close(after, before[order], atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize(("lmax", "parity", "layers"), [(1, True, 6), (2, True, 4), (2, False, 2)])
def test_derivatives_twice(lmax, parity, layers):
    model = network(lmax, parity, layers, channels=1)
    positions, species = 2.0 * torch.rand(3, 3), torch.tensor([0, 1, 1])
    i, j = pairs_of(positions)
    vectors = (positions[j] - positions[i]).requires_grad_()

    def energy(vectors: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return model(species, PairGraph(i, j, vectors, 3)).sum()

    parameters = [model.interactions[1].before, model.radial.first, model.embedding.weight]
    assert torch.autograd.gradcheck(energy, (vectors, *parameters), fast_mode=True)
    assert torch.autograd.gradgradcheck(energy, (vectors, *parameters), fast_mode=True)


def test_blocks_of_pairs_do_not_change_the_result(monkeypatch):
    model = network(2, True, 3)
    positions, species = 3.0 * torch.rand(7, 3), torch.tensor([0, 1, 1, 0, 1, 0, 0])

    def derivatives() -> list[torch.Tensor]:
        places = positions.clone().requires_grad_()
        (slope,) = torch.autograd.grad(energies(model, species, places).sum(), places, create_graph=True)
        return [slope, *torch.autograd.grad(slope.square().sum(), [places, *model.parameters()])]

    whole = derivatives()
    monkeypatch.setattr("tutti.nn.tensor_convolution._BLOCK", {"cpu": 1000})
    for one, other in zip(derivatives(), whole, strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-10)


def test_atoms_without_neighbours():
    model, species = network(2, True, 3), torch.tensor([0, 1, 0])
    vectors, none = torch.zeros(0, 3, requires_grad=True), torch.zeros(0, dtype=torch.long)
    alone = model(species, PairGraph(none, none, vectors, 3))
    torch.testing.assert_close(alone[0], alone[2], atol=0, rtol=0)
    (slope,) = torch.autograd.grad(alone.sum(), vectors, create_graph=True)
    assert slope.shape == (0, 3)
    slope.square().sum().backward()


def test_second_derivative_vanishes_at_the_cutoff():
    model, species, none = network(2, True, 2), torch.tensor([0, 1]), torch.tensor([0])
    direction = torch.tensor([0.6, 0.0, 0.8])

    def derivatives(r: float) -> list[torch.Tensor]:
        length = torch.tensor(r, requires_grad=True)
        graph = PairGraph(none, none + 1, (length * direction)[None], 2)
        energy = model(species, graph).sum()
        (first,) = torch.autograd.grad(energy, length, create_graph=True)
        (second,) = torch.autograd.grad(first, length)
        return [energy.detach(), first.detach(), second]

    for inside, outside in zip(derivatives(CUTOFF - 1e-6), derivatives(CUTOFF + 1e-6), strict=True):
        torch.testing.assert_close(inside, outside, atol=1e-4, rtol=0)
    assert derivatives(0.9 * CUTOFF)[2].abs() > 1e-3


def test_single_precision_and_inference_mode_before_training():
    model = network(2, True, 3).float()
    positions, species = 2.5 * torch.rand(5, 3), torch.tensor([0, 1, 1, 0, 1])
    i, j = pairs_of(positions)
    vectors = (positions[j] - positions[i]).float()
    with torch.inference_mode():
        single = model(species, PairGraph(i, j, vectors, 5))
    vectors.requires_grad_()
    again = model(species, PairGraph(i, j, vectors, 5))
    torch.autograd.grad(again.sum(), vectors, create_graph=True)[0].square().sum().backward()
    torch.testing.assert_close(single, again.detach(), atol=1e-6, rtol=1e-5)
    double = model.double()(species, PairGraph(i, j, vectors.detach().double(), 5))
    torch.testing.assert_close(single.double(), double.detach(), atol=1e-5, rtol=1e-4)


def test_gate_constants_are_e3nns():
    assert normalize2mom(torch.nn.functional.silu).cst == pytest.approx(
        nequip_potential.SILU_SCALE, abs=1e-12
    )
    assert normalize2mom(torch.tanh).cst == pytest.approx(nequip_potential.TANH_SCALE, abs=1e-12)
    gate = e3nn_nn.Gate("1x0e", [torch.nn.functional.silu], "", [], "")
    layer = network(0, True, 1, channels=1).interactions[0]
    value = torch.tensor([[[0.7]]])
    torch.testing.assert_close(layer._gate({Irrep(0, True): value})[0], gate(value[0]))
