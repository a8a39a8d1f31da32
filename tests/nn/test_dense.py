import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tutti.nn import dense


def drawn(n: int, n_in: int, n_out: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = (n, n_in), (n_out, n_in + 3), (n_out,), (n, n_out)
    x, wider, bias, onward = (torch.randn(s, dtype=dtype, generator=generator) for s in shapes)
    return x, wider, bias, onward


@pytest.mark.parametrize("size", [(200, 64, 32), (5, 64, 32), (64, 2, 32), (64, 32, 1)], ids=str)
@pytest.mark.parametrize("with_bias", [True, False])
def test_values_and_gradients_of_a_part_of_a_matrix(size, with_bias):
    """In float32, of weights that are columns of a larger matrix, against the formulas in float64."""
    x, wider, bias, onward = drawn(*size, torch.float32)
    leaves = [v.clone().requires_grad_() for v in (x, wider, bias)]
    bias_leaf = leaves[2] if with_bias else None
    found = dense.linear(leaves[0], leaves[1][:, 2:-1], bias_leaf)
    (found * onward).sum().backward()
    x, wider, bias, onward = (v.double() for v in (x, wider, bias, onward))
    value = x @ wider[:, 2:-1].T + (bias if with_bias else 0)
    close = {"rtol": 1e-5, "atol": 1e-4}
    torch.testing.assert_close(found.detach().double(), value, **close)
    torch.testing.assert_close(leaves[0].grad.double(), onward @ wider[:, 2:-1], **close)
    of_wider = torch.zeros_like(wider)
    of_wider[:, 2:-1] = onward.T @ x
    torch.testing.assert_close(leaves[1].grad.double(), of_wider, **close)
    if with_bias:
        torch.testing.assert_close(leaves[2].grad.double(), onward.sum(0), **close)
    with torch.no_grad():
        alone = dense.linear(leaves[0], leaves[1][:, 2:-1], bias_leaf)
    torch.testing.assert_close(alone, found.detach(), rtol=0, atol=0)


def test_double_precision_and_autocast_are_pytorchs_own():
    x, wider, bias, _ = drawn(64, 32, 32, torch.float64)
    weight = wider[:, :-3]
    torch.testing.assert_close(
        dense.linear(x, weight, bias), functional.linear(x, weight, bias), rtol=0, atol=0
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert dense.linear(x.float(), weight.float(), bias.float()).dtype == torch.bfloat16


def test_the_layer_has_the_parameters_of_pytorchs():
    torch.manual_seed(0)
    layer = dense.Linear(32, 16)
    other = torch.nn.Linear(32, 16)
    other.load_state_dict(layer.state_dict())
    x = torch.randn(40, 32)
    torch.testing.assert_close(layer(x), other(x))
    layer(x).sum().backward()
    assert layer.weight.grad is not None and layer.bias.grad is not None
