"""The whole suite without PoseBusters and relaxation, on molecules as large as QM9's.

`make bench` runs it. Molecules of nine heavy atoms are joined from two of the embedded set, embedded with
ETKDG and repeated, each time with another 0.02 Å of noise, up to the numbers wanted. The tables of distances
(bond lengths, angles, torsions, environments, bispectra, JSD, both MMD protocols) and of ring systems are
timed with the reference's part included.
"""

import argparse
import resource
import time

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from tutti.benchmark.samples import (
    jsd,
    mmd_bispectrum,
    mmd_bond_angle,
    mmd_bond_length,
    mmd_torsion,
    ring_systems,
)
from tutti.benchmark.samples.judged import Judged
from tutti.chemistry.bonds.pool import assign_all
from tutti.core.hardware import usable_cores
from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.data.shipped import EMBEDDED

HEAVY_ATOMS, DISTINCT, NOISE = 9, 1500, 0.02
TABLES = {
    "mmd_bond_length": mmd_bond_length,
    "mmd_bond_angle": mmd_bond_angle,
    "mmd_torsion": mmd_torsion,
    "mmd_bispectrum": mmd_bispectrum,
    "jsd": jsd,
    "ring_systems": ring_systems,
}


def joined(smiles: list[str], rng: np.random.Generator) -> Chem.Mol:
    """Two random molecules with nine heavy atoms in all, joined by a bond between two carbons."""
    while True:
        first, second = (Chem.MolFromSmiles(smiles[i]) for i in rng.integers(len(smiles), size=2))
        if first.GetNumAtoms() + second.GetNumAtoms() != HEAVY_ATOMS:
            continue
        carbons = [mol.GetSubstructMatches(Chem.MolFromSmarts("[#6;!H0]")) for mol in (first, second)]
        if all(carbons):
            mol = Chem.RWMol(Chem.CombineMols(first, second))
            left, right = (int(rng.choice(np.ravel(found))) for found in carbons)
            mol.AddBond(left, first.GetNumAtoms() + right, Chem.BondType.SINGLE)
            Chem.SanitizeMol(mol)
            return Chem.AddHs(mol)


def molecules(n: int) -> Structures:
    """`n` molecules; every DISTINCT-th has the same graph."""
    rng = numpy_generator(0, "benchmark molecules", n)
    smiles = Structures.load(EMBEDDED / "qm9_6.npz").columns["smiles"].tolist()
    frames = []
    while len(frames) < min(n, DISTINCT):
        mol = joined(smiles, rng)
        if rdDistGeom.EmbedMolecule(mol, randomSeed=len(frames)) == 0:
            numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
            frames.append((numbers, mol.GetConformer().GetPositions()))
    repeated = Structures.from_frames(frames)[np.arange(n) % len(frames)]
    repeated.positions[:] += rng.normal(scale=NOISE, size=repeated.positions.shape)
    return repeated


def main() -> None:
    """Print a line per assigner, then one per number of samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--reference", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=usable_cores())
    arguments = parser.parse_args()
    samples, reference = molecules(max(arguments.sizes)), molecules(arguments.reference)
    print(f"# evaluation: {samples.n_atoms.mean():.1f} atoms in a molecule, {arguments.jobs} processes")
    verdicts = {}
    for assigner in ("openbabel", "lookup", "xyz2mol"):
        start = time.perf_counter()
        verdicts = assign_all(samples, assigner, arguments.jobs, progress=False)
        seconds = time.perf_counter() - start
        valid = verdicts["valid"].mean()
        print(f"{assigner:10} {len(samples)} samples {seconds:7.1f} s, {100 * valid:.1f} % valid")
    known = assign_all(reference, "xyz2mol", arguments.jobs, progress=False)
    for size in sorted(arguments.sizes):
        taken = []
        judged = Judged(samples[:size], {"xyz2mol": verdicts[:size]})
        training = Judged(reference, {"xyz2mol": known})
        for table in TABLES.values():
            start = time.perf_counter()
            table.table(judged, training, model="m", dataset="d", seed=0)
            taken.append(time.perf_counter() - start)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in zip(TABLES, taken, strict=True))
        print(
            f"{size} samples, {arguments.reference} reference: {sum(taken):.1f} s ({times}), {memory:.1f} GiB"
        )


if __name__ == "__main__":
    main()
