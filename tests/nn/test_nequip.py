import math

import pytest
import torch
from e3nn import o3

from tutti.nn.convolution import entries
from tutti.nn.equivariant import SpeciesGroups, dimension
from tutti.nn.graph import Arrivals, EdgeGraph, Neighbours
from tutti.nn.nequip import Chosen, NequIP, NequIPInteraction
from tutti.nn.unit_variance import normalised

CUTOFF, CHANNELS, LMAX = 3.0, 4, 2

pytestmark = pytest.mark.usefixtures("double")


def graph(positions: torch.Tensor, n_atoms: list[int]) -> EdgeGraph:
    return EdgeGraph.of_molecules(positions, torch.tensor(n_atoms), CUTOFF, LMAX)


def features(
    model: NequIP, species: torch.Tensor, positions: torch.Tensor, n_atoms: list[int], nodes: torch.Tensor
) -> torch.Tensor:
    """What the embedder says of some atoms."""
    neighbours = Neighbours.of_molecules(positions, torch.tensor(n_atoms), CUTOFF)
    chosen = Chosen(Arrivals.at(nodes, neighbours, len(species)), SpeciesGroups.of(species[nodes], 3))
    return model(SpeciesGroups.of(species, 3), graph(positions, n_atoms), chosen)


def make(layers: int = 2) -> NequIP:
    return NequIP(
        3, lmax=LMAX, channels=4, layers=layers, n_basis=4, radial_hidden=8, cutoff=CUTOFF, neighbours=9.0
    )


def linear(weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """One atom's features [d, C] by one matrix per degree."""
    return torch.cat(
        [x[l * l : (l + 1) ** 2] @ weights[l] / weights.shape[1] ** 0.5 for l in range(math.isqrt(len(x)))]
    )


def message(layer: NequIPInteraction, x: torch.Tensor, vector: torch.Tensor) -> list[torch.Tensor]:
    """For each degree [2 l3 + 1, (lmax_in + 1) · C] from one sender, with e3nn's Wigner matrices."""
    r, lmax_in = float(vector.norm()), math.isqrt(len(x)) - 1
    u, n = r / CUTOFF, torch.arange(1, 6)
    silu = normalised(torch.nn.functional.silu)
    hidden = math.sqrt(2.0) * torch.sin(n * math.pi * u) / u * (1 - 28 * u**6 + 48 * u**7 - 21 * u**8)
    for weight in layer.radial.weights:
        hidden = silu(hidden @ weight / len(weight) ** 0.5)
    weights = torch.einsum("h,hpc->pc", hidden, layer.convolution.weight) / len(hidden) ** 0.5
    alpha, beta = o3.xyz_to_angles(vector)
    # The rotation that carries the polar axis onto the edge.
    turns = [o3.wigner_D(l, alpha, beta, torch.tensor(0.0)) for l in range(LMAX + 1)]
    received = [torch.zeros(2 * l + 1, lmax_in + 1, CHANNELS) for l in range(LMAX + 1)]
    for entry in entries(lmax_in, LMAX):
        for k, l1 in enumerate(range(entry.m, lmax_in + 1)):
            turned = turns[l1].T @ x[l1 * l1 : (l1 + 1) ** 2]
            for m in {entry.m, -entry.m}:
                back = turns[entry.l3][:, entry.l3 + m]
                received[entry.l3][:, l1] += torch.outer(back, turned[l1 + m] * weights[entry.start + k])
    return [part.flatten(1) for part in received]


def interaction(
    layer: NequIPInteraction, h: torch.Tensor, species: list[int], positions: torch.Tensor
) -> torch.Tensor:
    """One NequIP interaction atom by atom, on `layer`'s weights."""
    lmax_in = math.isqrt(h.shape[1]) - 1
    sent, result = torch.stack([linear(layer.before.weight, x) for x in h]), []
    silu = normalised(torch.nn.functional.silu)
    for i in range(len(h)):
        total = [torch.zeros(2 * l + 1, (lmax_in + 1) * CHANNELS) for l in range(LMAX + 1)]
        for j in range(len(h)):
            vector = positions[i] - positions[j]
            if i != j and float(vector.norm()) < CUTOFF:
                total = [a + b for a, b in zip(total, message(layer, sent[j], vector), strict=True)]
        mixed = [x @ w / (len(w) * 9.0) ** 0.5 for x, w in zip(total, layer.mix, strict=True)]
        for l in range(lmax_in + 1):
            own = h[i, l * l : (l + 1) ** 2] @ layer.own.weights[l][species[i]] / CHANNELS**0.5
            mixed[l] = mixed[l] + own
        scalars = silu(mixed[0][0]).view(LMAX + 1, CHANNELS)
        gated = [scalars[:1], *(mixed[l] * scalars[l] for l in range(1, LMAX + 1))]
        update = linear(layer.after.weight, torch.cat(gated))
        result.append(update + h[i] if lmax_in == LMAX else update)
    return torch.stack(result)


@pytest.mark.parametrize("lmax_in", [0, LMAX])
def test_interaction_equals_its_formula_atom_by_atom(lmax_in):
    layer = NequIPInteraction(
        3, lmax_in, LMAX, CHANNELS, n_basis=5, radial_hidden=6, cutoff=CUTOFF, neighbours=9.0
    )
    positions, species = 4.5 * torch.rand(6, 3), [0, 2, 1, 0, 1, 2]
    h = torch.randn(6, dimension(lmax_in), CHANNELS)
    edges = graph(positions, [6])
    assert 0 < len(edges.senders) < 30
    expected = interaction(layer, h, species, positions)
    torch.testing.assert_close(
        layer(h, SpeciesGroups.of(torch.tensor(species), 3), edges), expected, atol=1e-10, rtol=1e-10
    )


def test_embedder_is_equivariant_under_rotation_reflection_translation():
    model, species = make(3), torch.tensor([0, 1, 2, 0, 1, 1, 2, 0])
    positions, nodes = 3.0 * torch.rand(8, 3), torch.tensor([6, 0, 3])
    angles = torch.tensor([0.3, 1.2, -0.7])
    on_features = torch.block_diag(*[(-1) ** l * o3.wigner_D(l, *angles) for l in range(LMAX + 1)])
    moved = positions @ -o3.angles_to_matrix(*angles).T + 2.0
    expected = features(model, species, positions, [5, 3], nodes)
    assert expected.shape == (3, dimension(LMAX), CHANNELS) and expected[:, 4:].abs().max().item() > 1e-3
    result = features(model, species, moved, [5, 3], nodes)
    torch.testing.assert_close(result, on_features @ expected, atol=1e-10, rtol=1e-10)


def test_embedder_of_some_atoms_equals_that_of_all():
    model, positions = make(), 3.0 * torch.rand(6, 3)
    species = torch.tensor([0, 1, 1, 0, 0, 1])
    everything = features(model, species, positions, [6], torch.arange(6))
    nodes = torch.tensor([4, 1])
    torch.testing.assert_close(
        features(model, species, positions, [6], nodes), everything[nodes], atol=1e-12, rtol=0
    )
    alone = features(model, species[:1], positions[:1], [1], torch.tensor([0]))
    assert alone.shape == (1, 9, 4) and not alone[:, 1:].any()
