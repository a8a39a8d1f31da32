"""PoseBusters: geometric and energetic plausibility of molecules.

Buttenschoen, Morris, Deane, Chem. Sci. 15, 3130 (2024). The tests are those of the library's configuration
`mol`; they ignore hydrogens (see `tutti.benchmark.metrics.geometry`).
"""

import logging
from collections.abc import Callable
from functools import cache, partial

import pandas as pd
from posebusters import PoseBusters
from rdkit import Chem

from tutti.benchmark.metrics import ensembles
from tutti.benchmark.metrics.permolecule import Failure, check_valid, molecule, passing_table
from tutti.core.library_calls import Library
from tutti.core.structures import Structures

# The tests of the published table (Daigavane et al., ICLR 2024, table 2), and what the library has today.
PUBLISHED = (
    "all_atoms_connected",
    "bond_lengths",
    "bond_angles",
    "internal_steric_clash",
    "aromatic_ring_flatness",
    "double_bond_flatness",
    "internal_energy",
)
NEWER = (
    "mol_pred_loaded",
    "sanitization",
    "inchi_convertible",
    "no_radicals",
    "non_aromatic_ring_non_flatness",
)
TESTS = PUBLISHED + NEWER
_ENERGY = ("internal_energy",)
_OF_ENERGY = {"internal_energy": "boolean", "ensemble": "str", "mean_energy": "float"}
_QUICK = tuple(name for name in TESTS if name not in _ENERGY)
_POSEBUSTERS = Library("PoseBusters")


def check_all(
    structures: Structures, verdicts: pd.DataFrame, jobs: int, time_limit: float = 60.0, progress: bool = True
) -> pd.DataFrame:
    """PoseBusters' tests of every sample that xyz2mol found valid.

    The conformers behind `internal_energy` are made with the library's fixed seed, so the order and the
    division of the samples change nothing. That test takes nearly all the time, sometimes minutes; it runs by
    itself, so that a timeout takes no other result along, and on one sample of each SMILES before the others,
    which mostly need no conformers of their own then (see `tutti.benchmark.metrics.ensembles`).

    Args:
        structures: N samples.
        verdicts: N rows, in the same order, of the assigner `xyz2mol`; the rows to check are `valid`.
        jobs: number of worker processes.
        time_limit: s for one sample.
        progress: show progress bars on stderr.

    Returns:
        N rows: `id`, `checked`, one nullable truth value for each of `TESTS`, `reason`, `message`, `seconds`
        (see `tutti.benchmark.metrics.permolecule.check_valid`). Reasons: `undecided` (a test is null, mostly
        because RDKit could not embed the conformers of a strained molecule), `library_error`, `timeout`,
        `crash`.

    Raises:
        RuntimeError: when the installed library has other tests than `TESTS`.
        ItemError: when a sample is marked valid but is not by xyz2mol.
    """
    _require_known_tests(PoseBusters("mol"))

    def check(function: Callable, chosen: pd.DataFrame, columns: dict[str, str], what: str) -> pd.DataFrame:
        return check_valid(
            lambda index: function(molecule(structures, index)),
            structures,
            chosen,
            columns,
            jobs=jobs,
            time_limit=time_limit,
            label=f"PoseBusters, {what}" if progress else None,
        )

    quick = check(partial(_check, tests=_QUICK), verdicts, dict.fromkeys(_QUICK, "boolean"), "geometry")
    again = verdicts["valid"] & verdicts["smiles"].where(verdicts["valid"]).duplicated()
    energy = check(_energy, verdicts.assign(valid=verdicts["valid"] & ~again), _OF_ENERGY, "energy")
    made = energy[energy["ensemble"].notna()]
    for key, mean in zip(made["ensemble"], made["mean_energy"], strict=True):
        ensembles.learn(key, mean)
    others = check(_energy, verdicts.assign(valid=again), _OF_ENERGY, "energy of repeated ones")
    energy = energy.where(~others["checked"], others)
    first = quick["reason"] != Failure.NONE
    return quick.assign(
        **{name: energy[name] for name in _ENERGY},
        **{name: quick[name].where(first, energy[name]) for name in ("reason", "message")},
        seconds=quick["seconds"] + energy["seconds"],
    )[["id", "checked", *TESTS, "reason", "message", "seconds"]]


def _energy(mol: Chem.Mol) -> tuple:
    """(reason, values of `_OF_ENERGY`): the result, and the ensemble that was made for it, if one was."""
    with ensembles.kept() as made:
        found = _check(mol, _ENERGY)
    return (*found, *(made[0] if made else (None, None)))


def _check(mol: Chem.Mol, tests: tuple[str, ...]) -> tuple:
    """(reason, result of each of `tests`), which are `_QUICK` or `_ENERGY`."""
    busters = _busters(tests)
    with _POSEBUSTERS:
        row = busters.bust(mol).iloc[0]
    results = {_stable(name): None if pd.isna(passed) else bool(passed) for name, passed in row.items()}
    values = [results[name] for name in tests]
    return Failure.UNDECIDED if None in values else Failure.NONE, *values


@cache
def _busters(tests: tuple[str, ...]) -> PoseBusters:
    """The library with the modules that give `tests`, on one thread.

    The configuration runs the energy twice, of which only the second counts: modules without a chosen test
    are left out.
    """
    for library in ("posebusters", "rdkit"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # what fails is reported as `undecided`
    config = PoseBusters("mol").config
    config["modules"] = [module for module in config["modules"] if set(_outputs(module)) & set(tests)]
    for module in config["modules"]:
        if module["function"] == "energy_ratio":
            module["parameters"]["num_threads"] = 1
    return PoseBusters(config)


def _outputs(module: dict) -> list[str]:
    """Stable names of the tests that a module of the library's configuration gives."""
    renamed = module.get("rename_outputs", {})
    return [_stable(renamed.get(output, output)) for output in module.get("chosen_binary_test_output", [])]


def _stable(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


def _require_known_tests(busters: PoseBusters) -> None:
    found = {name for module in busters.config["modules"] for name in _outputs(module)}
    if found != set(TESTS):
        raise RuntimeError(
            "the installed version of posebusters has other tests than tutti knows: "
            f"new {sorted(found - set(TESTS))}, gone {sorted(set(TESTS) - found)}; install version 0.6.5"
        )


def posebusters_table(frame: pd.DataFrame, *, model: str, dataset: str, seed: int) -> pd.DataFrame:
    """Shares of the checked molecules that pass, with 95 % Wilson intervals.

    | metric | subset | share of the checked molecules that pass |
    |---|---|---|
    | posebusters | each of `PUBLISHED` | that test |
    | posebusters_newer | each of `NEWER` | that test |
    | posebusters_all | published_seven | all of `PUBLISHED` |
    | posebusters_all | all_tests | all of `TESTS` |

    A test without a result counts as not passed (see `tutti.benchmark.metrics.permolecule.passing_table`).

    Args:
        frame: what `check_all` returns.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table.
    """
    groups = {
        **{("posebusters", name): [name] for name in PUBLISHED},
        **{("posebusters_newer", name): [name] for name in NEWER},
        ("posebusters_all", "published_seven"): PUBLISHED,
        ("posebusters_all", "all_tests"): TESTS,
    }
    return passing_table(frame, groups, model=model, dataset=dataset, seed=seed)
