"""Verdict frames made by hand, in the types that `tutti.chemistry.bonds.pool` gives."""

import pandas as pd

from tutti.chemistry.bonds.pool import COLUMNS

GIVEN = ["smiles", "connected", "neutral_atoms", "no_radicals", "n_atoms", "n_stable_atoms"]


def verdicts(rows: list[tuple]) -> pd.DataFrame:
    """Frame of (SMILES, connected, neutral, no radicals, atoms, stable atoms); None as SMILES: not valid."""
    given = {name: [row[i] for row in rows] for i, name in enumerate(GIVEN)}
    given["id"] = [str(i) for i in range(len(rows))]
    given["published_smiles"], given["reason"] = given["smiles"], [""] * len(rows)
    given["valid"] = [smiles is not None for smiles in given["smiles"]]
    stable = zip(given["n_stable_atoms"], given["n_atoms"], strict=True)
    given["molecule_stable"] = [None if count is None else count == n for count, n in stable]
    types = {"id": str, **COLUMNS}
    return pd.DataFrame({name: pd.Series(values, dtype=types[name]) for name, values in given.items()})
