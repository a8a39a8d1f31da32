"""Ball-and-stick pictures of molecules: an orthographic ray caster for spheres and cylinders."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from ase.data import covalent_radii
from ase.data.colors import jmol_colors
from matplotlib.colors import to_rgb

BALL, BALL_OFFSET = 0.34, 0.14  # radius of a ball = BALL x covalent radius + BALL_OFFSET, Å
STICK = {1: 0.09, 2: 0.06, 3: 0.05}  # radius by number of parallel sticks, Å
SPACING = {1: 0.0, 2: 0.25, 3: 0.2}  # between the axes of parallel sticks, Å
DASHES = 4  # in the second stick of an aromatic bond
STICK_COLOUR, OUTLINE = np.array(to_rgb("#A3A3A3")), np.array(to_rgb("#2B2B2B"))
# The usual CPK hues, toned for a white page; other elements in Jmol's colours.
COLOURS = {1: "#F5F5F5", 6: "#505458", 7: "#3F66D8", 8: "#DE3B30", 9: "#6CC04A", 16: "#E6C229", 17: "#2FA84F"}
BOND_TOLERANCE = 1.25  # two atoms count as bonded within this times the sum of their covalent radii
TILT = np.deg2rad(20)  # flat molecules are then not seen exactly from above
LIGHT = np.array([-0.42, 0.55, 0.72]) / np.linalg.norm([-0.42, 0.55, 0.72])
VIEWER = np.array([0.0, 0.0, 1.0])
HALFWAY = (LIGHT + VIEWER) / np.linalg.norm(LIGHT + VIEWER)
FOG = 0.3  # how much of its colour the farthest atom loses
EDGE = 0.3  # jump in depth that gets an outline, Å
OVERSAMPLING = 3

Bond = tuple[int, int, float]


def ball_radii(numbers: np.ndarray) -> np.ndarray:
    """[n] radii of the balls, Å."""
    return BALL * covalent_radii[numbers] + BALL_OFFSET


def colour_of(number: int) -> np.ndarray:
    """[3] colour of an element's balls (RGB, 0 ... 1); beyond Jmol's that of its last."""
    return np.array(to_rgb(COLOURS.get(number, tuple(jmol_colors[min(number, len(jmol_colors) - 1)]))))


def principal_rotation(positions: np.ndarray) -> np.ndarray:
    """[3, 3] rotation of positions [n, 3]: x becomes the longest axis, z (towards the viewer) the shortest.

    A proper rotation, so that mirror images stay apart, with a fixed tilt.
    """
    axes = np.linalg.svd(positions - positions.mean(axis=0), full_matrices=True)[2]
    # An axis is known up to its sign: let the largest component be positive.
    axes *= np.sign(axes[np.arange(3), np.abs(axes).argmax(axis=1)])[:, None]
    axes[2] *= np.sign(np.linalg.det(axes))
    tilt = np.array([[1, 0, 0], [0, np.cos(TILT), -np.sin(TILT)], [0, np.sin(TILT), np.cos(TILT)]])
    return tilt @ axes


def principal_view(positions: np.ndarray) -> np.ndarray:
    """Positions [n, 3] (Å) centred and turned by `principal_rotation`."""
    view = positions @ principal_rotation(positions).T
    return view - (view.max(axis=0) + view.min(axis=0)) / 2


def bonds_by_distance(numbers: np.ndarray, positions: np.ndarray) -> list[Bond]:
    """Single bonds (i, j, 1) between atoms closer than 1.25 times the sum of their covalent radii."""
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    reach = BOND_TOLERANCE * (covalent_radii[numbers][:, None] + covalent_radii[numbers][None])
    first, second = np.nonzero(np.triu(distances < reach, k=1))
    return [(i, j, 1.0) for i, j in zip(first.tolist(), second.tolist(), strict=True)]


def ball_and_stick(
    numbers: np.ndarray, view: np.ndarray, bonds: Iterable[Bond], half_width: float, size: int
) -> np.ndarray:
    """Picture [size, size, 4] (RGBA, 0 ... 1, transparent background) of a square of 2 x `half_width` Å.

    Args:
        numbers: [n] atomic numbers.
        view: [n, 3] positions, Å: x to the right, y up, z towards the viewer.
        bonds: (i, j, order); order 1.5 is drawn as a full and a dashed stick.
        half_width: half the side of the square, Å.
        size: pixels of a side.
    """
    canvas = _Canvas(half_width, size * OVERSAMPLING)
    for centre, radius, number in zip(view, ball_radii(numbers), numbers.tolist(), strict=True):
        canvas.sphere(centre, radius, colour_of(number))
    bonds = list(bonds)
    for first, second, order in bonds:
        inwards = _inwards(view, bonds, first, second) if order == 1.5 else np.zeros(3)
        for start, end, radius in _sticks(view[first], view[second], order, inwards):
            canvas.cylinder(start, end, radius)
    return canvas.picture()


def _inwards(view: np.ndarray, bonds: Iterable[Bond], first: int, second: int) -> np.ndarray:
    """Direction from an aromatic bond towards its ring: where its ends' other aromatic partners are."""
    ends = {first, second}
    partners = [({i, j} - ends).pop() for i, j, order in bonds if order == 1.5 and len({i, j} & ends) == 1]
    return view[partners].sum(axis=0) - len(partners) * (view[first] + view[second]) / 2


