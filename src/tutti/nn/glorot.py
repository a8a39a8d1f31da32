"""Initial weights of dense layers as SchNetPack has them."""

from torch import nn


def glorot(module: nn.Module) -> None:
    """Uniform weights of Glorot and Bengio (2010) and zero biases, of a linear layer; for `Module.apply`."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
