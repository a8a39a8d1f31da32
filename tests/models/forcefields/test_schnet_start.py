"""SchNet before its training."""

import math

import torch

from tutti.models import base


def test_dense_layers_begin_as_in_schnetpack():
    """Uniform in ±√(6 / (in + out)), no bias: the variance is a third of the bound's square."""
    model = base.create("forcefields", "schnet", {"elements": ["H", "C"], "channels": 128}, seed=0)
    dense = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)]
    assert len(dense) == 3 * 5 + 2
    for layer in dense:
        bound = math.sqrt(6.0 / sum(layer.weight.shape))
        largest, variance = float(layer.weight.abs().max()), float(layer.weight.var())
        assert largest <= bound
        if layer.weight.numel() > 1000:
            assert largest > 0.99 * bound
            assert abs(3.0 * variance / bound**2 - 1.0) < 0.05
        assert layer.bias is None or not layer.bias.any()
