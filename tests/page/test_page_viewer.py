"""The picture of a molecule: what is drawn where, and turning it, against numpy and scipy."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tutti.report.page import unpacked

pytestmark = pytest.mark.page

STEP, PER_PIXEL = 0.15, 0.01
WATCH = """() => {
  const draw = Picture.prototype.draw;
  Picture.prototype.draw = function () { draw.call(this); window.drawn = this; };
}"""
SHARE_AND_COLOURS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3]) colours.add(`${data.slice(i, i + 3)}`);
  return [data.filter((value, i) => i % 4 === 3 && value).length / (data.length / 4), colours.size];
}"""


@pytest.fixture
def canvas(page):
    """The canvas of the first valid molecule of the first set."""
    page.evaluate(WATCH)
    page.select_option("[name=set]", "0")
    page.select_option("[name=verdict]", "valid")
    page.locator(".card").first.click()
    return page.locator("#molecule canvas")


def pixels(canvas):
    return canvas.evaluate("(canvas) => canvas.toDataURL()")


def rotation_of(page):
    return np.array(page.evaluate("drawn.rotation")).reshape(3, 3)


def colours_at(page, places):
    """Red, green, blue and opacity of the picture at `places` [n, 2], pixels from its upper left corner."""
    data = """() => {
      const { width, height } = drawn.canvas;
      const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(drawn.canvas, 0, 0);
      return [...copy.getImageData(0, 0, width, height).data];
    }"""
    size = page.evaluate("drawn.canvas.width")
    picture = np.array(page.evaluate(data)).reshape(-1, size, 4)
    return [picture[y, x] for x, y in np.rint(np.array(places)).astype(int)]


def drag(page, canvas, dx, dy, steps=1):
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=steps)
    page.mouse.up()


def turned(rotation, about_x, about_y):
    """The rotation and then one about the screen's axes: y (up), then x (to the right)."""
    return Rotation.from_euler("yx", [about_y, about_x]).as_matrix() @ rotation


def test_something_is_drawn_large_and_on_every_card(page, canvas):
    share, colours = canvas.evaluate(SHARE_AND_COLOURS)
    assert 0.05 < share < 0.8 and colours > 50
    page.keyboard.press("Escape")
    for card in page.locator(".card canvas").all():
        share, colours = card.evaluate(SHARE_AND_COLOURS)
        assert 0.03 < share < 0.9 and colours > 20


class Molecule(NamedTuple):
    """What is known of the molecule that is open: centred [n, 3] and radii [n] in Å, colours [n, 3]."""

    positions: np.ndarray
    radii: np.ndarray
    colours: np.ndarray
    rotation: np.ndarray


@pytest.fixture
def molecule(page, canvas, evaluated):
    """The molecule on the canvas, as the page tells it."""
    contents = unpacked(evaluated.page.read_text(encoding="utf-8"))["browser"]
    number = int(page.locator("#molecule-name").inner_text().split("sample ")[1])
    (found,) = [each for each in contents["molecules"] if each["set"] == 0 and each["place"] == number]
    positions = np.array(found["positions"]).reshape(-1, 3) / contents["scale"]
    elements = [contents["elements"][str(n)] for n in found["numbers"]]
    return Molecule(
        positions - (positions.min(axis=0) + positions.max(axis=0)) / 2,
        np.array([radius for _, _, radius, _ in elements]),
        np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for _, colour, *_ in elements]),
        np.array(found["rotation"]).reshape(3, 3),
    )


def test_atoms_are_where_numpy_projects_them(page, molecule):
    seen = molecule.positions @ molecule.rotation.T
    drawn = page.evaluate("drawn.seen.map(({ x, y, z }) => [x, y, z])")
    np.testing.assert_allclose(drawn, seen, atol=1e-9)
    size, unit = page.evaluate("[drawn.canvas.width, drawn.unit]")
    places = size / 2 + unit * seen[:, :2] * [1, -1]
    reach = unit * molecule.radii[:, None]
    assert (places - reach > 0).all() and (places + reach < size).all()
    # The rim of the nearest ball is dark, its middle has the colour of its element.
    nearest = int(np.argmax(seen[:, 2]))
    corners = [[5, 5], [size - 5, 5]]
    on_the_rim = places[nearest] + [unit * molecule.radii[nearest] * 0.97, 0]
    middle, rim, *empty = colours_at(page, [places[nearest], on_the_rim, *corners])
    assert middle[3] == rim[3] == 255
    assert np.abs(middle[:3] - molecule.colours[nearest]).max() < 60
    assert rim[:3].sum() < middle[:3].sum()
    assert (np.linalg.norm(places[:, None] - corners, axis=2) > unit).all()
    assert empty[0][3] == empty[1][3] == 0


