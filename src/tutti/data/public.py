"""Public sets of energies and forces: what the kinds that download them share."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import ase
import numpy as np

from tutti.core.files import atomic_path, sha256
from tutti.core.npz import open_npz
from tutti.core.registry import closest
from tutti.core.structures import Structures
from tutti.core.units import factor
from tutti.data.download import Source, fetch
from tutti.io import label_units, plausibility

MOST_UNPACKED = 4 << 30
"""Bytes that an .npz may unpack to; the largest of MD17 has 0.4 GB."""
PER_ATOM = (-50.0, -0.1)
"""eV: energies of periodic structures whose inner electrons are left out."""
FORCES = (0.1, 10.0)
"""eV/Å, root mean square: at 300 to 3,000 K it is about 1 to 3, and other units are factors of 23 away."""


@dataclass(frozen=True, kw_only=True)
class Public:
    """Base of their configurations.

    Attributes:
        urls: own addresses, tried instead of the known ones.
        hash: "sha256:..." or "md5:..." of the file. Of some none is published: then the first file is taken
            whose contents are what they should be, and from then on only that one, see
            `tutti.data.download`. The file's SHA-256 stands in the `source` of the set.
        expected_frames: how many there must be; "published" for the published number, null to take what there
            is.
    """

    urls: tuple[str, ...] = ()
    hash: str | None = None
    expected_frames: int | Literal["published"] | None = "published"

    def fetch(self, known: Source, work: Path) -> Path:
        """Path of the file in `work`, from where the configuration says or else from where it is known to be.

        Raises:
            tutti.data.download.DownloadError: when it cannot be had.
        """
        return fetch(replace(known, urls=self.urls or known.urls, hash=self.hash or known.hash), work)

    def frames(self, published: int | None) -> int | None:
        """How many frames there must be, None for any number."""
        return published if self.expected_frames == "published" else self.expected_frames


@dataclass(frozen=True, kw_only=True)
class OfMolecule(Public):
    """Base of the configurations of sets with a file for each molecule.

    Attributes:
        molecule: a name of `MOLECULES`.

    Class attributes:
        MOLECULES: what there is, by name.
        LACKING: what is said of a molecule that there is not.

    Raises:
        ValueError: when there is no such molecule.
    """

    MOLECULES: ClassVar[Mapping[str, object]]
    LACKING: ClassVar[str]
    molecule: str

    def __post_init__(self) -> None:
        if self.molecule not in self.MOLECULES:
            raise ValueError(f"molecule: {self.LACKING}: {closest(self.molecule, self.MOLECULES)}")


def of_npz(path: Path, names: Mapping[str, str]) -> Structures:
    """One molecule's geometries with energies in kcal/mol and forces in kcal/mol/Å, converted to eV.

    Args:
        path: an .npz; nothing in it is unpickled.
        names: of its arrays `positions` [N, n, 3] (Å), `energy` [N] or [N, 1], `forces` [N, n, 3] and
            `numbers` [n].

    Raises:
        ValueError: when an array is missing or has another shape, or the archive unpacks to too much.
    """
    with open_npz(path) as archive:
        _refuse_bomb(path)
        missing = [name for name in names.values() if name not in archive]
        arrays = {role: archive[name] for role, name in names.items() if not missing}
    missing = missing or [name for role, name in names.items() if not isinstance(arrays[role], np.ndarray)]
    if missing:
        raise ValueError(f"{path}: no array {', '.join(missing)}")
    positions, numbers = arrays["positions"], arrays["numbers"]
    count, n = len(positions), len(numbers)
    shapes = {"positions": [(count, n, 3)], "forces": [(count, n, 3)], "energy": [(count,), (count, 1)]}
    for role, allowed in shapes.items():
        found = arrays[role]
        if found.shape not in allowed or found.dtype.kind != "f":
            expected = " or ".join(map(str, allowed))
            raise ValueError(
                f"{path}: {names[role]} is {found.dtype}{found.shape}, expected floats of shape {expected} "
                f"for {count} frames of {n} atoms"
            )
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise ValueError(f"{path}: {names['numbers']} is {numbers.dtype}{numbers.shape}, expected n integers")
    scale = factor("kcal/mol", "eV")
    return Structures(
        n_atoms=np.full(count, n, np.int64),
        numbers=np.tile(numbers.astype(np.uint8), count),
        positions=positions.reshape(-1, 3).astype(float),
        energy=arrays["energy"].reshape(-1) * scale,
        forces=arrays["forces"].reshape(-1, 3) * scale,
    )


def _refuse_bomb(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if sum(info.file_size for info in archive.infolist()) > MOST_UNPACKED:
            raise ValueError(f"refused: unpacks to more than {MOST_UNPACKED} bytes")


def check(structures: Structures, path: Path, formula: str, frames: int | None) -> None:
    """Refuse a set that is not the one it should be.

    Args:
        structures: with energies and forces.
        path: where they come from, for the messages.
        formula: of every structure.
        frames: how many there must be; None for any number but 0.

    Raises:
        ValueError: when there are too few or too many, one of them has other atoms, energies or forces are
            missing, or a number is not finite.
    """
    if not len(structures) or (frames is not None and len(structures) != frames):
        raise ValueError(f"{path}: {len(structures)} frames, expected {frames or 'at least one'}")
    expected = np.sort(ase.Atoms(formula).numbers)
    if (structures.n_atoms != len(expected)).any():
        i = int(np.argmax(structures.n_atoms != len(expected)))
        raise ValueError(
            f"{path}: frame {i} has {structures.n_atoms[i]} atoms, {formula} has {len(expected)}"
        )
    found = np.sort(structures.numbers.reshape(len(structures), -1), axis=1)
    if (found != expected).any():
        i = int(np.argmax((found != expected).any(axis=1)))
        raise ValueError(f"{path}: frame {i} is {ase.Atoms(found[i]).get_chemical_formula()}, not {formula}")
    for name in ("positions", "energy", "forces"):
        array = getattr(structures, name)
        if array is None:
            raise ValueError(f"{path}: has no {name}")
        finite = np.isfinite(array).reshape(len(structures), -1).all(axis=1)
        if not finite.all():
            raise ValueError(f"{path}: {name} of frame {int(np.argmin(finite))} are not finite")


def check_magnitudes(structures: Structures, path: Path) -> None:
    """Refuse a set of a trajectory whose numbers cannot be eV and Å.

    Energies of molecules are those of all electrons, within a factor of 2; bonds are as long as
    `tutti.io.plausibility` has them.

    Raises:
        ValueError: when lengths, energies or forces are of another magnitude.
    """
    rows = np.unique(np.linspace(0, len(structures) - 1, plausibility.STRUCTURES).astype(int))
    ratios = [ratio for ratio, *_ in plausibility.shortest(structures, rows)]
    numbers = structures.frame(0)[0]
    atoms = label_units.free_atoms_energy(numbers)
    in_crystal = tuple(len(numbers) * energy for energy in PER_ATOM)
    energies = (2 * atoms, atoms / 2) if structures.cell is None else in_crystal
    found = {
        "distances": (float(np.median(ratios)), plausibility.BONDED, "bond lengths"),
        "energies": (float(np.median(structures.energy)), energies, "eV"),
        "forces": (float(np.sqrt((structures.forces**2).mean())), FORCES, "eV/Å"),
    }
    for what, (value, (least, most), unit) in found.items():
        if not least <= value <= most:
            raise ValueError(
                f"{path}: {what} of {value:.3g} {unit}, expected {least:.3g} to {most:.3g}: another unit?"
            )


def check_periodic(structures: Structures, path: Path) -> None:
    """Refuse a set that is not periodic in three directions.

    Raises:
        ValueError: when a frame has no cell, one without volume, or open boundaries.
    """
    if structures.cell is None:
        raise ValueError(f"{path}: has no cells")
    closed = structures.pbc.all(axis=1) & (np.abs(np.linalg.det(structures.cell)) > 1e-6)
    if not closed.all():
        raise ValueError(f"{path}: frame {int(np.argmin(closed))} is not periodic in three directions")


def unpack(archive: Path, contents: Mapping[str, bytes], wanted: Sequence[str], folder: Path) -> list[Path]:
    """Write those of an archive's files that are wanted, and give their paths.

    Args:
        archive: for the messages.
        contents: of the files found, by name.
        wanted: names of all that are needed.
        folder: where they belong.

    Raises:
        ValueError: when one is missing.
    """
    missing = [name for name in wanted if name not in contents]
    if missing:
        raise ValueError(f"{archive}: holds no {', '.join(missing)}")
    for name in wanted:
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(contents[name])
    return [folder / name for name in wanted]


def with_source(structures: Structures, name: str, path: Path) -> Structures:
    """The set with `source` naming the file it was read from and that file's SHA-256."""
    return replace(structures, source=f"{name}, {path.name} sha256:{sha256(path)}")
