"""How the physics of force fields is looked at."""

from dataclasses import dataclass, field

from tutti.core.registry import require_positive


@dataclass(frozen=True)
class Scan:
    """A scan of a coordinate, in a file with energies.

    Attributes:
        path: of the file, in any format that Tutti reads.
        column: of the frames, the coordinate.
        where: only frames whose columns have these values, such as `{config_type: dihedral}`.
        units: of the file, where its format fixes none (see `tutti.io.read`).
        unit: of the coordinate, for the figure.
    """

    path: str
    column: str
    where: dict[str, str | int | float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    unit: str = ""


@dataclass(frozen=True)
class PhysicsConfig:
    """What the force fields of one dataset are asked.

    Attributes:
        frames: of the test split, evenly spaced, at which gradient, symmetries and cutoff are looked at.
        points: finite differences of the energy, spread over the frames.
        most_atoms: copies of a frame are made up to so many atoms.
        cutoff: Å, of calculators that do not say theirs; None: smoothness there is not looked at.
        scans: of the data's own coordinates, by name.
    """

    frames: int = 5
    points: int = 20
    most_atoms: int = 400
    cutoff: float | None = None
    scans: dict[str, Scan] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_positive(self, "frames", "points", "most_atoms", "cutoff")
