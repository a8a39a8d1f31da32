import math

import pytest
import torch
from torch.nn.functional import silu

from tutti.nn.painn import EPSILON, PaiNN
from tutti.nn.pairs import PairGraph

CUTOFF = 2.5


pytestmark = pytest.mark.usefixtures("double")


def network(**changes: int) -> PaiNN:
    torch.manual_seed(0)
    model = PaiNN(**{"n_species": 3, "channels": 4, "layers": 3, "n_basis": 5, "cutoff": CUTOFF} | changes)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def cluster(n: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """Species and positions of atoms of which some are neighbours."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(3, (n,), generator=generator), 3.4 * torch.rand(n, 3, generator=generator)


def graph(positions: torch.Tensor, reverse: bool = False) -> PairGraph:
    n = len(positions)
    first, second = torch.triu_indices(n, n, 1)
    if reverse:
        first, second = second, first
    near = (positions[second] - positions[first]).norm(dim=1) < CUTOFF
    first, second = first[near], second[near]
    return PairGraph(first, second, positions[second] - positions[first], n)


def mlp(layers: torch.nn.Sequential, x: torch.Tensor) -> torch.Tensor:
    first, _, last = layers
    return last.weight @ silu(first.weight @ x + first.bias) + last.bias


def filters(model: PaiNN, r: float, block: int) -> torch.Tensor:
    """W(r) of one block, [3, F]: equation 8's sine basis, linear layer and cosine cutoff."""
    n_basis, channels = model.filters.in_features - 1, model.embedding.embedding_dim
    basis = [math.sin(n * math.pi * r / CUTOFF) / r for n in range(1, n_basis + 1)]
    start = channels * (3 * block - 1) if block else 0
    rows = model.filters.weight[start : start + channels * (3 if block else 2)]
    w = rows[:, :-1] @ torch.tensor(basis) + rows[:, -1]
    w = torch.cat([w, torch.zeros(3 * channels - len(w))])
    return (w * 0.5 * (math.cos(math.pi * r / CUTOFF) + 1.0)).view(3, channels)


def atom_by_atom(model: PaiNN, species: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The paper's equations 7 to 10, one atom and one neighbour after another."""
    n, channels = len(species), model.embedding.embedding_dim
    s = [model.embedding.weight[z] for z in species]
    v = [torch.zeros(3, channels) for _ in species]
    for block, (message, update) in enumerate(zip(model.messages, model.updates, strict=True)):
        ds, dv = [x.clone() for x in s], [x.clone() for x in v]
        for i in range(n):
            for j in range(n):
                vector = positions[j] - positions[i]
                r = float(vector.norm())
                if i == j or r >= CUTOFF:
                    continue
                phi = mlp(message.context, s[j])
                phi = torch.cat([phi, torch.zeros(3 * channels - len(phi))]).view(3, channels)
                w_s, w_r, w_v = phi * filters(model, r, block)
                ds[i] = ds[i] + w_s
                dv[i] = dv[i] + torch.outer(vector / r, w_r) + w_v * v[j]
        s, v = ds, dv
        for i in range(n):
            for_norm, mixed = (v[i] @ update.mix.weight.T).split(channels, dim=1)
            norm = ((for_norm**2).sum(0) + EPSILON).sqrt()
            a_ss, a_vv, a_sv = mlp(update.context, torch.cat([s[i], norm])).view(3, channels)
            s[i] = s[i] + a_ss + a_sv * (mixed * for_norm).sum(0)
            v[i] = v[i] + a_vv * mixed
    return torch.stack(s), torch.stack(v)


@pytest.mark.parametrize("reverse", [False, True])
def test_painn_is_the_papers_equations(reverse):
    model, (species, positions) = network(), cluster()
    assert 8 <= len(graph(positions).first) < 15  # some pairs are beyond the cutoff
    scalars, vectors = model(species, graph(positions, reverse))
    expected_scalars, expected_vectors = atom_by_atom(model, species, positions)
    torch.testing.assert_close(scalars, expected_scalars, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(vectors, expected_vectors, atol=1e-10, rtol=1e-10)


def test_an_atom_may_be_the_neighbour_of_its_own_image():
    model = network()
    # One atom in a row of images 2 Å apart: neighbours at ±2 Å, whose vectors cancel.
    alone = PairGraph(torch.tensor([0]), torch.tensor([0]), torch.tensor([[2.0, 0.0, 0.0]]), 1)
    scalars, vectors = model(torch.tensor([1]), alone)
    # The same as the atoms of a row whose period is two atoms
    row = PairGraph(
        torch.tensor([0, 1]), torch.tensor([1, 0]), torch.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0]]), 2
    )
    scalars_of_two, _ = model(torch.tensor([1, 1]), row)
    torch.testing.assert_close(scalars_of_two, scalars.expand(2, -1), atol=1e-12, rtol=0)
    torch.testing.assert_close(vectors, torch.zeros_like(vectors), atol=1e-12, rtol=0)
    without, _ = model(torch.tensor([1]), PairGraph(*torch.zeros(2, 0, dtype=int), torch.zeros(0, 3), 1))
    assert (scalars - without).abs().max() > 1e-3


