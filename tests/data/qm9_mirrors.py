"""The mirrors of QM9, made of eleven of its molecules: rows of the wheel's CSV files, `qm9_rows/`, unchanged.

What the other mirrors have of these molecules is written here anew, with the digits that QM9 has.
"""

import ast
import csv
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

from tutti.data import qm9

ROWS = Path(__file__).parent / "qm9_rows"
CSV_FILES = {path.name: path.read_text() for path in sorted(ROWS.glob("*.csv"))}
MOLECULES = {
    int(row["Index"]): row for text in CSV_FILES.values() for row in csv.DictReader(io.StringIO(text))
}
"""Rows by index."""

# Two more that the wheel does not have: they stand in the list of uncharacterised molecules.
LISTED = {
    index: MOLECULES[2] | {"Index": str(index), "XYZ_file": f"dsgdb9nsd_{index:06d}.xyz"}
    for index in (6, 50_000)
}
EVERYTHING = MOLECULES | LISTED
VALUES = list(MOLECULES[1])[10:]
"""Names of the fifteen properties, in the order in which all mirrors have them."""
RULE = "=" * 105


def atoms(row):
    """(symbol, [x, y, z], charge) of every atom."""
    cells = (ast.literal_eval(row[name]) for name in ("Elements", "XYZ_Ang", "Mulliken_pop"))
    return list(zip(*cells, strict=True))


def mathematica(value):
    """A float as QM9's files have it, `1.5*^-6`."""
    return repr(float(value)).replace("e", "*^").replace("^-0", "^-")


def xyz_file(row):
    lines = [row["N_atoms"], "\t".join([f"gdb {row['Index']}", *map(mathematica, map(row.get, VALUES)), ""])]
    lines += ["\t".join([symbol, *map(mathematica, [*xyz, charge])]) for symbol, xyz, charge in atoms(row)]
    lines.append("\t".join(map(mathematica, ast.literal_eval(row["Harmonic_Freq_cmi"]))))
    lines += [f"{row['SMILES']}\t{row['SMILES']}", f"{row['InChi']}\t{row['InChi']}"]
    return "\n".join(lines) + "\n"


def sdf_record(row):
    """V2000 record with the four decimals of gdb9.sdf."""
    lines = [f"{x:10.4f}{y:10.4f}{z:10.4f} {symbol:<3} 0  0" for symbol, (x, y, z), _ in atoms(row)]
    counts = f"{len(lines):3d}  0  0  0  0  0  0  0  0  0999 V2000"
    title = [f"gdb_{row['Index']}", "  -OEChem-03231823243D", "", counts]
    return "\n".join([*title, *lines, "M  END", "$$$$", ""])


def sdf_table(rows):
    names = "mol_id,A,B,C,mu,alpha,homo,lumo,gap,r2,zpve,u0,u298,h298,g298,cv"
    lines = [f"gdb_{row['Index']},{','.join(map(row.get, VALUES))},-1,-2,-3,-4" for row in rows]
    return "\n".join([names + ",u0_atom,u298_atom,h298_atom,g298_atom", *lines, ""])


def uncharacterized(*indices):
    header = [RULE, "3054 molecules", *["header"] * 6, RULE]
    return "\n".join([*header, *(f"{i:>6}  C#N  InChI=1S/x  InChI=1S/y" for i in indices), RULE, ""])


def wheel(files=CSV_FILES):
    """Bytes of a wheel with these files that pip takes for qm9pack 1.0.3."""
    info = "qm9pack-1.0.3.dist-info"
    metadata = {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: qm9pack\nVersion: 1.0.3\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {f"qm9pack/data/{name}": text for name, text in files.items()}.items():
            archive.writestr(name, text)
        for name, text in metadata.items():
            archive.writestr(name, text)
    return buffer.getvalue()


class Mirrors:
    """A folder that a local server serves, and the configuration that points at it."""

    def __init__(self, folder, address):
        self.folder, self.address, self.hashes = folder, address, {}
        self.put(qm9.WHEEL, wheel())
        self.put(qm9.UNCHARACTERIZED, uncharacterized(*LISTED).encode())
        # Not in the order of the indices.
        rows = [EVERYTHING[index] for index in sorted(EVERYTHING, key=str)]
        self.put_tar(qm9.ARCHIVE, {row["XYZ_file"]: xyz_file(row) for row in rows})
        files = {"gdb9.sdf": "".join(map(sdf_record, rows)), "gdb9.sdf.csv": sdf_table(rows)}
        self.put_tar(qm9.DEEPCHEM, files)

    def put(self, name, contents):
        (self.folder / name).write_bytes(contents)
        self.hashes[name] = "sha256:" + hashlib.sha256(contents).hexdigest()

    def put_tar(self, name, files):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=f"w:{name.rpartition('.')[2]}") as tar:
            for member, text in files.items():
                entry = tarfile.TarInfo(member)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        self.put(name, buffer.getvalue())

    def config(self, **options):
        urls = {name: (f"{self.address}/{name}",) for name in qm9.SOURCES}
        options = {"urls": urls, "hashes": self.hashes, "expected_molecules": len(MOLECULES)} | options
        return qm9.Config(**options)