def _sticks(
    start: np.ndarray, end: np.ndarray, order: float, inwards: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """(start, end, radius) of the cylinders of one bond, side by side as the viewer sees them."""
    n = min(max(int(np.ceil(order)), 1), 3)
    sideways = np.array([start[1] - end[1], end[0] - start[0], 0.0])
    sideways /= max(np.linalg.norm(sideways), 1e-9)
    if sideways @ inwards < 0:
        sideways = -sideways
    for k in range(n):
        shift = (k - (n - 1) / 2) * SPACING[n] * sideways
        dashed = order == 1.5 and k == 1
        cuts = np.linspace(0, 1, 2 * DASHES) if dashed else np.array([0.0, 1.0])
        for low, high in zip(cuts[::2], cuts[1::2], strict=True):
            yield start + low * (end - start) + shift, start + high * (end - start) + shift, STICK[n]


class _Canvas:
    """Colour and depth of the nearest surface at each pixel."""

    def __init__(self, half_width: float, pixels: int) -> None:
        self.x = (np.arange(pixels) + 0.5) * 2 * half_width / pixels - half_width
        self.depth = np.full((pixels, pixels), -np.inf)
        self.colour = np.zeros((pixels, pixels, 3))

    def sphere(self, centre: np.ndarray, radius: float, colour: np.ndarray) -> None:
        box, x, y = self._box([centre], radius)
        dx, dy = x - centre[0], y - centre[1]
        squared = radius**2 - dx**2 - dy**2
        height = np.sqrt(np.maximum(squared, 0))
        normals = np.stack(np.broadcast_arrays(dx, dy, height), axis=-1) / radius
        self._paint(box, np.where(squared > 0, centre[2] + height, -np.inf), normals, colour)

    def cylinder(self, start: np.ndarray, end: np.ndarray, radius: float) -> None:
        length = np.linalg.norm(end - start)
        across = 1 - ((end - start)[2] / max(length, 1e-9)) ** 2
        if across < 1e-6:  # seen along its axis it is hidden behind its ball
            return
        axis = (end - start) / length
        box, x, y = self._box([start, end], radius)
        offset = np.stack(
            [*np.broadcast_arrays(x - start[0], y - start[1]), np.zeros((len(y), x.shape[1]))], axis=-1
        )
        along = offset @ axis
        # The line of sight offset + t z meets the cylinder where its distance from the axis is `radius`.
        half_b = -along * axis[2]
        discriminant = half_b**2 - across * ((offset**2).sum(-1) - along**2 - radius**2)
        t = (-half_b + np.sqrt(np.maximum(discriminant, 0))) / across
        position = along + t * axis[2]
        inside = (discriminant > 0) & (position >= 0) & (position <= length)
        offset[..., 2] = t
        normals = (offset - position[..., None] * axis) / radius
        self._paint(box, np.where(inside, start[2] + t, -np.inf), normals, STICK_COLOUR)

    def picture(self) -> np.ndarray:
        """The pixels with fog, outlines and smooth edges."""
        n = len(self.x) // OVERSAMPLING
        picture = np.zeros((n, n, 4))
        solid = np.isfinite(self.depth)
        if solid.any():
            rows, columns = (_reached(solid.any(axis=axis)) for axis in (1, 0))
            within = tuple(slice(s.start * OVERSAMPLING, s.stop * OVERSAMPLING) for s in (rows, columns))
            picture[rows, columns] = _smooth(*_finished(self.depth[within], self.colour[within]))
        return picture[::-1]

    def _box(
        self, points: Sequence[np.ndarray], radius: float
    ) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
        """Rows and columns that a body within `radius` of the points can touch, with their x and y."""
        low, high = np.min(points, axis=0) - radius, np.max(points, axis=0) + radius
        columns = slice(*np.searchsorted(self.x, [low[0], high[0]]))
        rows = slice(*np.searchsorted(self.x, [low[1], high[1]]))
        return (rows, columns), self.x[None, columns], self.x[rows, None]

    def _paint(
        self, box: tuple[slice, slice], depth: np.ndarray, normals: np.ndarray, colour: np.ndarray
    ) -> None:
        """Put a surface where it is the nearest; Blinn and Phong's shading."""
        nearer = depth > self.depth[box]
        normals = normals[nearer]
        shine = np.clip(normals @ HALFWAY, 0, 1)
        for _ in range(3):
            shine *= shine
        shine *= shine**4  # the 40th power
        shaded = colour * (0.5 + 0.55 * np.clip(normals @ LIGHT, 0, 1)[:, None]) + 0.35 * shine[:, None]
        self.depth[box][nearer] = depth[nearer]
        self.colour[box][nearer] = np.clip(shaded, 0, 1)


def _reached(solid: np.ndarray) -> slice:
    """Pixels of the picture that what is solid [OVERSAMPLING x pixels], or its outline, touches."""
    places = np.flatnonzero(solid)
    first, last = places[0] - OVERSAMPLING, places[-1] + OVERSAMPLING
    return slice(max(0, first // OVERSAMPLING), min(len(solid), last + 1) // OVERSAMPLING + 1)


def _finished(depth: np.ndarray, colour: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours with fog and outlines, 0 beside them, and where there are any: what is solid, and outlines."""
    solid = np.isfinite(depth)
    low, high = depth[solid].min(), depth[solid].max()
    fade = FOG * ((high - depth[solid]) / max(high - low, 2.0))[:, None]
    shown = np.zeros(colour.shape)
    shown[solid] = colour[solid] * (1 - fade) + fade
    edge = _edges(depth, solid)
    shown[edge] = OUTLINE
    return shown, solid | edge


def _edges(depth: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Pixels just outside a surface that is nearer than their own by more than `EDGE`."""
    width = OVERSAMPLING - 1
    padded = np.pad(depth, width, constant_values=-np.inf)
    n_rows, n_columns = depth.shape
    nearest = depth
    for i in range(-width, width + 1):
        for j in range(-width, width + 1):
            if i * i + j * j <= width * width:
                shifted = padded[width + i : width + i + n_rows, width + j : width + j + n_columns]
                nearest = np.maximum(nearest, shifted)
    return np.isfinite(nearest) & (nearest > np.where(solid, depth, -1e9) + EDGE)


def _smooth(colour: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """[n, m, 4] means over blocks of colours [OVERSAMPLING x n, OVERSAMPLING x m, 3], 0 where none is."""
    covered = _block_sums(shown[..., None].astype(float))
    return np.clip(
        np.concatenate([_block_sums(colour) / np.maximum(covered, 1e-9), covered / OVERSAMPLING**2], axis=-1),
        0,
        1,
    )


def _block_sums(values: np.ndarray) -> np.ndarray:
    rows = sum(values[i::OVERSAMPLING] for i in range(OVERSAMPLING))
    return sum(rows[:, i::OVERSAMPLING] for i in range(OVERSAMPLING))
