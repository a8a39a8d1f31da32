import math

import pytest
import torch
from e3nn import o3

from tutti.nn.convolution import _paths
from tutti.nn.equivariant import dimension
from tutti.nn.graph import EdgeGraph
from tutti.nn.nequip import NequIP, NequIPInteraction
from tutti.nn.schnet import E3SchNet


def schnet(model: E3SchNet, species: list[int], positions: torch.Tensor, cutoff: float) -> torch.Tensor:
    """SchNet's interactions atom by atom (Schütt et al. 2017, section 4), on `model`'s weights."""

    def ssp(x: torch.Tensor) -> torch.Tensor:
        return torch.log(0.5 * torch.exp(x) + 0.5)

    x = [model.embedding.weight[z] for z in species]
    for block in model.interactions:
        atomwise = [v @ block.before.weight[0] for v in x]
        convolved = []
        for i in range(len(x)):
            total = torch.zeros_like(x[0])
            for j in range(len(x)):
                r = float((positions[i] - positions[j]).norm())
                if i == j or r >= cutoff:
                    continue
                spacing = cutoff / (len(model.radial.basis.centres) - 1)
                gaussians = torch.exp(-((r - model.radial.basis.centres) ** 2) / (2 * spacing**2))
                first = block.hidden.dense
                hidden = ssp(first.weight @ gaussians + first.bias)
                filters = hidden @ block.convolution.weight[:, 0] + block.convolution.bias[0]
                total = total + atomwise[j] * filters * 0.5 * (math.cos(math.pi * r / cutoff) + 1)
            convolved.append(total)
        x = [
            xi
            + ssp(v @ block.between.weight[0] + block.between.bias) @ block.after.weight[0]
            + block.after.bias
            for xi, v in zip(x, convolved, strict=True)
        ]
    return torch.stack(x)


def test_e3schnet_of_degree_zero_is_schnet():
    torch.manual_seed(0)
    model = E3SchNet(3, lmax=0, lmax_out=0, channels=6, layers=3, n_gaussians=9, cutoff=3.0).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    positions = 4.0 * torch.rand(7, 3, dtype=torch.float64)
    species = [0, 2, 1, 1, 0, 2, 2]
    graph = EdgeGraph.of_molecules(positions, torch.tensor([7]), 3.0, 0)
    assert 0 < len(graph.senders) < 42
    result = model(torch.tensor(species), graph)[:, 0]
    torch.testing.assert_close(result, schnet(model, species, positions, 3.0), atol=1e-12, rtol=1e-12)


def nequip_layer(
    layer: NequIPInteraction, h: torch.Tensor, species: list[int], positions: torch.Tensor, lmax: int
) -> torch.Tensor:
    """One NequIP interaction atom by atom with e3nn's tensor product, on `layer`'s weights (float64)."""
    d_in, channels = h.shape[1], h.shape[2]
    l_in = round(d_in**0.5) - 1
    natural = [o3.Irreps([(channels, (l, (-1) ** l)) for l in range(top + 1)]) for top in (l_in, lmax)]
    product = o3.TensorProduct(
        natural[0],
        o3.Irreps.spherical_harmonics(lmax),
        natural[1],
        [(*path, "uvu", True) for path in _paths(l_in, lmax, lmax)],
        path_normalization="element",
        shared_weights=False,
        internal_weights=False,
    )

    def flat(x: torch.Tensor, top: int) -> torch.Tensor:
        return torch.cat([x[:, l * l : (l + 1) ** 2].mT.flatten(1) for l in range(top + 1)], 1)

    def by_degree(x: torch.Tensor) -> torch.Tensor:
        parts = x.split([channels * (2 * l + 1) for l in range(lmax + 1)], dim=1)
        return torch.cat([p.view(len(x), channels, -1).mT for p in parts], 1)

    def linear(weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x[l * l : (l + 1) ** 2] @ weights[l] for l in range(round(len(x) ** 0.5))], 0)

    sent = torch.stack([linear(layer.before.weight, x) for x in h])
    result = []
    for i in range(len(h)):
        total = torch.zeros((lmax + 1) ** 2, channels, dtype=h.dtype)
        for j in range(len(h)):
            vector = positions[j] - positions[i]
            r = float(vector.norm())
            if i == j or r >= layer.cutoff:
                continue
            c, u = layer.cutoff, r / layer.cutoff
            bessel = torch.tensor(
                [
                    (2 / c) ** 0.5 * math.sin(n * math.pi * u) / r
                    for n in range(1, len(layer.basis.frequencies) + 1)
                ],
                dtype=h.dtype,
            )
            envelope = 1 - 28 * u**6 + 48 * u**7 - 21 * u**8
            hidden = layer.radial(bessel[None]) * envelope
            weights = torch.einsum("eh,hpc->epc", hidden, layer.convolution.weight).flatten(1)
            harmonics = o3.spherical_harmonics(list(range(lmax + 1)), vector[None], True, "component")
            total = total + by_degree(product(flat(sent[[j]], l_in), harmonics, weights))[0]
        x = linear(layer.after.weight, total / layer.neighbour_norm)
        x[0] = x[0] + layer.after.bias
        own = slice(species[i] * channels, (species[i] + 1) * channels)
        mixed = linear(layer.self_interaction.weight[:, :, own], h[i])
        x[:d_in] = x[:d_in] + mixed
        gates = torch.sigmoid(layer.gates(x[0])).view(lmax, channels)
        activated = [torch.nn.functional.silu(x[:1])]
        activated += [x[l * l : (l + 1) ** 2] * gates[l - 1] for l in range(1, lmax + 1)]
        update = torch.cat(activated, 0)
        update[:d_in] = update[:d_in] + h[i]
        result.append(update)
    return torch.stack(result)


