import pytest
import torch

from random_numbers import random
from tutti.models.generators.gspherenet.flows import AffineFlow, Conditioner


@pytest.mark.parametrize("n", [1, 5])
def test_flows_have_the_jacobian_of_autograd_and_an_inverse(n):
    torch.manual_seed(0)
    flow = AffineFlow(n, 8, 16, 6).double()
    with torch.no_grad():
        flow.weight.mul_(100.0)  # far from the identity
    x, condition = 2.0 * random(20, n), 3.0 * random(20, 8, seed=1)
    z, log_det = flow(x, condition)
    for row in range(20):
        jacobian = torch.autograd.functional.jacobian(lambda v, r=row: flow(v, condition[[r]])[0], x[[row]])
        assert float(log_det[row].detach()) == pytest.approx(
            float(torch.linalg.slogdet(jacobian.view(n, n))[1]), abs=1e-10
        )
    torch.testing.assert_close(flow.inverse(z, condition), x, atol=1e-10, rtol=0)
    assert (z - x).abs().max() > 1.0


def test_likelihoods_integrate_to_one():
    torch.manual_seed(0)
    flow, condition = AffineFlow(1, 8, 16, 6).double(), random(1, 8, seed=1)
    mean = flow.inverse(torch.zeros(1, 1, dtype=torch.float64), condition)
    grid = mean + torch.linspace(-200.0, 200.0, 400_001, dtype=torch.float64)[:, None]
    density = torch.exp(-flow.negative_log_likelihood(grid, condition.expand(len(grid), -1)))
    assert float(density.sum() * 1e-3) == pytest.approx(1.0, abs=1e-6)


def test_flow_layers_are_perceptrons_of_their_own():
    torch.manual_seed(0)
    flow, x, condition = AffineFlow(2, 8, 16, 3).double(), random(4, 2), random(4, 8, seed=1)
    expected, layers = x, flow.hidden.weight.view(3, 16, 8)
    for k in range(3):
        hidden = torch.nn.functional.silu(condition @ layers[k].T + flow.hidden.bias.view(3, 16)[k])
        s, t = (hidden @ flow.weight[k] + flow.bias[k]).split(2, dim=1)
        expected = torch.exp(torch.tanh(s)) * (expected + t)
    torch.testing.assert_close(flow(x, condition)[0], expected, atol=1e-12, rtol=0)


def test_attention_is_pytorchs_and_sees_only_what_is_there():
    torch.manual_seed(0)
    head = Conditioner(2, 8, 4).double()
    chosen, everything = random(3, 16), random(3, 5, 8, seed=1)
    present = torch.tensor([[1, 0, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()
    result = head(chosen, everything, present)
    reference = torch.nn.MultiheadAttention(8, 4, batch_first=True).double()
    with torch.no_grad():
        reference.in_proj_weight.copy_(torch.cat([head.query.weight, head.key.weight, head.value.weight]))
        reference.in_proj_bias.copy_(torch.cat([torch.zeros(16), head.value.bias]))
        reference.out_proj.weight.copy_(torch.eye(8))
        reference.out_proj.bias.zero_()
    local = torch.nn.functional.silu(head.local(chosen))
    expected, _ = reference(local[:, None], everything, everything, key_padding_mask=~present)
    torch.testing.assert_close(result, torch.cat([local, expected[:, 0]], 1), atol=1e-12, rtol=0)
    everything[~present] = 7.0
    torch.testing.assert_close(head(chosen, everything, present), result, atol=0, rtol=0)
