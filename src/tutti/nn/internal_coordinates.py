"""A point by its distance, angle and torsion to three others, and back.

The angle is that of (first reference, origin, point), the torsion that of (second reference, first
reference, origin, point) with the sign opposite to IUPAC's, as in the code of G-SphereNet. Where the
references leave a direction open, one stands in: x for the first axis when the first reference lies on the
origin, and a perpendicular in the plane z = 0, or x = 0 if the first axis is close to z, for the second
axis when the references are in line. Both maps use the same stand-ins, so that they stay finite and inverse
to each other there; only the stand-ins do not turn with the molecule.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

SINGULAR = 1e-6
"""Å, and sine: references closer together, or closer to a line, have no direction."""


def frame(origin: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Axes [..., 3, 3] (rows, orthonormal) at `origin`; all arguments [..., 3], Å.

    The first points to `first`, the second to the side of the line on which `second` lies, and torsions grow
    from the second to the third: it is first × second.
    """
    away = first - origin
    x = torch.where(_short(away), away.new_tensor([1.0, 0.0, 0.0]), normalize(away, dim=-1))
    side = normalize(second - first, dim=-1)
    side = side - (side * x).sum(-1, keepdim=True) * x
    # z × x, or x's own axis × x.
    turned = torch.where(x[..., 2:].abs() < 0.9, x.new_tensor([0.0, 0.0, 1.0]), x.new_tensor([1.0, 0.0, 0.0]))
    y = normalize(torch.where(_short(side), torch.linalg.cross(turned, x), side), dim=-1)
    # Once more, because the first projection loses digits near a line.
    y = normalize(y - (y * x).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-2)


def to_cartesian(coordinates: Tensor, origin: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Points [..., 3] (Å) with (distance, angle, torsion) `coordinates` [..., 3] (Å, radians).

    Any real numbers give a point; its distance from `origin` is that of the coordinates to rounding.
    """
    distance, angle, torsion = coordinates.unbind(-1)
    local = torch.stack(
        [torch.cos(angle), torch.sin(angle) * torch.cos(torsion), torch.sin(angle) * torch.sin(torsion)], -1
    )
    axes = frame(origin, first, second)
    return origin + distance[..., None] * torch.einsum("...a,...ax->...x", local, axes)


def from_cartesian(points: Tensor, origin: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """(distance, angle in [0, π], torsion in [−π, π]) [..., 3] of `points` [..., 3]; see `to_cartesian`."""
    axes = frame(origin, first, second)
    x, y, z = torch.einsum("...x,...ax->...a", points - origin, axes).unbind(-1)
    across = torch.hypot(y, z)
    return torch.stack([torch.hypot(x, across), torch.atan2(across, x), torch.atan2(z, y)], dim=-1)


def _short(vectors: Tensor) -> Tensor:
    """[..., 1] bool: too short for a direction."""
    return torch.linalg.vector_norm(vectors, dim=-1, keepdim=True) < SINGULAR