def turned(l_max: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A rotation with a reflection, as a 3 × 3 matrix and on features of parity (−1)^l."""
    angles = torch.tensor([0.3, 1.2, -0.7], dtype=torch.float64)
    rotation = -o3.angles_to_matrix(*angles)
    blocks = [(-1) ** l * o3.wigner_D(l, *angles) for l in range(l_max + 1)]
    return rotation, torch.block_diag(*blocks)


@pytest.mark.usefixtures("double")
def test_embedders_are_equivariant_under_rotation_reflection_translation():
    torch.manual_seed(0)
    lmax = 3
    schnet_model = E3SchNet(3, lmax=lmax, lmax_out=lmax, channels=4, layers=2, n_gaussians=5, cutoff=4.0)
    nequip_model = NequIP(
        3, lmax=lmax, channels=4, layers=2, n_basis=4, radial_hidden=8, cutoff=4.0, neighbour_norm=3.0
    )
    n_atoms, species = torch.tensor([5, 3]), torch.tensor([0, 1, 2, 0, 1, 1, 2, 0])
    positions = 3.0 * torch.rand(8, 3, dtype=torch.float64)
    nodes = torch.tensor([6, 0, 3])
    rotation, on_features = turned(lmax)
    for parameter in schnet_model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    schnet_model, nequip_model = schnet_model.double(), nequip_model.double()
    before = EdgeGraph.of_molecules(positions, n_atoms, 4.0, lmax)
    after = EdgeGraph.of_molecules(positions @ rotation.T + 2.0, n_atoms, 4.0, lmax)
    for expected, result in [
        (schnet_model(species, before), schnet_model(species, after)),
        (nequip_model(species, before, nodes), nequip_model(species, after, nodes)),
    ]:
        assert expected.shape[1] == dimension(lmax)
        assert expected[:, 9:].abs().max().item() > 1e-4
        torch.testing.assert_close(result, on_features @ expected, atol=1e-10, rtol=1e-10)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("l_in", [0, 2])
def test_nequip_interaction_equals_its_formula_atom_by_atom(l_in):
    torch.manual_seed(0)
    layer = NequIPInteraction(3, l_in, 2, 2, 4, n_basis=5, radial_hidden=6, cutoff=3.0, neighbour_norm=2.5)
    torch.nn.init.normal_(layer.after.bias)
    positions, species = 4.5 * torch.rand(6, 3), [0, 2, 1, 0, 1, 2]
    h = torch.randn(6, dimension(l_in), 4)
    graph = EdgeGraph.of_molecules(positions, torch.tensor([6]), 3.0, 2)
    assert 0 < len(graph.senders) < 30
    expected = nequip_layer(layer, h, species, positions, 2)
    torch.testing.assert_close(layer(h, torch.tensor(species), graph), expected, atol=1e-10, rtol=1e-10)


def test_nequip_on_some_atoms_equals_nequip_on_all():
    torch.manual_seed(0)
    model = NequIP(
        2, lmax=2, channels=4, layers=2, n_basis=4, radial_hidden=8, cutoff=4.0, neighbour_norm=3.0
    ).double()
    positions, species = 3.0 * torch.rand(6, 3, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 0, 1])
    graph = EdgeGraph.of_molecules(positions, torch.tensor([6]), 4.0, 2)
    everything = model(species, graph, torch.arange(6))
    nodes = torch.tensor([4, 1])
    torch.testing.assert_close(model(species, graph, nodes), everything[nodes], atol=1e-12, rtol=0)
