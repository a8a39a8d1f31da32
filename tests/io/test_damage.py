"""Damaged files give a FormatError or are still readable; never another error, whatever is damaged."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from ase.build import molecule
from ase.db import connect
from rdkit import Chem
from rdkit.Chem import AllChem

from tutti import io
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.io import FormatError, extxyz
from tutti.io.samples import read_samples

QM9 = (
    "2\ngdb 1"
    + "\t0.5" * 15
    + "\nH\t0\t0\t0\t0.1\nH\t0\t0\t7*^-1\t0.1\n4000.\n[HH]\t[HH]\nInChI=1S/H2\tInChI=1S/H2\n"
)
MOL2 = (
    "@<TRIPOS>MOLECULE\nacid\n4 3\nSMALL\nNO_CHARGES\n\n@<TRIPOS>ATOM\n1 C 0 0 0 C.2 1 A 0.1\n"
    "2 O 1.2 0 0 O.co2 1 A\n3 O -0.6 1.1 0 O.co2\n4 H -0.6 -0.9 0 H\n"
    "@<TRIPOS>BOND\n1 1 2 ar\n2 1 3 ar\n3 4 1 1\n"
)
N2P2 = (
    "begin\nlattice 9 0 0\nlattice 0 9 0\nlattice 0 0 9\natom 1 2 3 O 0 0 4 5 6\nenergy -1\ncharge 0\nend\n"
)
TEXTS = {"qm9.xyz": QM9, "input.data": N2P2, "x.mol2": MOL2}
WORDS = (
    b"nan",
    b"1e999",
    b"-1",
    b"Xx",
    b"\xff",
    b"\0",
    b"",
    b"\n",
    b" ",
    b'"',
    b"=",
    b"99999999999999999999",
    b"{",
    b"_JSON ",
)


def structures() -> Structures:
    rng = numpy_generator(0, "damage")
    return Structures(
        n_atoms=np.array([3, 2]),
        numbers=np.array([8, 1, 1, 6, 8], np.uint8),
        positions=rng.normal(size=(5, 3)),
        energy=rng.normal(size=2),
        forces=rng.normal(size=(5, 3)),
        cell=rng.normal(size=(2, 3, 3)),
        pbc=np.ones((2, 3), bool),
        columns={
            "homo": rng.normal(size=2),
            "smiles": np.array(["F", "C\\C"]),
            "moment": rng.normal(size=(2, 3)),
        },
        units={"homo": "eV"},
    )


def make(path: Path) -> None:
    if path.name == "ase.db":
        with connect(path) as database:
            database.write(molecule("H2O"), name="water")
    elif path.suffix == ".npz" and path.stem == "md17":
        np.savez(path, R=np.ones((2, 3, 3)), E=np.ones(2), F=np.ones((2, 3, 3)), z=np.array([8, 1, 1]))
    elif path.suffix == ".npz":
        structures().save(path)
    elif path.suffix == ".sdf":
        water = Chem.AddHs(Chem.MolFromSmiles("O"))
        AllChem.EmbedMolecule(water, randomSeed=0)
        to_block = Chem.MolToV3KMolBlock if "v3000" in path.name else Chem.MolToMolBlock
        path.write_text((to_block(water) + "$$$$\n") * 2)
    elif path.name in TEXTS:
        path.write_text(TEXTS[path.name] * 2)
    else:
        extxyz.write(path, structures())


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(len(data)))
    match rng.integers(3):
        case 0:
            return data[:start]
        case 1:
            return data[:start] + bytes([rng.integers(256)]) + data[start + 1 :]
        case _:
            stop = start + int(rng.integers(8))
            return data[:start] + WORDS[rng.integers(len(WORDS))] + data[stop:]


NAMES = [
    "a.extxyz",
    "a.extxyz.gz",
    "qm9.xyz",
    "v2000.sdf",
    "v3000.sdf",
    "md17.npz",
    "own.npz",
    "ase.db",
    "input.data",
    "x.mol2",
]


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files(tmp_path, name):
    path = tmp_path / name
    make(path)
    whole, rng, refused = path.read_bytes(), numpy_generator(0, "damage", NAMES.index(name)), 0
    io.read(path)
    for _ in range(250):
        path.write_bytes(damage(whole, rng))
        try:
            io.read(path)
        except FormatError as error:
            assert name in str(error)
            refused += 1
        with suppress(FormatError):
            read_samples([path])
    assert refused > 25
