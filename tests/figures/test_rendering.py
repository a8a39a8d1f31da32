"""The ray caster: what is seen where."""

import numpy as np
import pytest

from tutti.figures import rendering

CARBON, OXYGEN = np.array([6]), np.array([8])


def cover(picture, half_width):
    """Area covered, Å²."""
    return picture[..., 3].sum() * (2 * half_width / len(picture)) ** 2


def test_a_ball_covers_its_disc():
    picture = rendering.ball_and_stick(CARBON, np.zeros((1, 3)), [], 2.0, 200)
    radius = rendering.ball_radii(CARBON)[0]
    outlined = radius + (rendering.OVERSAMPLING - 1) * 4.0 / (200 * rendering.OVERSAMPLING)
    assert np.pi * radius**2 < cover(picture, 2.0) < 1.03 * np.pi * outlined**2
    assert picture[100, 100, 3] == 1 and picture[5, 5, 3] == 0


def test_a_stick_covers_its_strip():
    """Seen from the side, beyond the balls' reach of the middle, a stick is a strip of its own width."""
    view = np.array([[-1.5, 0, 0], [1.5, 0, 0]])
    picture = rendering.ball_and_stick(np.array([6, 6]), view, [(0, 1, 1.0)], 2.0, 400)
    width = picture[:, 200, 3].sum() * 4.0 / 400
    outline = 2 * (rendering.OVERSAMPLING - 1) * 4.0 / (400 * rendering.OVERSAMPLING)
    assert width == pytest.approx(2 * rendering.STICK[1] + outline, abs=0.01)


def test_the_nearer_ball_hides_the_other():
    front = rendering.ball_and_stick(np.array([6, 8]), np.array([[0, 0, 0.0], [0, 0, 3.0]]), [], 2.0, 90)
    back = rendering.ball_and_stick(np.array([6, 8]), np.array([[0, 0, 0.0], [0, 0, -3.0]]), [], 2.0, 90)
    red, grey = front[45, 45, :3], back[45, 45, :3]
    assert red[0] > red[2] + 0.3
    assert abs(grey[0] - grey[2]) < 0.1


def test_up_is_up_and_right_is_right():
    picture = rendering.ball_and_stick(CARBON, np.array([[1.0, 0.8, 0.0]]), [], 2.0, 100)
    rows, columns = np.nonzero(picture[..., 3])
    assert rows.mean() == pytest.approx(50 - 20, abs=1)
    assert columns.mean() == pytest.approx(50 + 25, abs=1)


@pytest.mark.parametrize(("order", "sticks"), [(1.0, 1), (2.0, 2), (3.0, 3)])
def test_multiple_bonds_are_separate_sticks(order, sticks):
    view = np.array([[-1.5, 0, 0], [1.5, 0, 0]])
    picture = rendering.ball_and_stick(np.array([6, 6]), view, [(0, 1, order)], 2.0, 400)
    solid = picture[:, 200, 3] > 0.5
    assert np.count_nonzero(np.diff(solid.astype(int)) == 1) == sticks


def test_the_dashed_stick_of_an_aromatic_bond_is_inside_the_ring():
    angles = np.arange(6) * np.pi / 3
    ring = 1.39 * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    bonds = [(i, (i + 1) % 6, 1.5) for i in range(6)]
    for first, second, order in bonds:
        inwards = rendering._inwards(ring, bonds, first, second)
        sticks = list(rendering._sticks(ring[first], ring[second], order, inwards))
        full, dashes = sticks[0], sticks[1:]
        assert len(dashes) == rendering.DASHES
        distance = [np.linalg.norm((start + end) / 2) for start, end, _ in (full, *dashes)]
        assert np.linalg.norm(np.mean([s + e for s, e, _ in dashes], axis=0) / 2) < distance[0]


def test_the_principal_view_is_a_rotation_that_keeps_handedness():
    points = np.random.default_rng(0).normal(size=(7, 3)) * [3.0, 2.0, 1.0]
    mirrored = points * [1, 1, -1]
    for original in (points, mirrored):
        view = rendering.principal_view(original)
        distances = [np.linalg.norm(p[:, None] - p[None], axis=-1) for p in (original, view)]
        np.testing.assert_allclose(*distances, atol=1e-12)
        volumes = [np.linalg.det(p[1:4] - p[0]) for p in (original, view)]
        np.testing.assert_allclose(*volumes, atol=1e-12)


def test_the_principal_view_shows_the_long_axis_from_left_to_right():
    rod = np.array([[0, 0, -2.0], [0, 0, 0], [0, 0.1, 2.0]])
    view = rendering.principal_view(rod)
    assert np.ptp(view[:, 0]) == pytest.approx(4, abs=0.01)


def test_bonds_by_distance():
    positions = np.array([[0.0, 0, 0], [1.2, 0, 0], [5.0, 0, 0]])
    assert rendering.bonds_by_distance(np.array([6, 8, 1]), positions) == [(0, 1, 1.0)]


def test_only_what_is_painted_is_worked_on_and_the_picture_is_that_of_all():
    """Bodies in the middle, at an edge and beyond it."""
    for place in ([0.0, 0.0, 0.0], [1.4, -1.7, 0.3], [-1.95, 1.9, 0.0]):
        canvas = rendering._Canvas(2.0, 40 * rendering.OVERSAMPLING)
        canvas.sphere(np.array(place), 0.6, np.array([0.2, 0.5, 0.8]))
        canvas.cylinder(np.array(place), np.array([1.0, 1.5, 1.0]), 0.1)
        whole = rendering._smooth(*rendering._finished(canvas.depth, canvas.colour))
        np.testing.assert_array_equal(canvas.picture(), whole[::-1])
    assert not rendering._Canvas(2.0, 30).picture().any()
