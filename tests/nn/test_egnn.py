import itertools

import pytest
import torch
from e3nn import o3
from torch import Tensor

from tutti.nn import egnn
from tutti.nn.egnn import EGNN, EquivariantBlock, FullPairs, centre

COUNTS = torch.tensor([4, 1, 2, 3])


def network(layers: int = 2, distances: str = "squares") -> EGNN:
    torch.manual_seed(0)
    made = EGNN(3, 2, channels=5, layers=layers, coordinate_range=7.0, distances=distances).double()
    with torch.no_grad():
        for block in made.blocks:
            block.weight_out.weight.mul_(500.0)  # which starts next to 0
    return made


def atoms(n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(n, k, dtype=torch.float64, generator=generator) for k in (3, 3))


def silu(v: Tensor) -> Tensor:
    return v / (1 + torch.exp(-v))


def dense_mlp(mlp: egnn.EdgeMLP, *values: Tensor) -> Tensor:
    inner = mlp.first.weight @ torch.cat([v.reshape(-1) for v in values]) + mlp.first.bias
    return silu(mlp.second.weight @ silu(inner) + mlp.second.bias)


def seen(distances: str, square: Tensor) -> Tensor:
    """What a message sees of a squared distance."""
    if distances == "squares":
        return square
    return torch.stack([torch.exp(-((square.sqrt() - 0.4 * k) ** 2) / (2 * 0.4**2)) for k in range(16)])


def dense_block(
    block: EquivariantBlock, h: Tensor, x: Tensor, x0: Tensor, distances: str
) -> tuple[Tensor, Tensor]:
    """One molecule, pair by pair."""
    n = len(h)
    updated = []
    for i in range(n):
        total = torch.zeros_like(h[i])
        for j in (j for j in range(n) if j != i):
            now, start = ((y[i] - y[j]) @ (y[i] - y[j]) for y in (x, x0))
            m = dense_mlp(block.message, h[i], h[j], seen(distances, now), seen(distances, start))
            total += m / (1 + torch.exp(-(block.attention.weight[0] @ m + block.attention.bias[0])))
        into, out = block.update[0], block.update[2]
        hidden = silu(into.weight @ torch.cat([h[i], total]) + into.bias)
        updated.append(h[i] + out.weight @ hidden + out.bias)
    moved = x.clone()
    for i, j in itertools.permutations(range(n), 2):
        now, start = ((y[i] - y[j]) @ (y[i] - y[j]) for y in (x, x0))
        of_pair = seen(distances, now), seen(distances, start)
        weight = block.weight_out.weight[0] @ dense_mlp(block.weight, updated[i], updated[j], *of_pair)
        moved[i] = moved[i] + (x[i] - x[j]) / (now.sqrt() + 1) * torch.tanh(weight) * 7.0
    return torch.stack(updated), moved


def dense(net: EGNN, h: Tensor, x: Tensor, distances: str) -> tuple[Tensor, Tensor]:
    x0 = x
    h = h @ net.embedding.weight.T + net.embedding.bias
    for block in net.blocks:
        h, x = dense_block(block, h, x, x0, distances)
    return h @ net.readout.weight.T + net.readout.bias, x


@pytest.mark.parametrize("distances", ["squares", "gaussians"])
@pytest.mark.parametrize("block", [1, 40, 1 << 18])
def test_against_loops_over_each_molecule_alone(block, distances, monkeypatch):
    monkeypatch.setattr(egnn, "_BLOCK", block)
    net = network(distances=distances)
    h, x = atoms(int(COUNTS.sum()))
    with torch.no_grad():
        results = net(h, x, FullPairs.of_molecules(COUNTS))
        references = [
            dense(net, *parts, distances)
            for parts in zip(h.split(COUNTS.tolist()), x.split(COUNTS.tolist()), strict=True)
        ]
    for result, reference in zip(results, zip(*references, strict=True), strict=True):
        # The tolerance is that of 1e-8 Å² under the root of squared distances.
        torch.testing.assert_close(result, torch.cat(reference), atol=1e-7, rtol=0)


def test_gradients(monkeypatch):
    monkeypatch.setattr(egnn, "_BLOCK", 20)
    net, pairs = network(1), FullPairs.of_molecules(COUNTS)
    inputs = [v.requires_grad_() for v in atoms(int(COUNTS.sum()))]
    assert torch.autograd.gradcheck(lambda h, x: net(h, x, pairs), inputs)


def test_atoms_on_one_spot_have_finite_gradients():
    net = network()
    h, x = (torch.zeros(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    torch.cat([v.flatten() for v in net(h, x, FullPairs.of_molecules(torch.tensor([2])))]).sum().backward()
    assert torch.isfinite(h.grad).all() and torch.isfinite(x.grad).all()


def test_equivariance():
    net, pairs = network(), FullPairs.of_molecules(torch.tensor([4, 3]))
    h, x = atoms(7)
    turn = -o3.angles_to_matrix(*torch.tensor([0.3, 1.2, -0.7], dtype=torch.float64))
    shift = torch.tensor([2.0, -3.0, 1.0], dtype=torch.float64)
    order = torch.tensor([2, 0, 3, 1, 5, 6, 4])
    with torch.no_grad():
        features, positions = net(h, x, pairs)
        new_features, new_positions = net(h[order], (x @ turn.T + shift)[order], pairs)
    torch.testing.assert_close(new_features, features[order], atol=1e-10, rtol=0)
    torch.testing.assert_close(new_positions, (positions @ turn.T + shift)[order], atol=1e-10, rtol=0)
    assert (positions - x).abs().max() > 0.1


def test_a_molecule_that_is_not_finite_harms_no_other():
    net = network()
    h, x = atoms(int(COUNTS.sum()))
    with torch.no_grad():
        reference = net(h, x, FullPairs.of_molecules(COUNTS))
        x[0] = torch.nan
        results = net(h, x, FullPairs.of_molecules(COUNTS))
    for result, expected in zip(results, reference, strict=True):
        assert torch.isnan(result[:4]).all() and torch.equal(result[4:], expected[4:])


@pytest.mark.parametrize("counts", [[3, 1, 4], [1], [1, 1], [2], [0, 2, 0], []])
def test_all_pairs_of_each_molecule_once(counts):
    pairs = FullPairs.of_molecules(torch.tensor(counts, dtype=torch.long))
    expected, start = [], 0
    for n in counts:
        expected += [(start + i, start + j) for i in range(n) for j in range(i)]
        start += n
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == expected


def test_centre():
    _, x = atoms(10)
    molecule = torch.repeat_interleave(torch.arange(4), COUNTS)
    expected = torch.cat([part - part.mean(0) for part in x.split(COUNTS.tolist())])
    torch.testing.assert_close(centre(x, molecule, COUNTS), expected, atol=1e-14, rtol=0)
