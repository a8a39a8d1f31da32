"""Rate of bond assignment through the pool against plain loops in one process, on real molecules.

`make bench` runs it; on a busy machine the ratios mean little. Three ways are timed in turns, several times:

library  a plain loop over the bare library calls: build, find bonds, write SMILES (RDKit or OpenBabel)
direct   a plain loop over the assigner's own function: the same verdicts as the pool's
pool     `assign_all`: starting processes, moving results and making the data frame included
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from openbabel import openbabel
from rdkit import Chem, rdBase
from rdkit.Chem import rdDetermineBonds

from tutti import io
from tutti.chemistry.bonds.pool import assign_all
from tutti.core import registry
from tutti.core.structures import Structures

QM7 = Path(__file__).resolve().parents[2] / "shared" / "data" / "qm7.extxyz.gz"


def rdkit_loop(structures: Structures) -> None:
    """What a script of RDKit calls does for validity and uniqueness."""
    with rdBase.BlockLogs():
        for i in range(len(structures)):
            numbers, positions = structures.frame(i)
            mol = Chem.RWMol()
            for number in numbers.tolist():
                mol.AddAtom(Chem.Atom(number))
            conformer = Chem.Conformer(len(numbers))
            conformer.SetPositions(positions)
            mol.AddConformer(conformer)
            try:
                rdDetermineBonds.DetermineBonds(mol, charge=0)
            except ValueError:
                continue
            Chem.MolToSmiles(mol)


def openbabel_loop(structures: Structures) -> None:
    """What a script of OpenBabel calls does for validity and uniqueness."""
    conversion = openbabel.OBConversion()
    conversion.SetOutFormat("can")
    for i in range(len(structures)):
        numbers, positions = structures.frame(i)
        mol = openbabel.OBMol()
        mol.BeginModify()
        for number, position in zip(numbers.tolist(), positions.tolist(), strict=True):
            atom = mol.NewAtom()
            atom.SetAtomicNum(number)
            atom.SetVector(*position)
        mol.EndModify()
        mol.ConnectTheDots()
        mol.PerceiveBondOrders()
        for atom in openbabel.OBMolAtomIter(mol):
            atom.GetExplicitValence()
        conversion.WriteString(mol)


def direct_loop(structures: Structures, assigner: str) -> None:
    """The assigner's function on every sample."""
    assign = registry.module("bonds", assigner).assign
    for i in range(len(structures)):
        assign(*structures.frame(i))


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compare(structures: Structures, assigner: str, jobs: int, repeats: int) -> str:
    """One line: molecules per second of each way, and the median of the ratios of neighbouring runs."""
    ways: dict[str, Callable[[], object]] = {
        "direct": lambda: direct_loop(structures, assigner),
        "pool": lambda: assign_all(structures, assigner, jobs, progress=False),
    }
    libraries = {"xyz2mol": rdkit_loop, "openbabel": openbabel_loop}
    if assigner in libraries:
        ways["library"] = lambda: libraries[assigner](structures)
    rounds = [{name: seconds(way) for name, way in ways.items()} for _ in range(repeats)]
    rates = {name: len(structures) / median(r[name] for r in rounds) for name in ways}
    ratios = {name: median(r[name] / r["pool"] for r in rounds) for name in ways if name != "pool"}
    cells = [f"{name} {rate:6.0f}/s" for name, rate in rates.items()]
    cells += [f"pool/{name} {ratio:.2f}" for name, ratio in ratios.items()]
    return f"{assigner:10s} {'   '.join(cells)}"


def main() -> None:
    """Print a line per assigner."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=QM7, help="real molecules (default: QM7)")
    parser.add_argument("--molecules", type=int, default=7000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    structures = io.read(options.file)[: options.molecules]
    print(f"{len(structures)} molecules, {options.jobs} jobs, load before {os.getloadavg()[0]:.2f}")
    for assigner in registry.names("bonds"):
        print(compare(structures, assigner, options.jobs, options.repeats), flush=True)


if __name__ == "__main__":
    main()
