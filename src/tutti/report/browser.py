"""What the page's browser of molecules needs of judged samples."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from ase.data import covalent_radii
from matplotlib.colors import to_hex

from tutti.benchmark.samples.judged import Judged
from tutti.core.elements import SYMBOLS
from tutti.core.tidy import labels
from tutti.figures.rendering import ball_radii, colour_of, principal_rotation

MOST, EACH = 200, 5
SETS = 12
RULE = (
    "Of each set the first {most} samples, and of every reason and failed check the first {each}, if there"
    " are so many. They are not chosen by quality."
)
LARGEST = 1e3  # coordinates beyond it (Å) are not drawn
SCALE = 1000  # coordinates are whole thousandths of an Å
UNITS = {
    "energy_drop_per_atom": "meV/atom",
    "heavy_atom_rmsd": "Å",
    "initial_force": "eV/Å",
    "bond_length_change": "Å",
    "bond_angle_change": "degree",
    "torsion_change": "degree",
    "atomisation_energy_per_atom": "eV/atom",
}
"""Units of what checks measure, by the names of their columns."""
NOT_A_RESULT = ("id", "checked", "reason", "message", "seconds")


class Set(NamedTuple):
    """One judged set of samples."""

    dataset: str
    model: str
    seed: int
    judged: Judged

    @classmethod
    def read(
        cls,
        dataset: str,
        model: str,
        seed: int,
        folders: Sequence[str | Path],
        assigners: Sequence[str],
        checks: Sequence[str],
    ) -> Self:
        """The set in these folders, see `Judged.read`."""
        return cls(dataset, model, seed, Judged.read(folders, assigners, checks))


def contents(sets: Sequence[Set]) -> dict[str, Any]:
    """Everything that the browser shows, of numbers, texts, lists and mappings only.

    Returns:
        `rule` in words; `elements`: symbol, colour, radius of the ball and covalent radius (Å) by atomic
        number; `sets`: name, key, number of samples and of those chosen; `molecules`, each with

        - `set`, its number, `place` in it and `id`; `unreadable`, why;
        - `numbers` [n], `positions` [3n] (1/`SCALE` Å) and the `rotation` [9] that it is first seen with,
          none of them where a coordinate is not finite or very large;
        - `verdicts` by assigner: whether valid, reason, SMILES, bonds as [first, second, order, ...], whether
          an earlier sample has the same SMILES;
        - `failed`: tests that were not passed, by check; `measured`: text of what checks measured, by name;
          `checks`: why one came to no result, by check;
        - `messages`: what a library said that raised an exception, by assigner and check.
    """
    most = MOST if len(sets) <= SETS else max(MOST * SETS // len(sets), EACH)
    chosen = [choose(each.judged, most, EACH) for each in sets]
    present = {int(number) for each in sets for number in np.unique(each.judged.structures.numbers)}
    names = labels(pd.DataFrame([each[:3] for each in sets], columns=["dataset", "model", "seed"]))
    return {
        "rule": RULE.format(most=most, each=EACH),
        "scale": SCALE,
        "elements": {number: _element(number) for number in sorted(present)},
        "assigners": list(dict.fromkeys(name for each in sets for name in each.judged.verdicts)),
        "sets": [
            {
                "name": name,
                "key": key_of(each.dataset, each.model, each.seed),
                "samples": len(each.judged.structures),
                "shown": len(rows),
            }
            for each, name, rows in zip(sets, names, chosen, strict=True)
        ],
        "molecules": [
            molecule
            for index, (each, rows) in enumerate(zip(sets, chosen, strict=True))
            for molecule in _molecules(index, each.judged, rows)
        ],
    }


def key_of(dataset: str, model: str, seed: int) -> str:
    """What a set is called in links."""
    return f"{dataset}/{model}/{seed}"


def choose(judged: Judged, most: int, each: int) -> list[int]:
    """Places of the samples that are shown: the first `most`, and the first `each` of every kind of fault."""
    chosen = set(range(min(most, len(judged.structures))))
    for verdicts in judged.verdicts.values():
        for places in verdicts.reset_index(drop=True).groupby("reason").groups.values():
            chosen.update(places[:each].tolist())
    for check in judged.checks.values():
        for failed in _failed(check).values():
            chosen.update(np.flatnonzero(failed)[:each].tolist())
    return sorted(chosen)


def _element(number: int) -> list[Any]:
    radius = float(ball_radii(np.array([number]))[0])
    return [SYMBOLS[number], to_hex(colour_of(number)), round(radius, 2), float(covalent_radii[number])]


def _molecules(index: int, judged: Judged, rows: Iterable[int]) -> Iterable[dict[str, Any]]:
    repeated = {name: _repeated(verdicts) for name, verdicts in judged.verdicts.items()}
    failed = {name: _failed(check) for name, check in judged.checks.items()}
    unreadable = judged.structures.columns.get("unreadable", np.full(len(judged.structures), ""))
    for row in rows:
        yield {
            "set": index,
            "unreadable": str(unreadable[row]),
            "verdicts": {
                name: [*_verdict(verdicts.iloc[row]), bool(repeated[name][row])]
                for name, verdicts in judged.verdicts.items()
            },
            **_atoms(judged, row),
            **_checked(judged, row, failed),
            "messages": {
                name: said
                for name, frame in [*judged.verdicts.items(), *judged.checks.items()]
                if (said := frame["message"].iloc[row])
            },
        }


def _atoms(judged: Judged, row: int) -> dict[str, Any]:
    """What is drawn of a sample: nothing where a coordinate is not finite or very large."""
    numbers, positions = judged.structures.frame(row)
    drawable = len(numbers) > 0 and bool((np.abs(positions) < LARGEST).all())
    return {
        "place": row,
        "id": str(judged.structures.columns["id"][row]),
        "numbers": numbers.tolist() if drawable else [],
        "positions": np.rint(positions * SCALE).astype(int).ravel().tolist() if drawable else [],
        "rotation": np.round(principal_rotation(positions), 3).ravel().tolist() if drawable else [],
    }


def _checked(judged: Judged, row: int, failed: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """What the checks that looked at a sample say of it."""
    found = {name: check.iloc[row] for name, check in judged.checks.items() if check["checked"].iloc[row]}
    return {
        "failed": {name: [test for test, of in failed[name].items() if of[row]] for name in found},
        "measured": {key: text for each in found.values() for key, text in _measured(each).items()},
        "checks": {name: each["reason"] for name, each in found.items() if each["reason"]},
    }


def _verdict(verdict: pd.Series) -> list[Any]:
    bonds = zip(verdict["bond_first"], verdict["bond_second"], verdict["bond_order"], strict=True)
    smiles = "" if pd.isna(verdict["smiles"]) else verdict["smiles"]
    flat = [value for first, second, order in bonds for value in (int(first), int(second), float(order))]
    return [bool(verdict["valid"]), verdict["reason"], smiles, flat]


def _repeated(verdicts: pd.DataFrame) -> np.ndarray:
    """[N] bool: valid samples whose SMILES an earlier one has."""
    valid = verdicts["valid"].to_numpy(bool)
    return valid & verdicts["smiles"].where(verdicts["valid"]).duplicated().to_numpy(bool)


def _failed(check: pd.DataFrame) -> dict[str, np.ndarray]:
    """[N] bool by test: the samples that failed it; one without a result did not."""
    tests = [
        name
        for name in check.columns
        if name not in NOT_A_RESULT and pd.api.types.is_bool_dtype(check[name].dtype)
    ]
    return {name: (check[name] == False).fillna(False).to_numpy(bool) for name in tests}  # noqa: E712


def _measured(found: pd.Series) -> dict[str, str]:
    """Texts of the numbers that a check measured of one sample."""
    return {name: f"{found[name]:.3g} {unit}" for name, unit in UNITS.items() if pd.notna(found.get(name))}
