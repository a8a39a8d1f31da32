"""SD files, archives, databases and folders, malformed or merely unusual, of good molecules."""

import gzip
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from corpus_case import GOOD, Case, good, judged, unreadable, xyz
from geometries import Geometry, known

from tutti.core.elements import SYMBOLS
from tutti.core.structures import Structures

TEXT = "".join(map(xyz, GOOD.values())).encode()


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _sdf()
    yield from _npz()
    yield from _folders()
    for name, file, contents, error in _hopeless():
        yield Case(name, "not what the file's name says", {file: contents}, error=error)


def _hopeless() -> Iterator[tuple[str, str, bytes, str]]:
    """Name, file name, contents, and the error."""
    yield "text as gzip", "s.xyz.gz", TEXT, r"s\.xyz\.gz:1: expected a complete gzip file"
    yield "empty gzip", "s.xyz.gz", b"", r"s\.xyz\.gz:1: expected a structure"
    yield "empty sdf", "s.sdf", b"", r"s\.sdf:1: expected a structure"
    yield "text as sdf", "s.sdf", b"Dear reader,\n" * 9, r"s\.sdf:10: expected 'M  END'"
    yield "text as npz", "s.npz", TEXT, r"s\.npz: expected a readable \.npz archive"
    yield "empty npz", "s.npz", b"", r"s\.npz: expected a readable \.npz archive"
    objects = _archive(positions=np.array([[[0.0] * 3], None], dtype=object), numbers=np.array([1]))
    yield "npz of objects", "s.npz", objects, r"s\.npz: expected arrays of numbers, found Python objects"
    yield "npz of other things", "s.npz", _archive(a=np.zeros(3)), r"s\.npz: expected an array of positions"
    flat = _archive(positions=np.zeros((4, 3)), numbers=np.ones(4, int))
    yield "npz of one frame", "s.npz", flat, r"s\.npz: expected positions \[frames, atoms, 3\]"
    yield "text as db", "s.db", TEXT, r"s\.db: expected an ASE database"
    yield "other suffix", "s.other", TEXT, r"expected files named .* found '.other'"
    yield "other text", "s.pdb", TEXT, r"expected a structure, found the end of the file"


