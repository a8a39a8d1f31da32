"""21 drugs of 21 to 122 atoms through every table and check of `tutti evaluate`, and the time of each stage.

`make bench` runs it. The samples are one conformer of each drug (ETKDG, MMFF94; with `--relaxed` in its
GFN2-xTB minimum), the reference is two others of each. What is not valid, or has no verdict, is named.
"""

import argparse
import time
from collections.abc import Callable
from importlib import import_module
from typing import TypeVar

import numpy as np
import pandas as pd

from tutti.benchmark.samples.judged import Judged
from tutti.benchmark.tables import MAIN, declared, possible
from tutti.chemistry.bonds.pool import assign_all
from tutti.chemistry.xtb import minimise, mmff94_geometry
from tutti.core.functions import load
from tutti.core.hardware import usable_cores
from tutti.core.structures import Structures

DRUGS = {
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "caffeine": "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "sulfamethoxazole": "Cc1cc(NS(=O)(=O)c2ccc(N)cc2)no1",
    "cyclophosphamide": "O=P1(N(CCCl)CCCl)NCCCO1",
    "bromazepam": "O=C1CN=C(c2ccccn2)c2cc(Br)ccc2N1",
    "diazepam": "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21",
    "fluconazole": "OC(Cn1cncn1)(Cn1cncn1)c1ccc(F)cc1F",
    "celecoxib": "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1",
    "benzylpenicillin": "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O",
    "omeprazole": "COc1ccc2[nH]c(S(=O)Cc3ncc(C)c(OC)c3C)nc2c1",
    "haloperidol": "O=C(CCCN1CCC(O)(c2ccc(Cl)cc2)CC1)c1ccc(F)cc1",
    "hydrocortisone": "C[C@]12CCC(=O)C=C1CC[C@@H]1[C@@H]2[C@@H](O)C[C@@]2(C)[C@H]1CC[C@]2(O)C(=O)CO",
    "sildenafil": "CCCc1nn(C)c2c1nc([nH]c2=O)-c1cc(S(=O)(=O)N2CCN(C)CC2)ccc1OCC",
    "sofosbuvir": (
        "CC(C)OC(=O)[C@H](C)N[P@](=O)(OC[C@H]1O[C@@H](n2ccc(=O)[nH]c2=O)[C@](C)(F)[C@@H]1O)Oc1ccccc1"
    ),
    "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "atorvastatin": ("CC(C)c1c(C(=O)Nc2ccccc2)c(-c2ccccc2)c(-c2ccc(F)cc2)n1CC[C@@H](O)C[C@@H](O)CC(=O)O"),
    "bromocriptine": (
        "CC(C)C[C@@H]1N2C(=O)[C@](NC(=O)[C@H]3CN(C)[C@@H]4Cc5c(Br)[nH]c6cccc(C4=C3)c56)(C(C)C)"
        "O[C@@]2(O)[C@@H]2CCCN2C1=O"
    ),
    "lopinavir": (
        "Cc1cccc(C)c1OCC(=O)N[C@@H](Cc1ccccc1)[C@@H](O)C[C@H](Cc1ccccc1)NC(=O)[C@H](C(C)C)N1CCCNC1=O"
    ),
    "ritonavir": (
        "CC(C)c1nc(CN(C)C(=O)N[C@@H](C(C)C)C(=O)N[C@@H](Cc2ccccc2)C[C@H](O)[C@H](Cc2ccccc2)NC(=O)OCc2cncs2)cs1"
    ),
    "paclitaxel": (
        "CC1=C2[C@@]([C@]([C@H]([C@@H]3[C@]4([C@H](OC4)C[C@@H]([C@]3(C(=O)[C@@H]2OC(=O)C)C)O)OC(=O)C)"
        "OC(=O)c5ccccc5)(C[C@@H]1OC(=O)[C@H](O)[C@@H](NC(=O)c6ccccc6)c7ccccc7)O)(C)C"
    ),
    "metildigoxin": (
        "C[C@@H]1[C@H]([C@H](C[C@@H](O1)O[C@@H]2[C@H](O[C@H](C[C@@H]2O)O[C@@H]3[C@H](O[C@H](C[C@@H]3O)O"
        "[C@H]4CC[C@]5([C@@H](C4)CC[C@@H]6[C@@H]5C[C@H]([C@]7([C@@]6(CC[C@@H]7C8=CC(=O)OC8)O)C)O)C)C)C)O)OC"
    ),
}
"""SMILES by name, in order of the number of atoms: H, C, N, O, F, P, S, Cl and Br."""
FORCE_THRESHOLD = 0.05  # eV/Å

Made = TypeVar("Made")


def geometries(seed: int = 0, relaxed: bool = False) -> Structures:
    """One conformer of each of `DRUGS`, hydrogens included; the column `id` has the names.

    Args:
        seed: of the embedding.
        relaxed: in the GFN2-xTB minimum, which takes minutes; else in that of MMFF94.
    """
    frames = [mmff94_geometry(smiles, seed) for smiles in DRUGS.values()]
    if relaxed:
        frames = [(numbers, minimise(numbers, start, FORCE_THRESHOLD).positions) for numbers, start in frames]
    return Structures.from_frames(frames, columns={"id": np.array(list(DRUGS))})


def timed(name: str, make: Callable[[], Made]) -> Made:
    """What is made, with a line that says how long it took."""
    start = time.perf_counter()
    made = make()
    print(f"{name:34} {time.perf_counter() - start:8.2f} s", flush=True)
    return made


def named(frame: pd.DataFrame, rows: pd.Series) -> None:
    """Print the molecules of these rows, and their reasons."""
    for name, reason, message in frame.loc[rows, ["id", "reason", "message"]].itertuples(index=False):
        print(f"    {name}: {reason} {message}".rstrip())


def judged(
    structures: Structures, assigners: list[str], checks: list[str], jobs: int, limit: float
) -> Judged:
    """The molecules with all verdicts."""
    verdicts = {}
    for name in assigners:
        verdicts[name] = timed(
            name, lambda name=name: assign_all(structures, name, jobs, time_limit=limit, progress=False)
        )
        named(verdicts[name], ~verdicts[name]["valid"])
    found = {}
    for name in checks:
        check = import_module(f"tutti.benchmark.metrics.{name}").check_all
        found[name] = timed(name, lambda check=check: check(structures, verdicts[MAIN], jobs, limit, False))
        named(found[name], found[name]["reason"] != "")
    return Judged(structures, verdicts, found)


def main() -> None:
    """Print a line per stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--relaxed", action="store_true", help="samples in their GFN2-xTB minimum: minutes")
    parser.add_argument("--jobs", type=int, default=usable_cores())
    parser.add_argument("--limit", type=float, default=300, help="s for one molecule")
    options = parser.parse_args()
    samples = timed("geometries", lambda: geometries(0, options.relaxed))
    print(f"# {len(samples)} molecules of {samples.n_atoms.min()} to {samples.n_atoms.max()} atoms")
    assigners = ["xyz2mol", "xyz2mol_rdkit", "openbabel", "lookup"]
    ours = judged(samples, assigners, list(declared().checks), options.jobs, options.limit)
    print("# reference: two other conformers of each")
    reference = Structures.concatenate([geometries(1), geometries(2)])
    of_reference = [name for name, check in declared().checks.items() if check.reference]
    theirs = judged(reference, assigners, of_reference, options.jobs, options.limit)
    for name in possible(assigners, reference=True):
        table = load(declared().tables[name].function)
        timed(name, lambda table=table: table(ours, theirs, model="drugs", dataset="drugs", seed=0))


if __name__ == "__main__":
    main()
