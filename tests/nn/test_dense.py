"""Dense layers: oneDNN's products against float64 ones, with their gradients."""

import pytest
import torch
from torch.nn.functional import linear, silu
from torch.utils._python_dispatch import TorchDispatchMode

from random_numbers import random
from tutti.nn.dense import Dense, dense, silu_dense

N, N_IN, N_OUT = 8200, 48, 88


class Products(TorchDispatchMode):
    """Counts the products that oneDNN makes."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += "linear_pointwise" in str(func)
        return func(*args, **(kwargs or {}))


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-5) -> None:
    scale = float(expected.detach().abs().max())
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance * scale)


def operands(bias: bool) -> list[torch.Tensor]:
    shapes = [(N, N_IN), (N_OUT, N_IN), (N_OUT,)][: 2 + bias]
    return [random(*shape, seed=i).requires_grad_() for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_to_second_order(bias):
    exact = operands(bias)
    single = [x.detach().float().requires_grad_() for x in exact]
    outer, inner = random(N, N_OUT, seed=5), random(N, N_IN, seed=6)
    found = []
    for function, values in ((dense, single), (linear, exact)):
        y = function(*values)
        energy = (torch.sin(y) * outer.to(y.dtype)).sum()
        (force,) = torch.autograd.grad(energy, values[0], create_graph=True)
        penalty = (force * inner.to(y.dtype)).sum()
        found.append([y, force, *torch.autograd.grad(energy + penalty, values)])
    for own, expected in zip(*found, strict=True):
        close(own, expected)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[:, 8:],
        lambda x: x[:, ::2],
        lambda x: x.t().contiguous().t(),
        lambda x: x[::2],
        lambda x: x[:1].expand(2 * N, -1),
    ],
    ids=["columns", "every other column", "transposed", "every other row", "expanded"],
)
def test_any_strides(view):
    x = view(random(2 * N, 2 * N_IN))
    weight = random(N_OUT, x.shape[1], seed=1)
    close(dense(view(random(2 * N, 2 * N_IN).float()), weight.float()), linear(x, weight))
    x = x.detach().requires_grad_()
    single = x.detach().float().requires_grad_()
    # The gradient of a sum has no strides of its own.
    dense(single, weight.float()).sum().backward()
    linear(x, weight).sum().backward()
    close(single.grad, x.grad)


def test_onednn_makes_large_products_of_float32_alone():
    layer = Dense(N_IN, N_OUT)
    with Products() as products:
        layer(torch.ones(N, N_IN, requires_grad=True)).sum().backward()
    assert products.count == 3
    for model, rows in ((layer, 10), (Dense(N_IN, N_OUT).double(), N)):
        with Products() as products:
            model(torch.ones(rows, N_IN, dtype=model.weight.dtype)).sum().backward()
        assert products.count == 0
    with Products() as products, torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.ones(N, N_IN)).dtype == torch.bfloat16
    assert products.count == 0


def test_silu_of_a_layer_with_and_without_gradients():
    layer, x = Dense(N_IN, N_OUT), random(N, N_IN)
    expected = silu(linear(x, layer.weight.double(), layer.bias.double()))
    close(silu_dense(layer, x.float()), expected)
    with torch.no_grad(), Products() as products:
        close(silu_dense(layer, x.float()), expected.detach())
    assert products.count == 1
