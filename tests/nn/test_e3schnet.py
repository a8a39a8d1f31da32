import math

import pytest
import torch
from e3nn import o3

from tutti.nn.e3schnet import E3SchNet, n_filters
from tutti.nn.equivariant import dimension
from tutti.nn.graph import EdgeGraph
from tutti.nn.radial import shifted_softplus
from tutti.nn.unit_variance import normalised

CUTOFF = 3.0
PARTS = [4, 3]


def make(lmax: int, lmax_out: int, layers: int = 3) -> E3SchNet:
    torch.manual_seed(0)
    model = E3SchNet(
        3, lmax=lmax, lmax_out=lmax_out, channels=6, filters=4, layers=layers, n_gaussians=5, cutoff=CUTOFF
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return model


def atoms() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    positions = 2.5 * torch.rand(7, 3, generator=generator, dtype=torch.float64)
    return torch.tensor([0, 2, 1, 1, 0, 2, 2]), positions, torch.tensor(PARTS)


def run(model: E3SchNet, positions: torch.Tensor) -> torch.Tensor:
    species, _, n_atoms = atoms()
    return model(species, EdgeGraph.of_molecules(positions, n_atoms, CUTOFF, 0))


def schnet(model: E3SchNet, species: list[int], positions: torch.Tensor) -> torch.Tensor:
    """SchNet's interactions atom by atom (Schütt et al. 2017, section 4), on `model`'s weights."""
    x = [model.first.weight[0].T @ model.embedding[z] / 6**0.5 for z in species]
    for block in model.interactions:
        atomwise = [v @ block.before.weight[0] / 6**0.5 for v in x]
        convolved = []
        for i in range(len(x)):
            total = torch.zeros(4)
            for j in range(len(x)):
                r = float((positions[i] - positions[j]).norm())
                if i == j or r >= CUTOFF or (i < PARTS[0]) != (j < PARTS[0]):
                    continue
                centres = torch.arange(1, 6) * CUTOFF / 6
                gaussians = torch.exp(-((r - centres) ** 2) / (CUTOFF / 6) ** 2) / 1.12
                hidden = shifted_softplus(gaussians @ block.hidden.weight + block.hidden.bias)
                filters = hidden @ block.filter.weight + block.filter.bias
                total = total + atomwise[j] * filters * 0.5 * (math.cos(math.pi * r / CUTOFF) + 1)
            convolved.append(total)
        ssp = normalised(shifted_softplus)
        x = [
            xi + ssp(v @ block.between / 4**0.5) @ block.after.weight[0] / 6**0.5
            for xi, v in zip(x, convolved, strict=True)
        ]
    return torch.stack(x)


@pytest.mark.usefixtures("double")
def test_of_degree_zero_it_is_schnet():
    species, positions, _ = atoms()
    model = make(0, 0)
    expected = schnet(model, species.tolist(), positions)
    torch.testing.assert_close(run(model, positions)[:, 0], expected, atol=1e-12, rtol=1e-12)


@pytest.mark.usefixtures("double")
def test_it_is_equivariant_under_rotation_reflection_translation():
    _, positions, _ = atoms()
    model, angles = make(2, 2), torch.tensor([0.3, 1.2, -0.7])
    moved = positions @ -o3.angles_to_matrix(*angles).T + 2.0
    on_features = torch.block_diag(*[(-1) ** l * o3.wigner_D(l, *angles) for l in range(3)])
    expected = run(model, positions)
    assert expected.shape[1] == dimension(2) and expected[:, 4:].abs().max().item() > 1e-3
    torch.testing.assert_close(run(model, moved), on_features @ expected, atol=1e-10, rtol=1e-10)


@pytest.mark.usefixtures("double")
def test_what_the_last_interaction_leaves_out_does_not_change_the_rest():
    """The weights are the same whatever degrees come out."""
    _, positions, _ = atoms()
    whole, scalars = make(2, 2), make(2, 0)
    scalars.load_state_dict(whole.state_dict())
    torch.testing.assert_close(run(scalars, positions), run(whole, positions)[:, :1], atol=1e-12, rtol=0)


def test_there_is_a_filter_for_every_path():
    assert [n_filters(0, 2), n_filters(2, 2), n_filters(1, 1)] == [3, 19, 6]


def test_atoms_without_neighbours_keep_their_embedding():
    model = make(2, 0)
    graph = EdgeGraph.of_molecules(torch.zeros(2, 3), torch.tensor([1, 1]), CUTOFF, 0)
    result = model(torch.tensor([0, 1]), graph)
    torch.testing.assert_close(result, model.first(model.embedding[:2, None]))
