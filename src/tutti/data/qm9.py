"""QM9: 130,831 molecules of up to nine C, N, O and F with B3LYP/6-31G(2df,p) geometries and properties.

Ramakrishnan, Dral, Rupp and von Lilienfeld, Scientific Data 1, 140022 (2014), doi:10.1038/sdata.2014.22;
figshare collection 978904. Of its 133,885 molecules the 3,054 are left out whose relaxed geometry is another
molecule than the one it was started from (`uncharacterized.txt`).

Three mirrors have it: `qm9pack`, the first author's wheel on the Python package index; `figshare`, the
authors' files; `deepchem`, geometries rounded to four decimals and no SMILES. The first two give the same
arrays to the last bit. The small molecules ship; `python -m tutti.data.qm9 --help` remakes them.
"""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, get_args

import numpy as np
import typer
from tqdm import tqdm

from tutti import io
from tutti.core import properties, ragged
from tutti.core.structures import Structures
from tutti.core.units import factor
from tutti.data import qm9pack, shipped, wheel
from tutti.data.archives import extract, members
from tutti.data.download import DownloadError, Source, fetch
from tutti.data.shipped import EMBEDDED, ship
from tutti.io import qm9_xyz
from tutti.io.frames import pack
from tutti.io.text import FormatError, shown

WHEEL = "qm9pack-1.0.3-py3-none-any.whl"
ARCHIVE, UNCHARACTERIZED, DEEPCHEM = "dsgdb9nsd.xyz.tar.bz2", "uncharacterized.txt", "gdb9.tar.gz"
Mirror = Literal["qm9pack", "figshare", "deepchem"]


def _figshare(file: int) -> tuple[str, ...]:
    """Addresses of a figshare file; the last one answers programs with an empty HTTP 202 at times."""
    return (
        f"https://ndownloader.figshare.com/files/{file}",
        f"https://api.figshare.com/v2/file/download/{file}",
        f"https://springernature.figshare.com/ndownloader/files/{file}",
    )


# The MD5s of figshare's two files, from its metadata, are ad1ebd51ee7f5b3a6e32e974e5d54012 and
# a361887bacb427b8a0ce7903d92a53b4; that of gdb9.tar.gz is TorchDrug's.
SOURCES = {
    source.name: source
    for source in (
        Source(WHEEL, (), "sha256:1d88c2988007c6778e717ee3224cf511bd60e10732ebe3b7ed500ea5af05c9f0"),
        Source(
            ARCHIVE,
            (
                *_figshare(3195389),
                "https://s3-eu-west-1.amazonaws.com/pstorage-npg-968563215/3195389/dsgdb9nsd.xyz.tar.bz2",
                "https://paddle-org.bj.bcebos.com/paddlematerials/datasets/qm9/dsgdb9nsd.xyz.tar.bz2",
            ),
            "sha256:3a63848ac80691bdb8d41834b575afad345b9300d7a2db0c38adb7f6eaa8360c",
        ),
        Source(
            UNCHARACTERIZED,
            _figshare(3195404),
            "sha256:3aa5115d540b356de94791d4a74c3bf1ed91c469ecf52a4f5d7cc0506fe02e24",
        ),
        Source(
            DEEPCHEM,
            (
                "https://deepchemdata.s3-us-west-1.amazonaws.com/datasets/gdb9.tar.gz",
                "http://deepchem.io.s3-website-us-west-1.amazonaws.com/datasets/gdb9.tar.gz",
            ),
            "md5:560f62d8e6c992ca0cf8ed8d013f9131",
        ),
    )
}
MAX_BYTES = 1 << 30
"""The largest of the files has 104 MB."""
HEADER_LINES = 9
ATOMISATION = {"U0_atom": "U0", "U_atom": "U", "H_atom": "H", "G_atom": "G"}
FREE_ATOMS = {
    1: (-0.500273, -0.498857, -0.497912, -0.510927),
    6: (-37.846772, -37.845355, -37.844411, -37.861317),
    7: (-54.583861, -54.582445, -54.581501, -54.598897),
    8: (-75.064579, -75.063163, -75.062219, -75.079532),
    9: (-99.718730, -99.717314, -99.716370, -99.733544),
}
"""U0, U, H and G of the free atoms by atomic number, in Hartree: `atomref.txt` of the figshare collection."""


