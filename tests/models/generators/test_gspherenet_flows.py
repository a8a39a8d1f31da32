import math

import pytest
import torch

from random_numbers import random
from tutti.models.generators.gspherenet.flows import AffineFlow, Conditioner


@pytest.mark.parametrize("n", [1, 5])
def test_flows_have_the_jacobian_of_autograd_and_an_inverse(n):
    torch.manual_seed(0)
    flow = AffineFlow(n, 8, 16, 6).double()
    away_from_the_identity(flow)
    x, condition = 2.0 * random(20, n), 3.0 * random(20, 8, seed=1)
    z, log_det = flow(x, condition)
    for row in range(20):
        jacobian = torch.autograd.functional.jacobian(lambda v, r=row: flow(v, condition[[r]])[0], x[[row]])
        jacobian = jacobian.view(n, n)
        torch.testing.assert_close(jacobian, torch.diag(torch.exp(log_det[row])), atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(flow.inverse(z, condition), x, atol=1e-10, rtol=0)
    assert (z - x).abs().max() > 1.0


def away_from_the_identity(flow: AffineFlow) -> None:
    with torch.no_grad():
        for parameter in (flow.weight, flow.bias, flow.scale):
            parameter.copy_(0.3 * random(*parameter.shape, seed=2))


def test_flows_begin_as_the_identity():
    flow = AffineFlow(2, 8, 16, 6)
    x, condition = random(20, 2).float(), random(20, 8, seed=1).float()
    z, log_det = flow(x, condition)
    assert (z - x).abs().max() < 1e-6 and log_det.abs().max() < 1e-6
    bound = (6.0 / (8 + 16)) ** 0.5
    assert 0.95 * bound < flow.hidden.weight.abs().max() <= bound and not flow.hidden.bias.any()


def test_likelihoods_integrate_to_one():
    torch.manual_seed(0)
    flow, condition = AffineFlow(1, 8, 16, 6).double(), random(1, 8, seed=1)
    away_from_the_identity(flow)
    mean = flow.inverse(torch.zeros(1, 1, dtype=torch.float64), condition)
    grid = mean + torch.linspace(-200.0, 200.0, 400_001, dtype=torch.float64)[:, None]
    density = torch.exp(-flow.negative_log_likelihood(grid, condition.expand(len(grid), -1)))
    assert density.sum().item() * 1e-3 == pytest.approx((2.0 * math.pi) ** 0.5, abs=1e-6)


def test_flow_layers_are_perceptrons_of_their_own():
    torch.manual_seed(0)
    flow, x, condition = AffineFlow(2, 8, 16, 3).double(), random(4, 2), random(4, 8, seed=1)
    away_from_the_identity(flow)
    expected, layers = x, flow.hidden.weight.view(3, 16, 8)
    for k in range(3):
        hidden = torch.tanh(condition @ layers[k].T + flow.hidden.bias.view(3, 16)[k])
        s, t = (hidden @ flow.weight[k] + flow.bias[k]).split(2, dim=1)
        expected = torch.exp(torch.exp(flow.scale[k]) * torch.tanh(s)) * (expected + t)
    torch.testing.assert_close(flow(x, condition)[0], expected, atol=1e-12, rtol=0)


def test_attention_is_pytorchs_and_sees_only_what_is_there():
    torch.manual_seed(0)
    head = Conditioner(2, 8, 4).double()
    local, features = random(3, 16), random(9, 8, seed=1)
    slots = torch.tensor([[4, 9, 9, 9, 9], [0, 1, 2, 9, 9], [3, 5, 6, 7, 8]])
    present = slots < 9
    result = head(local, features, slots)
    reference = torch.nn.MultiheadAttention(8, 4, batch_first=True).double()
    with torch.no_grad():
        reference.in_proj_weight.copy_(torch.cat([torch.eye(8), head.key.weight, head.value.weight]))
        reference.in_proj_bias.copy_(torch.cat([torch.zeros(16), head.value.bias]))
        reference.out_proj.weight.copy_(head.out.weight)
        reference.out_proj.bias.copy_(head.out.bias)
    everything = features[slots.clamp(max=8)]
    query = head.query(local)[:, None]
    expected, _ = reference(query, everything, everything, key_padding_mask=~present)
    torch.testing.assert_close(result, torch.cat([local, expected[:, 0]], 1), atol=1e-12, rtol=0)