@pytest.mark.parametrize("determinant", [1.0, -1.0])
def test_scalars_are_invariant_and_vectors_turn(determinant):
    model, (species, positions) = network(), cluster()
    q = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2)))[0]
    q = q * (determinant * torch.linalg.det(q))
    scalars, vectors = model(species, graph(positions))
    turned_scalars, turned_vectors = model(species, graph(positions @ q.T))
    torch.testing.assert_close(turned_scalars, scalars, atol=1e-11, rtol=1e-11)
    torch.testing.assert_close(
        turned_vectors, torch.einsum("ab,nbf->naf", q, vectors), atol=1e-11, rtol=1e-11
    )
    assert vectors.abs().max() > 0.1


def test_atoms_without_neighbours_and_no_atoms_have_features():
    model, (species, positions) = network(), cluster()
    positions[0] += 50.0
    scalars, vectors = model(species, graph(positions))
    expected, _ = atom_by_atom(model, species[:1], positions[:1])
    torch.testing.assert_close(scalars[:1], expected, atol=1e-12, rtol=0)
    assert float(vectors[0].detach().abs().max()) == 0.0
    far = PairGraph(*torch.zeros(2, 0, dtype=int), torch.zeros(0, 3, requires_grad=True), len(species))
    scalars, vectors = model(species, far)
    torch.testing.assert_close(scalars[:1], expected, atol=1e-12, rtol=0)
    (gradient,) = torch.autograd.grad(scalars.sum() + vectors.sum(), far.vectors, create_graph=True)
    assert gradient.shape == (0, 3)


def test_features_vanish_smoothly_at_the_cutoff():
    model = network(layers=2)
    species = torch.tensor([0, 1])

    def slope(r: float) -> torch.Tensor:
        vectors = torch.tensor([[r, 0.0, 0.0]], requires_grad=True)
        scalars, _ = model(species, PairGraph(torch.tensor([0]), torch.tensor([1]), vectors, 2))
        return torch.autograd.grad(scalars.sum(), vectors)[0].abs().max()

    assert slope(CUTOFF - 1e-6) < 1e-4 < slope(CUTOFF - 0.5)


def test_first_and_second_derivatives():
    model, (species, positions) = network(channels=2, layers=2, n_basis=3), cluster(4)
    edges = graph(positions)
    names, values = zip(*model.named_parameters(), strict=True)

    def features(vectors: torch.Tensor, *parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        fresh = PairGraph(edges.first, edges.second, vectors, 4)
        return torch.func.functional_call(
            model, dict(zip(names, parameters, strict=True)), args=(species, fresh)
        )

    arguments = (edges.vectors.clone().requires_grad_(), *values)
    assert torch.autograd.gradcheck(features, arguments)
    assert torch.autograd.gradgradcheck(features, arguments, fast_mode=True)


def test_single_precision_is_near_double():
    model, (species, positions) = network(), cluster()
    scalars, vectors = model(species, graph(positions))
    scalars32, vectors32 = model.float()(species, graph(positions.float()))
    assert scalars32.dtype == vectors32.dtype == torch.float32
    torch.testing.assert_close(scalars32.double(), scalars, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(vectors32.double(), vectors, atol=1e-4, rtol=1e-4)
