"""QM9: 130,831 molecules of up to nine C, N, O and F with B3LYP/6-31G(2df,p) geometries and properties.

Ramakrishnan, Dral, Rupp and von Lilienfeld, Scientific Data 1, 140022 (2014), doi:10.1038/sdata.2014.22;
figshare collection 978904. Of its 133,885 molecules the 3,054 are left out whose relaxed geometry is another
molecule than the one it was started from (`uncharacterized.txt`).
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

from tutti import io
from tutti.core import properties
from tutti.core.elements import NUMBERS
from tutti.core.structures import Structures
from tutti.core.units import factor
from tutti.data.download import Source, extract, fetch, members
from tutti.io import qm9_xyz
from tutti.io.frames import pack
from tutti.io.text import FormatError, number, shown

ARCHIVE, UNCHARACTERIZED, ATOMREF = "dsgdb9nsd.xyz.tar.bz2", "uncharacterized.txt", "atomref.txt"
DEEPCHEM = "gdb9.tar.gz"


def _figshare(file: int) -> tuple[str, ...]:
    """Addresses of a figshare file; the last one answers programs with an empty HTTP 202 at times."""
    return (
        f"https://ndownloader.figshare.com/files/{file}",
        f"https://api.figshare.com/v2/file/download/{file}",
        f"https://springernature.figshare.com/ndownloader/files/{file}",
    )


# The MD5s of the first three files, from figshare's metadata, are ad1ebd51ee7f5b3a6e32e974e5d54012,
# a361887bacb427b8a0ce7903d92a53b4 and 2d30b2df8329d8fd805c0a4d158a0a0f; that of gdb9.tar.gz is TorchDrug's.
SOURCES = {
    source.name: source
    for source in (
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
        Source(ATOMREF, _figshare(3195395), "md5:2d30b2df8329d8fd805c0a4d158a0a0f"),
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
HEADER_LINES = 9
ATOMREF_COLUMNS = ("zpve", "U0", "U", "H", "G", "Cv")
ATOMISATION = {"U0_atom": "U0", "U_atom": "U", "H_atom": "H", "G_atom": "G"}


@dataclass(frozen=True)
class Config:
    """Where QM9 comes from.

    Attributes:
        source: "figshare", the authors' files; or "deepchem", geometries rounded to four decimals and no
            SMILES, for networks that figshare refuses.
        urls: own addresses by file name, tried instead of the known ones.
        hashes: own hashes ("sha256:..." or "md5:...") by file name, for other files than the public ones.
        expected_molecules: how many there must be in the end; null to take what there is.
    """

    source: Literal["figshare", "deepchem"] = "figshare"
    urls: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    expected_molecules: int | None = 130_831

    def __post_init__(self) -> None:
        unknown = sorted({*self.urls, *self.hashes} - SOURCES.keys())
        if unknown:
            raise ValueError(
                f"urls, hashes: no file named {', '.join(unknown)}; known are {', '.join(SOURCES)}"
            )


def make(config: Config, path: Path, work: Path, jobs: int) -> None:
    """Download QM9 into `work` and write it to `path` (.npz of `Structures`).

    Columns: `id` (`gdb_000001` ...), the properties of `tutti.io.qm9_xyz.PROPERTIES` and the atomisation
    energies `U0_atom` ... `G_atom` (negative for bound molecules) in the units of `tutti.core.properties`;
    from figshare also `smiles` (of GDB-17) and `smiles_relaxed`. The archive is read once from front to end,
    so that `jobs` has no effect.

    Raises:
        tutti.data.download.DownloadError: when a file cannot be had.
        tutti.data.download.ArchiveError, tutti.io.FormatError: when a file is not what it should be.
        ValueError: when molecules are missing.
    """
    listed = _read_uncharacterized(_fetch(config, UNCHARACTERIZED, work))
    references = _read_atomref(_fetch(config, ATOMREF, work))
    name = ARCHIVE if config.source == "figshare" else DEEPCHEM
    archive, digest = _fetch(config, name, work), _source(config, name).hash
    if config.source == "figshare":
        structures = _from_archive(archive)
    else:
        structures = io.read(extract(archive, work / f"gdb9-{digest[-8:]}") / "gdb9.sdf")
    structures = _select(structures, listed, config.expected_molecules)
    structures = _with_atomisation(structures, references)
    replace(structures, source=f"QM9 without {UNCHARACTERIZED}, {name} {digest}").save(path)


def _source(config: Config, name: str) -> Source:
    known = SOURCES[name]
    return Source(name, config.urls.get(name, known.urls), config.hashes.get(name, known.hash))


def _fetch(config: Config, name: str, work: Path) -> Path:
    return fetch(_source(config, name), work)


def _from_archive(archive: Path) -> Structures:
    """All molecules of dsgdb9nsd.xyz.tar.bz2, with their index in the column `gdb`."""
    entries = tqdm(members(archive), desc=archive.name, unit=" files")
    molecules = [
        qm9_xyz.frame(text.decode().splitlines(), f"{archive}:{name}", 1)
        for name, text in entries
        if name.endswith(".xyz")
    ]
    if not molecules:
        raise ValueError(f"{archive}: holds no file named *.xyz")
    return pack(molecules)


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


def _read_atomref(path: Path) -> np.ndarray:
    """[256, len(ATOMREF_COLUMNS)] values of the free atoms by atomic number, as in the file; else NaN."""
    table = np.full((256, len(ATOMREF_COLUMNS)), np.nan)
    for line_number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        symbol, *cells = line.split() or [""]
        if symbol not in NUMBERS:
            continue
        if len(cells) != len(ATOMREF_COLUMNS):
            raise FormatError(
                f"{path}:{line_number}", f"{', '.join(ATOMREF_COLUMNS)} of {symbol}", shown(line)
            )
        table[NUMBERS[symbol]] = [number(cell, f"{path}:{line_number}") for cell in cells]
    return table


def _select(structures: Structures, listed: set[int], expected: int | None) -> Structures:
    """The molecules that are not listed, in the order of their index, with the column `id` for `gdb`."""
    gdb = structures.columns["gdb"]
    if len(np.unique(gdb)) < len(gdb):
        raise ValueError("QM9: an index of gdb occurs twice")
    absent = sorted(listed - set(gdb.tolist()))
    if absent:
        raise ValueError(f"{UNCHARACTERIZED} lists gdb {absent[:5]}, which the archive does not have")
    order = np.argsort(gdb)
    structures = structures[order[~np.isin(gdb[order], list(listed))]]
    if expected is not None and len(structures) != expected:
        raise ValueError(f"QM9: {len(structures)} molecules after the filter, expected {expected}")
    columns = dict(structures.columns)
    ids = np.array([f"gdb_{index:06d}" for index in columns.pop("gdb")])
    return replace(structures, columns={"id": ids, **columns})


def _with_atomisation(structures: Structures, references: np.ndarray) -> Structures:
    """Add the energies relative to the free atoms (eV); `references` has those in Hartree."""
    free = references[structures.numbers] * factor("Hartree", "eV")
    unknown = np.unique(structures.numbers[np.isnan(free).any(axis=1)])
    if len(unknown):
        raise ValueError(f"{ATOMREF} has no row for the atomic numbers {unknown.tolist()}")
    owner = np.repeat(np.arange(len(structures)), structures.n_atoms)
    columns = {}
    for name, total in ATOMISATION.items():
        atoms = np.bincount(owner, free[:, ATOMREF_COLUMNS.index(total)], minlength=len(structures))
        columns[name] = structures.columns[total] - atoms
    return structures.with_columns(units=properties.units(tuple(columns)), **columns)