@dataclass(frozen=True, kw_only=True)
class Config(shipped.Recipe):
    """Which molecules of QM9, and where they come from; they may ship, see `tutti.data.shipped.Recipe`.

    Attributes:
        source: the one mirror to ask, "qm9pack", "figshare" or "deepchem"; None for one after the other until
            one answers.
        urls: own addresses by file name, tried instead of the known ones, and of the package index.
        hashes: own hashes ("sha256:..." or "md5:...") by file name, for other files than the public ones.
        expected_molecules: how many there must be in the end, before `heavy_atoms` is looked at; null to take
            what there is.
        heavy_atoms: only molecules of at most so many heavy atoms; None for all.
    """

    KIND: ClassVar[str] = "qm9"
    source: Mirror | None = None
    urls: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    expected_molecules: int | None = 130_831
    heavy_atoms: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = sorted({*self.urls, *self.hashes} - SOURCES.keys())
        if unknown:
            raise ValueError(
                f"urls, hashes: no file named {', '.join(unknown)}; known are {', '.join(SOURCES)}"
            )
        if self.heavy_atoms is not None and self.heavy_atoms < 1:
            raise ValueError(f"heavy_atoms is {self.heavy_atoms}, expected at least 1")
        if self.shipped and (self.source or self.urls or self.hashes):
            raise ValueError("what is 'shipped' is not downloaded: leave out source, urls and hashes, or it")

    def recipe(self) -> dict[str, object]:
        """See the base class; the mirror is no part of it."""
        return {"kind": self.KIND, "heavy_atoms": self.heavy_atoms}


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Download QM9 into `work` and write it to `path` (.npz of `Structures`); or unpack what ships.

    Columns: `id` (`gdb_000001` ...), the properties of `tutti.io.qm9_xyz.PROPERTIES` and the atomisation
    energies `U0_atom` ... `G_atom` (negative for bound molecules) in the units of `tutti.core.properties`;
    but from deepchem also `smiles`, of GDB-17. `source` is JSON: the file, its hash, and what was chosen. A
    mirror that cannot be used is named in a warning before the next is tried. `jobs` has no effect.

    Raises:
        tutti.data.download.DownloadError: when no mirror gave its files; it says what each answered.
        tutti.data.archives.ArchiveError, tutti.io.FormatError: when a file is not what it should be.
        ValueError: when molecules are missing.
        FileNotFoundError, ValueError: see `tutti.data.shipped.load`.
    """
    if config.shipped:
        shipped.load(config).save(path)
        return
    structures, name = _from_first_mirror(config, work)
    structures = _checked(structures, config.expected_molecules)
    if config.heavy_atoms is not None:
        structures = structures[_heavy_atoms(structures) <= config.heavy_atoms]
    origin = {**config.recipe(), "file": name, "hash": _source(config, name).hash}
    replace(_with_atomisation(structures), source=json.dumps(origin)).save(path)


def _from_first_mirror(config: Config, work: Path) -> tuple[Structures, str]:
    """The molecules of the first mirror that can be used, and the name of the file that has them."""
    readers: dict[Mirror, Callable[[Config, Path], tuple[Structures, str]]] = {
        "qm9pack": _from_qm9pack,
        "figshare": _from_figshare,
        "deepchem": _from_deepchem,
    }
    mirrors: tuple[Mirror, ...] = get_args(Mirror) if config.source is None else (config.source,)
    causes = []
    for mirror in mirrors:
        try:
            return readers[mirror](config, work)
        except DownloadError as error:
            causes.append(f"{mirror}: {error}")
            if len(mirrors) > 1:
                warnings.warn(f"QM9 is not to be had from {causes[-1]}", stacklevel=3)
    raise DownloadError("no mirror gave QM9\n" + "\n".join(causes))


def _from_qm9pack(config: Config, work: Path) -> tuple[Structures, str]:
    known = _source(config, WHEEL)
    return qm9pack.read(fetch(known, work) if known.urls else wheel.fetch(known, work)), WHEEL


def _from_figshare(config: Config, work: Path) -> tuple[Structures, str]:
    listed = _read_uncharacterized(_fetch(config, UNCHARACTERIZED, work))
    archive = _fetch(config, ARCHIVE, work)
    entries = tqdm(members(archive), desc=archive.name, unit=" files")
    molecules = [
        qm9_xyz.frame(text.decode().splitlines(), f"{archive}:{name}", 1)
        for name, text in entries
        if name.endswith(".xyz")
    ]
    if not molecules:
        raise ValueError(f"{archive}: holds no file named *.xyz")
    return _without(pack(molecules), listed), ARCHIVE


def _from_deepchem(config: Config, work: Path) -> tuple[Structures, str]:
    listed = _read_uncharacterized(_fetch(config, UNCHARACTERIZED, work))
    archive, digest = _fetch(config, DEEPCHEM, work), _source(config, DEEPCHEM).hash
    molecules = io.read(extract(archive, work / f"gdb9-{digest[-8:]}") / "gdb9.sdf")
    return _without(molecules, listed), DEEPCHEM


def _source(config: Config, name: str) -> Source:
    known = SOURCES[name]
    urls, digest = config.urls.get(name, known.urls), config.hashes.get(name, known.hash)
    return Source(name, urls, digest, max_bytes=MAX_BYTES)


def _fetch(config: Config, name: str, work: Path) -> Path:
    return fetch(_source(config, name), work)


def _read_uncharacterized(path: Path) -> set[int]:
    """The `gdb` indices, counted from 1, between the header and the closing line of the file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    indices = set()
    for line_number, line in enumerate(lines[HEADER_LINES:-1], HEADER_LINES + 1):
        index = line.split()[0] if line.strip() else ""
        if not index.isdigit():
            raise FormatError(f"{path}:{line_number}", "a line that starts with a gdb index", shown(line))
        indices.add(int(index))
    return indices


