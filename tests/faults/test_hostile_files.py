"""Hostile files that cost seconds, and thousands of damaged ones: bounded memory and time, a line each."""

import gzip
import re
from collections import Counter
from pathlib import Path

import ase
import ase.db
import ase.io
import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import AllChem

from hostile_files import COSTLY, outcome
from tutti import io
from tutti.core.structures import Structures

pytestmark = pytest.mark.faults

NUMBER = 5000
LIMIT, SECONDS = 2.0, 60
NAMES = [
    *("a.xyz", "a.extxyz", "a.extxyz.gz", "v2000.sdf", "v3000.sdf", "a.mol2", "a.pdb", "a.cif", "md17.npz"),
    *("own.npz", "a.pt", "a.db", "a.traj", "a.data"),
]


@pytest.mark.parametrize("samples", [False, True])
@pytest.mark.parametrize("hostile", COSTLY, ids=lambda hostile: hostile.what)
def test_costly_files_end_in_a_line(tmp_path, hostile, samples):
    path = tmp_path / hostile.name
    hostile.make(path)
    found = outcome(path, samples, LIMIT)
    path.unlink()
    print(f"{hostile.what}: {found.peak:.0f} MB, {found.seconds:.1f} s: {found.text[-200:]}")
    assert found.expected, found
    assert found.peak < 1050 * LIMIT
    assert re.search((samples and hostile.samples) or hostile.said, found.text)


def test_thousands_of_damaged_files(tmp_path, rng):
    whole = {name: _whole(tmp_path / name) for name in NAMES}
    worst, slowest, ends, wrong = 0.0, 0.0, Counter(), []
    for i in range(NUMBER):
        name = NAMES[i % len(NAMES)]
        path = tmp_path / name
        path.write_bytes(_mutilated(whole[name], rng))
        found = outcome(path, bool(rng.integers(2)), LIMIT, SECONDS)
        if (
            not found.expected
            or "\n" in found.text
            or not (found.text.startswith("read") or name in found.text)
        ):
            wrong.append((i, name, found))
        worst, slowest = max(worst, found.peak), max(slowest, found.seconds)
        ends[found.text.split(" ")[0] if found.text.startswith("read") else "refused"] += 1
    print(f"{NUMBER} files: at most {worst:.0f} MB and {slowest:.1f} s; {dict(ends)}")
    assert not wrong, wrong
    assert worst < 1050 * LIMIT
    assert ends["refused"] > NUMBER / 4


def _mutilated(data: bytes, rng: np.random.Generator) -> bytes:
    """One to three changes, of bytes, of numbers to larger ones, and of what is repeated."""
    for _ in range(rng.integers(1, 4)):
        start = int(rng.integers(len(data)))
        stop = start + int(rng.integers(1, 40))
        numbers = [match.span() for match in re.finditer(rb"\d+", data)]
        match rng.integers(7):
            case 0:
                data = data[: start + 1]
            case 1:
                data = data[:start] + rng.bytes(int(rng.integers(1, 9))) + data[stop:]
            case 2:
                data = data[:start] + data[start:stop] * int(10 ** rng.integers(1, 5)) + data[stop:]
            case 3:
                data = (
                    data[:start]
                    + rng.choice([b"[", b"{", b"(", b'"', b"\n", b"\0", b" "]) * 5000
                    + data[start:]
                )
            case 4:
                data = data[:start] + int(2 ** rng.integers(20, 63)).to_bytes(8, "little") + data[start + 8 :]
            case _ if numbers:
                first, last = numbers[rng.integers(len(numbers))]
                data = data[:first] + b"9" * int(rng.integers(1, 20)) + data[last:]
    return data


def _whole(path: Path) -> bytes:
    """A sound file of this name."""
    molecule = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    AllChem.EmbedMolecule(molecule, randomSeed=0)
    atoms = ase.Atoms([a.GetSymbol() for a in molecule.GetAtoms()], molecule.GetConformer().GetPositions())
    numbers, positions = atoms.numbers, np.stack([atoms.positions] * 2)
    match path.name:
        case "md17.npz":
            np.savez(path, R=positions, z=numbers, E=np.zeros(2), F=np.zeros_like(positions))
        case "own.npz":
            Structures.from_ase([atoms] * 2).save(path)
        case "a.pt":
            torch.save({"positions": torch.tensor(positions), "numbers": torch.tensor(numbers)}, path)
        case "v2000.sdf" | "v3000.sdf":
            block = Chem.MolToV3KMolBlock if path.name[1] == "3" else Chem.MolToMolBlock
            path.write_text((block(molecule) + "$$$$\n") * 2)
        case "a.mol2":
            rows = [
                f"{i} {a.symbol} {a.x:.4f} {a.y:.4f} {a.z:.4f} {a.symbol}" for i, a in enumerate(atoms, 1)
            ]
            head = ["@<TRIPOS>MOLECULE", "x", f"{len(rows)} 0", "SMALL", "NO_CHARGES", "", "@<TRIPOS>ATOM"]
            path.write_text("\n".join([*head, *rows, ""]) * 2)
        case "a.data":
            rows = [f"atom {a.x:.4f} {a.y:.4f} {a.z:.4f} {a.symbol} 0 0 0 0 0" for a in atoms]
            path.write_text("\n".join(["begin", *rows, "energy 0", "charge 0", "end", ""]) * 2)
        case "a.extxyz.gz":
            ase.io.write(path.with_suffix(""), [atoms] * 2, format="extxyz")
            path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
        case "a.cif":
            atoms.cell, atoms.pbc = np.eye(3) * 9, True
            ase.io.write(path, atoms)
        case "a.pdb":
            ase.io.write(path, atoms, format="proteindatabank")
        case _:
            ase.io.write(path, [atoms] * 2)
    given = {"energy": "kcal/mol", "length": "Å"} if path.suffix in (".pt", ".data") else None
    io.read(path, units=given)
    return path.read_bytes()
