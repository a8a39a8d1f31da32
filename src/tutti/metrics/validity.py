"""Validity, uniqueness, novelty and stability, from the verdicts of one assigner."""

import pandas as pd

from tutti.metrics.proportions import Proportion, table

INDEPENDENT = "the interval takes the molecules as independent"


def validity_table(
    verdicts: pd.DataFrame,
    training_smiles: set[str],
    *,
    model: str,
    dataset: str,
    seed: int,
    assigner: str,
) -> pd.DataFrame:
    """All shares of one model's samples by one assigner, with 95 % Wilson intervals.

    Every row of the verdicts counts as generated: unfinished samples, timeouts and crashes too.

    | metric | share of | which |
    |---|---|---|
    | validity | generated | are valid |
    | uniqueness | valid | distinct canonical SMILES |
    | valid_and_unique | generated | distinct canonical SMILES |
    | novelty | distinct SMILES | are not in the training set |
    | connected, neutral_atoms, no_radicals | valid | have that property |
    | valid_and_connected | generated | are valid and in one piece |
    | strictly_valid | generated | are valid and have all three properties |
    | atom_stability | atoms of all generated | have an allowed valence (only `lookup`) |
    | molecule_stability | generated | have only stable atoms (only `lookup`) |

    Wilson's interval is that of independent trials. Whether a molecule is a duplicate depends on the others,
    and atoms of one molecule are alike, so there it is a guide only, and the note says so.

    Args:
        verdicts: what `tutti.bonds.pool.assign_all` returns.
        training_smiles: SMILES that the same assigner gives the training geometries.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table.
        assigner: who gave the verdicts; becomes the column `subset`.

    Returns:
        The tidy table; values are fractions, and `n` is the denominator.
    """
    proportions = _shares(verdicts, training_smiles)
    if assigner == "lookup":
        proportions += _stability(verdicts)
    return table(proportions, model=model, dataset=dataset, seed=seed, subset=assigner)


def _shares(verdicts: pd.DataFrame, training_smiles: set[str]) -> list[Proportion]:
    valid = verdicts[verdicts["valid"]]
    connected, neutral, closed = (
        valid[name].astype(bool) for name in ("connected", "neutral_atoms", "no_radicals")
    )
    distinct = set(valid["smiles"])
    n_generated, n_valid, n_distinct = len(verdicts), len(valid), len(distinct)
    novel = Proportion("novelty", len(distinct - training_smiles), n_distinct, "valid molecules", INDEPENDENT)
    if not training_smiles:
        novel = Proportion("novelty", 0, 0, "training molecules to compare with")
    return [
        Proportion("validity", n_valid, n_generated, "samples"),
        Proportion("uniqueness", n_distinct, n_valid, "valid molecules", INDEPENDENT),
        Proportion("valid_and_unique", n_distinct, n_generated, "samples", INDEPENDENT),
        novel,
        Proportion("connected", int(connected.sum()), n_valid, "valid molecules"),
        Proportion("neutral_atoms", int(neutral.sum()), n_valid, "valid molecules"),
        Proportion("no_radicals", int(closed.sum()), n_valid, "valid molecules"),
        Proportion("valid_and_connected", int(connected.sum()), n_generated, "samples"),
        Proportion("strictly_valid", int((connected & neutral & closed).sum()), n_generated, "samples"),
    ]


def _stability(verdicts: pd.DataFrame) -> list[Proportion]:
    # Null for timeouts and crashes, none of whose atoms were found stable.
    atoms = int(verdicts["n_stable_atoms"].fillna(0).sum())
    molecules = int(verdicts["molecule_stable"].fillna(False).sum())
    note = "the interval takes the atoms as independent"
    return [
        Proportion("atom_stability", atoms, int(verdicts["n_atoms"].sum()), "atoms", note),
        Proportion("molecule_stability", molecules, len(verdicts), "samples"),
    ]