def _without(structures: Structures, listed: set[int]) -> Structures:
    """The molecules whose index `gdb` is not listed."""
    gdb = structures.columns["gdb"]
    absent = sorted(listed - set(gdb.tolist()))
    if absent:
        raise ValueError(f"{UNCHARACTERIZED} lists gdb {absent[:5]}, which the archive does not have")
    return structures[~np.isin(gdb, list(listed))]


def _checked(structures: Structures, expected: int | None) -> Structures:
    """The molecules in the order of their index, with the columns that are the same from all mirrors."""
    gdb = structures.columns["gdb"]
    if len(np.unique(gdb)) < len(gdb):
        raise ValueError("QM9: an index of gdb occurs twice")
    if expected is not None and len(gdb) != expected:
        raise ValueError(f"QM9: {len(gdb)} molecules without the uncharacterised, expected {expected}")
    structures = structures[np.argsort(gdb)]
    columns = dict(structures.columns)
    columns.pop("smiles_relaxed", None)  # figshare alone has it, and splits are of the set's digest
    ids = np.array([f"gdb_{index:06d}" for index in columns.pop("gdb")])
    return replace(structures, columns={"id": ids, **columns})


def _heavy_atoms(structures: Structures) -> np.ndarray:
    return np.bincount(ragged.owners(structures.n_atoms), structures.numbers > 1, minlength=len(structures))


def _with_atomisation(structures: Structures) -> Structures:
    """Add the energies relative to the free atoms (eV)."""
    unknown = sorted(set(structures.numbers.tolist()) - FREE_ATOMS.keys())
    if unknown:
        raise ValueError(f"QM9: no free atom is known of the atomic numbers {unknown}")
    free = np.full((max(FREE_ATOMS) + 1, len(ATOMISATION)), np.nan)
    free[list(FREE_ATOMS)] = list(FREE_ATOMS.values())
    energies = free[structures.numbers] * factor("Hartree", "eV")
    owners = ragged.owners(structures.n_atoms)
    columns = {}
    for i, (name, total) in enumerate(ATOMISATION.items()):
        atoms = np.bincount(owners, energies[:, i], minlength=len(structures))
        columns[name] = structures.columns[total] - atoms
    return structures.with_columns(units=properties.units(tuple(columns)), **columns)


def remake(heavy_atoms: int, work: Path) -> None:
    """Make the set of all molecules of up to HEAVY_ATOMS in folder WORK, put it among those that ship."""
    made = work / f"qm9_{heavy_atoms}.npz"
    make(Config(source="qm9pack", heavy_atoms=heavy_atoms), made, work, jobs=1)
    ship(made, EMBEDDED / made.name)


if __name__ == "__main__":
    typer.run(remake)
