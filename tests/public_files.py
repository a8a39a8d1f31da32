"""Small files in the formats of the public trajectories, with numbers of their magnitudes."""

import io
import zipfile

import ase
import ase.io
import numpy as np
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator

from tutti.data import lips, md17, md17_ccsdt

ETHANOL = molecule("CH3CH2OH")


def arrays(frames, names="REFz", atoms=ETHANOL, seed=0):
    """Contents of an archive like those of MD17 or, with other names, of rMD17."""
    rng = np.random.default_rng(seed)
    shape = (frames, len(atoms), 3)
    positions = atoms.positions + rng.normal(0, 0.05, shape)
    energy = -97_000 + rng.normal(0, 5, (frames, 1) if names == "REFz" else frames)
    values = positions, energy, rng.normal(0, 20, shape), atoms.numbers.astype(np.uint8)
    return dict(zip(names, values, strict=True))


def npz(contents):
    buffer = io.BytesIO()
    np.savez(buffer, **contents)
    return buffer.getvalue()


def ccsdt_zip(train=6, test=4, name="ethanol_ccsd_t"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}-train.npz", npz(arrays(train)))
        archive.writestr(f"{name}-test.npz", npz(arrays(test, seed=1)))
        archive.writestr(f"__MACOSX/._{name}-test.npz", b"none of it")
    return buffer.getvalue()


def periodic(formula, frames, seed=0):
    rng = np.random.default_rng(seed)
    n, out = len(ase.Atoms(formula)), []
    places = np.argwhere(np.ones([6, 6, 6] if n > 125 else [5, 5, 5]))[:n]
    for _ in range(frames):
        cell = np.diag([15.0, 14.0, 13.0]) + rng.normal(0, 0.1, (3, 3))
        positions = places / (places.max() + 1) @ cell + rng.normal(0, 0.1, (n, 3))
        atoms = ase.Atoms(formula, positions, cell=cell, pbc=True)
        atoms.calc = SinglePointCalculator(atoms, energy=rng.normal(-350), forces=rng.normal(size=(n, 3)))
        out.append(atoms)
    return out


def extxyz(frames):
    buffer = io.StringIO()
    ase.io.write(buffer, frames, format="extxyz")
    return buffer.getvalue().encode()


def damaged(body, rng):
    """The body with one damage at a random place, more often near its ends, where headers are."""
    size = int(rng.choice([1, 2, 10, 100, 512]))
    far = int(rng.integers(len(body)))
    place = int(rng.choice([far, far, min(far, int(rng.integers(400))), len(body) - 1 - far % 600]))
    before, part, after = body[:place], body[place : place + size], body[place + size :]
    flipped = bytes([body[place] ^ (1 << int(rng.integers(8)))]) + body[place + 1 :]
    changes = [
        before + flipped,
        before,
        before + bytes(len(part)) + after,
        before + part + part + after,
        before + rng.bytes(size) + part + after,
        before + after,
    ]
    return changes[int(rng.integers(len(changes)))]


BODIES = {"f.npz": npz(arrays(5)), "f.zip": ccsdt_zip(), "f.xyz": extxyz(periodic(lips.FORMULA, 2))}


def read(path):
    """What a download of its format is read as, once it has stood its checks."""
    if path.suffix == ".zip":
        return md17_ccsdt.read(path, md17_ccsdt.Config(molecule="ethanol", expected_frames=None))
    return md17.read(path, "C2H6O", 5) if path.suffix == ".npz" else lips.read(path, lips.FORMULA, 2)


def misread(path, rng, times):
    """How many of so many damaged bodies are read as something else than what they were, without a word."""
    path.write_bytes(BODIES[path.name])
    digest, other = read(path).digest, 0
    for _ in range(times):
        path.write_bytes(damaged(BODIES[path.name], rng))
        try:
            other += read(path).digest != digest
        except ValueError:
            continue
    return other