def test_what_is_nearer_hides_what_is_behind(page, molecule):
    """Two atoms of different elements, one behind the other: seen from either side, the other is hidden."""
    distance, pair = max(lines_of_sight(molecule), key=lambda each: each[0])
    assert distance > molecule.radii.max()
    for behind, front in (pair, pair[::-1]):
        line = molecule.positions[front] - molecule.positions[behind]
        to_the_eye, _ = Rotation.align_vectors([[0, 0, 1]], [line])
        rotation = to_the_eye.as_matrix().ravel().tolist()
        page.evaluate("(rotation) => { drawn.rotation = rotation; drawn.draw(); }", rotation)
        size, unit = page.evaluate("[drawn.canvas.width, drawn.unit]")
        place = size / 2 + unit * to_the_eye.apply(molecule.positions[front])[:2] * [1, -1]
        colour = colours_at(page, [place])[0][:3].astype(int)
        differences = [np.abs(colour - molecule.colours[atom]).max() for atom in (front, behind)]
        assert differences[0] < differences[1]


def lines_of_sight(molecule):
    """Pairs of atoms of clearly different colours, with the distance of all others from their line, Å."""
    positions, colours = molecule.positions, molecule.colours
    for i, j in combinations(range(len(positions)), 2):
        if np.abs(colours[i] - colours[j]).max() > 80:
            line = (positions[j] - positions[i]) / np.linalg.norm(positions[j] - positions[i])
            others = np.delete(positions, (i, j), axis=0) - positions[i]
            yield np.linalg.norm(np.cross(others, line), axis=1).min(), (i, j)


def test_dragging_turns_it_about_the_axes_of_the_screen(page, canvas):
    before, first = pixels(canvas), rotation_of(page)
    drag(page, canvas, 40, 25)
    assert pixels(canvas) != before
    np.testing.assert_allclose(rotation_of(page), turned(first, 25 * PER_PIXEL, 40 * PER_PIXEL), atol=1e-12)


def test_what_is_dragged_follows_the_mouse(page, canvas):
    """An atom in front goes to the right and down with the mouse, y being up."""
    front = "Math.max(...drawn.seen.map(({ z }) => z))"
    x, y = page.evaluate(f"drawn.seen.filter(({{ z }}) => z === {front}).map(({{ x, y }}) => [x, y])[0]")
    index = page.evaluate(f"drawn.seen.findIndex(({{ z }}) => z === {front})")
    drag(page, canvas, 5, 5)
    after = page.evaluate(f"[drawn.seen[{index}].x, drawn.seen[{index}].y]")
    assert after[0] > x and after[1] < y


@pytest.mark.parametrize(
    ("key", "about_x", "about_y"),
    [("ArrowLeft", 0, -STEP), ("ArrowRight", 0, STEP), ("ArrowUp", -STEP, 0), ("ArrowDown", STEP, 0)],
)
def test_arrow_keys_turn_it(page, canvas, key, about_x, about_y):
    before, first = pixels(canvas), rotation_of(page)
    canvas.press(key)
    assert pixels(canvas) != before
    np.testing.assert_allclose(rotation_of(page), turned(first, about_x, about_y), atol=1e-12)


def test_wheel_and_keys_zoom_within_limits(page, canvas):
    before = page.evaluate("drawn.unit")
    canvas.hover()
    top = page.evaluate("scrollY")
    page.mouse.wheel(0, -200)
    page.wait_for_function("(unit) => drawn.unit > unit", arg=before)
    assert page.evaluate("drawn.unit") == pytest.approx(before * np.exp(0.2))
    assert page.evaluate("scrollY") == top
    for key, limit in [("+", 6), ("-", 0.4)]:
        for _ in range(30):
            canvas.press(key)
        assert page.evaluate("drawn.zoom") == limit


@pytest.mark.parametrize("way", ["Home", "double click"])
def test_it_comes_back_to_the_same_pixels(page, canvas, way):
    before = pixels(canvas)
    drag(page, canvas, 33, -61, steps=7)
    canvas.press("+")
    assert pixels(canvas) != before
    if way == "Home":
        canvas.press("Home")
    else:
        canvas.dblclick()
    assert pixels(canvas) == before


def test_a_thousand_drags_do_not_deform_it(page, canvas):
    first = rotation_of(page)
    rng = np.random.default_rng(0)
    moves = rng.integers(-40, 41, size=(1000, 2)).tolist()
    send = """(canvas, moves) => moves.forEach(([movementX, movementY]) => canvas.dispatchEvent(
      new PointerEvent("pointermove", { buttons: 1, movementX, movementY })))"""
    canvas.evaluate(send, moves)
    expected = first
    for dx, dy in moves:
        expected = turned(expected, dy * PER_PIXEL, dx * PER_PIXEL)
    last = rotation_of(page)
    np.testing.assert_allclose(last, expected, atol=1e-11)
    np.testing.assert_allclose(last.T @ last, first.T @ first, atol=1e-12)
    np.testing.assert_allclose(first.T @ first, np.eye(3), atol=2e-3)  # it comes with three decimals


def test_the_picture_follows_the_colours_of_the_screen(page, canvas):
    before, rotation = pixels(canvas), rotation_of(page)
    canvas.press("ArrowLeft")
    canvas.press("ArrowRight")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("drawn.canvas.closest('dialog') && drawn.paper !== '#ffffff'")
    assert pixels(canvas) != before
    np.testing.assert_allclose(rotation_of(page), rotation, atol=1e-12)
