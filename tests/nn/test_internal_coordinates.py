import math

import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdMolTransforms
from rdkit.Geometry import Point3D
from scipy.spatial.transform import Rotation

from random_numbers import random
from tutti.nn.internal_coordinates import frame, from_cartesian, to_cartesian


def drawn_coordinates(n: int) -> torch.Tensor:
    """Distances of bonds, angles from 1e-3 to π − 1e-3, all torsions."""
    uniform = torch.rand(n, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    low, high = torch.tensor([0.8, 1e-3, -math.pi]), torch.tensor([2.0, math.pi - 1e-3, math.pi])
    return low + (high - low) * uniform


def test_there_and_back_both_ways():
    f, c1, c2, x = random(4, 5000, 3)
    coordinates = from_cartesian(x, f, c1, c2)
    torch.testing.assert_close(to_cartesian(coordinates, f, c1, c2), x, atol=1e-10, rtol=0)
    coordinates = drawn_coordinates(5000)
    again = from_cartesian(to_cartesian(coordinates, f, c1, c2), f, c1, c2)
    torch.testing.assert_close(again, coordinates, atol=1e-6, rtol=0)


def test_rdkit_measures_the_coordinates_of_the_points():
    references, coordinates = random(3, 50, 3, seed=2), drawn_coordinates(50)
    points = to_cartesian(coordinates, *references)
    for row in range(50):
        conformer = Chem.Conformer(4)
        for atom, point in enumerate([points[row], *references[:, row]]):
            conformer.SetAtomPosition(atom, Point3D(*point.tolist()))
        found = [
            rdMolTransforms.GetBondLength(conformer, 0, 1),
            rdMolTransforms.GetAngleRad(conformer, 0, 1, 2),
            -rdMolTransforms.GetDihedralRad(conformer, 3, 2, 1, 0),
        ]
        assert found == pytest.approx(coordinates[row].tolist(), abs=1e-9)


def test_points_follow_from_two_rotations():
    """From c1, by the angle about the normal of the references' plane, then by the torsion about the bond."""
    (f, c1, c2), (d, theta, phi) = random(3, 3, seed=3), [1.3, 1.9, -2.2]
    away = (c1 - f) / (c1 - f).norm()
    normal = torch.linalg.cross(away, c2 - c1)
    normal = normal / normal.norm()
    bent = Rotation.from_rotvec(theta * normal.numpy()).apply(d * away.numpy())
    turned = Rotation.from_rotvec(phi * away.numpy()).apply(bent)
    point = to_cartesian(torch.tensor([d, theta, phi], dtype=torch.float64), f, c1, c2)
    assert (point - f).tolist() == pytest.approx(turned.tolist(), abs=1e-12)


def test_frames_are_orthonormal_and_turn_with_the_references():
    references = random(3, 100, 3, seed=4)
    axes = frame(*references)
    identity = torch.eye(3, dtype=torch.float64).expand(100, 3, 3)
    torch.testing.assert_close(axes @ axes.mT, identity, atol=1e-14, rtol=0)
    turn = torch.linalg.qr(random(3, 3, seed=5)).Q
    turn = turn * torch.linalg.det(turn)
    torch.testing.assert_close(frame(*(references @ turn.T + 1.0)), axes @ turn.T, atol=1e-12, rtol=0)


def test_stand_ins_for_what_the_references_leave_open():
    """As the authors of G-SphereNet place the second and the third atom: along x, and in the plane z = 0."""
    f, c1 = torch.tensor([[0.0, 0.0, 0.0], [1.3, 0.0, 0.0]], dtype=torch.float64)
    coordinates = torch.tensor([1.1, 2.0, 0.0], dtype=torch.float64)
    second = to_cartesian(torch.tensor([1.3, 0.0, 0.0], dtype=torch.float64), f, f, f)
    assert second.tolist() == c1.tolist()
    for focus, reference, side in ((f, c1, 1.0), (c1, f, -1.0)):
        third = to_cartesian(coordinates, focus, reference, focus) - focus
        expected = [side * 1.1 * math.cos(2.0), side * 1.1 * math.sin(2.0), 0.0]
        assert third.tolist() == pytest.approx(expected, abs=1e-15)


def test_mirror_images_differ_in_the_sign_of_the_torsion():
    f, c1, c2, x = random(4, 100, 3, seed=6)
    signs = torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    mirrored = from_cartesian(-x, -f, -c1, -c2)
    torch.testing.assert_close(mirrored, from_cartesian(x, f, c1, c2) * signs, atol=1e-12, rtol=0)


SINGULAR = {
    "in line": [[0, 0, 0], [0, 0, 1.2], [0, 0, 2.4]],
    "folded back": [[0, 0, 0], [0, 1.2, 0], [0, 0.5, 0]],
    "nearly in line": [[0, 0, 0], [1.2, 0, 0], [2.4, 1e-9, 0]],
    "c1 on f": [[1, 2, 3], [1, 2, 3], [0, 0, 1]],
    "c2 on c1": [[0, 0, 0], [0, 0, 1], [0, 0, 1]],
    "all in one": [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
}


@pytest.mark.parametrize("name", SINGULAR)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_singular_references_give_points_at_the_right_distance_and_a_way_back(name, dtype):
    references = [torch.tensor(row, dtype=dtype).expand(200, 3) for row in SINGULAR[name]]
    coordinates = drawn_coordinates(200).to(dtype)
    points = to_cartesian(coordinates, *references)
    exact = 1e-12 if dtype == torch.float64 else 2e-6
    torch.testing.assert_close((points - references[0]).norm(dim=-1), coordinates[:, 0], atol=exact, rtol=0)
    back = from_cartesian(points, *references)
    torch.testing.assert_close(to_cartesian(back, *references), points, atol=10 * exact, rtol=0)


@pytest.mark.parametrize("angle", [0.0, 1e-9, math.pi - 1e-9, math.pi, -0.3, 7.0])
def test_any_angle_gives_a_point_that_is_found_again(angle):
    references = random(3, 20, 3, seed=7)
    coordinates = torch.tensor([1.1, angle, 0.7], dtype=torch.float64).expand(20, 3)
    points = to_cartesian(coordinates, *references)
    back = from_cartesian(points, *references)
    assert (back[:, 0] - 1.1).abs().max() < 1e-12
    assert ((back[:, 1] >= 0) & (back[:, 1] <= math.pi)).all()
    torch.testing.assert_close(to_cartesian(back, *references), points, atol=1e-10, rtol=0)


def test_points_move_little_with_the_coordinates():
    references = random(3, 20, 3, seed=8)
    coordinates = drawn_coordinates(20)
    step = 1e-6 * random(20, 3, seed=9)
    moved = to_cartesian(coordinates + step, *references) - to_cartesian(coordinates, *references)
    assert (moved.norm(dim=-1) < 3.0 * step.norm(dim=-1)).all()


def test_gradients_at_singular_references_are_finite():
    coordinates = drawn_coordinates(5).requires_grad_()
    for rows in SINGULAR.values():
        references = [torch.tensor(row, dtype=torch.float64).expand(5, 3) for row in rows]
        (gradient,) = torch.autograd.grad(to_cartesian(coordinates, *references).sum(), coordinates)
        assert torch.isfinite(gradient).all()