def _archive(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _record(geometry: Geometry, title: str = "") -> str:
    """A V2000 record without bonds, as OpenBabel writes them of samples."""
    numbers, positions = geometry
    rows = [
        f"{x:10.4f}{y:10.4f}{z:10.4f} {SYMBOLS[number]:<3} 0  0  0  0  0  0  0  0  0  0  0  0"
        for number, (x, y, z) in zip(numbers.tolist(), positions.tolist(), strict=True)
    ]
    counts = f"{len(rows):3d}  0  0  0  0  0  0  0  0  0999 V2000"
    return "\n".join([title, "  Tutti   01012600003D", "", counts, *rows, "M  END", "$$$$", ""])


def _sdf() -> Iterator[Case]:
    """A bad record after the second of the good ones; the coordinates of all have four digits."""
    records = list(map(_record, GOOD.values()))
    before, water = "".join(records[:2]), _record(known("H2O"), "water")
    atom = water.splitlines()[5]
    for name, why, bad, line, message in (
        ("without M END", "who knows where it ends", water.replace("M  END\n", ""), 8, "expected 'M  END'"),
        ("count too large", "M END is no atom", water.replace("  3  0", "  4  0"), 8, "three coordinates"),
        ("count of letters", "no count", water.replace("  3  0", "abc  0"), 1, "a V2000 or V3000 record"),
        ("2D", "a drawing", water.replace("003D", "002D"), 2, "three-dimensional"),
        (
            "nan",
            "not a number of SD files",
            water.replace(atom, "       nan" + atom[10:]),
            6,
            "three coordinates",
        ),
        ("element Xx", "none", water.replace(" H  ", " Xx ", 1), 6, "three coordinates and an element"),
        ("dummy", "an atom of no element", water.replace(" H  ", " *  ", 1), 6, "a chemical element"),
        (
            "without $$$$",
            "two records in one",
            water.replace("$$$$\n", "") + water,
            16,
            "between two records",
        ),
        ("text", "no record", "Dear reader\n\n$$$$\n", 3, "expected 'M  END'"),
    ):
        expected = good()
        expected.insert(2, unreadable(message, before.count("\n") + line))
        text = before + bad + "".join(records[2:])
        yield Case(f"sdf {name}", why, {"samples.sdf": text.encode()}, expected)
    text = "".join(records)
    packed = gzip.compress(
        text.encode(), compresslevel=0, mtime=0
    )  # stored, so that a cut is one of the text
    cut = packed[: packed.index(text.encode()) + len(text) - 20]
    line = text.count("\n") - 2
    expected = [*good(*list(GOOD)[:-1]), unreadable("expected a complete gzip file", line)]
    yield Case("sdf gzip cut", "in the last record", {"s.sdf.gz": cut}, expected)
    yield Case("sdf crlf", "line ends of Windows", {"s.sdf": text.replace("\n", "\r\n").encode()}, good())
    yield Case("sdf latin-1", "a title", {"s.sdf": _record(GOOD["CH4"], "é").encode("latin-1")}, good("CH4"))
    heavy = _record(GOOD["CH4"]).replace(" H  ", " D  ")
    yield Case("sdf deuterium", "D is hydrogen in SD files", {"s.sdf": heavy.encode()}, good("CH4"))


def _npz() -> Iterator[Case]:
    """Archives of this package, of MD17 and of anybody."""
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        Structures.from_frames(list(GOOD.values())).save(file.name)
        own = Path(file.name).read_bytes()
    yield Case("npz", "of this package", {"s.npz": own}, good())
    yield Case("npz cut", "no complete zip", {"s.npz": own[:-30]}, error=r"s\.npz: expected a readable")
    numbers, positions = GOOD["CH4"]
    frames = np.stack([positions, positions])
    results = {"E": np.zeros(2), "F": np.zeros_like(frames)}
    md17 = _archive(R=frames, z=numbers, **results)
    yield Case("npz of md17", "known names", {"s.npz": md17}, good("CH4", "CH4"))
    energies = _archive(positions=frames, numbers=numbers, energy=np.zeros((7, 7)), more=np.array([None]))
    yield Case("npz with more", "energies are not looked at", {"s.npz": energies}, good("CH4", "CH4"))
    each = np.tile(numbers, (5, 1)).astype(float)
    each[1, 0], each[2, 1], each[3, 2] = 119, 0, 1.5
    found = ("119", "0", "1.5")
    expected = [unreadable(f"expected atomic numbers from 1 to 118, found {text}") for text in found]
    archive = _archive(positions=np.stack([positions] * 5), numbers=each)
    yield Case(
        "npz of elements", "three of no elements", {"s.npz": archive}, [*good("CH4"), *expected, *good("CH4")]
    )
    empty = _archive(positions=np.zeros((2, 0, 3)), numbers=np.zeros(0, int))
    yield Case("npz of no atoms", "two frames of none", {"s.npz": empty}, [judged("no_atoms")] * 2)


def _folders() -> Iterator[Case]:
    """Several files, in natural order."""
    frames = {
        f"s{i}.xyz": xyz(geometry).encode()
        for i, geometry in zip((1, 2, 10, 11, 100), GOOD.values(), strict=True)
    }
    yield Case("natural order", "s2 before s10", dict(sorted(frames.items())), good())
    bad = {
        "s3.npz": (b"PK", unreadable("expected a readable .npz archive")),
        "s4.xyz": (b"", unreadable("expected a structure", 1)),
        "s5.xyz": (b"-1\n\n" * 3, unreadable("expected the number of atoms", 1)),
        "s6.sdf": (_record(known("H2O")).encode()[:60], unreadable("expected 'M  END'", 5)),
        "s7.xyz.gz": (b"1\n\nH 0 0 0\n", unreadable("expected a complete gzip file", 1)),
    }
    files = frames | {name: contents for name, (contents, _) in bad.items()}
    files |= {"README.md": b"not a sample", ".s1.xyz": b"hidden"}
    expected = [*good(*list(GOOD)[:2]), *(item for _, item in bad.values()), *good(*list(GOOD)[2:])]
    yield Case("mixed folder", "each broken file is one sample", files, expected)
