"""Validity, uniqueness, novelty and stability, from the verdicts of one assigner."""

import numpy as np
import pandas as pd

from tutti.chemistry.bonds.assignment import GIVEN, PUBLISHED, Reason, shown
from tutti.statistics.estimate import Row, table_of
from tutti.statistics.proportions import share

INDEPENDENT = "the interval takes the molecules as independent"


def validity_table(
    verdicts: pd.DataFrame,
    training_smiles: set[str],
    kept: np.ndarray | None = None,
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
    | validity_of_finished | `kept` | are valid |
    | validity_as_published | generated | are valid with their atoms in the order of the file |
    | uniqueness | valid | distinct canonical SMILES without stereo marks |
    | uniqueness_as_published | valid as published | distinct SMILES as published (see below) |
    | valid_and_unique | generated | distinct canonical SMILES |
    | novelty | distinct SMILES | are not in the training set |
    | connected, neutral_atoms, no_radicals | valid | have that property |
    | valid_and_connected | generated | are valid and in one piece |
    | strictly_valid | generated | are valid and have all three properties |
    | atom_stability | atoms of all generated | have an allowed valence (only `lookup`) |
    | molecule_stability | generated | have only stable atoms (only `lookup`) |

    As published (Daigavane et al., ICLR 2024, table 1; only for `PUBLISHED`) are SMILES with stereo marks and
    explicit hydrogens: RDKit's for xyz2mol, OpenBabel's own for openbabel, and for lookup EDM's (Hoogeboom et
    al., ICML 2022) of the largest fragment; see `tutti.chemistry.bonds.assignment.Assignment`.

    Where samples lack their hydrogens no share is defined for an assigner that needs them, and none for
    `given` where no file brings bonds.

    Wilson's interval is that of independent trials. Whether a molecule is a duplicate depends on the others,
    and atoms of one molecule are alike, so there it is a guide only, and the note says so.

    Args:
        verdicts: what `tutti.chemistry.bonds.pool.assign_all` returns.
        training_smiles: SMILES that the same assigner gives the training geometries.
        kept: [N] bool, the samples that are left by a sampler that throws away what it does not finish; None:
            all.
        model: name for the table.
        dataset: name for the table.
        seed: training seed for the table.
        assigner: who gave the verdicts; becomes the column `subset`.

    Returns:
        The tidy table; values are fractions, and `n` is the denominator.
    """
    kept = np.ones(len(verdicts), dtype=bool) if kept is None else kept
    rows = _shares(verdicts, training_smiles, kept, shown(assigner))
    if assigner in PUBLISHED:
        rows += _as_published(verdicts, assigner)
    if assigner == "lookup":
        rows += _stability(verdicts, assigner)
    if missing := lack(verdicts, assigner):
        rows = [share(row["metric"], row["subset"], 0, 0, missing) for row in rows]
    return table_of(rows, model=model, dataset=dataset, seed=seed)


def lack(verdicts: pd.DataFrame, assigner: str) -> str:
    """What the samples lack without which an assigner's verdicts say nothing of the model; or empty."""
    reasons = verdicts["reason"]
    if skeletons := int((reasons == Reason.NO_HYDROGENS).sum()):
        return f"hydrogens in {skeletons} of {len(verdicts)} samples, which {shown(assigner)} needs"
    read = reasons[reasons != Reason.UNREADABLE]
    return "bonds in the files" if assigner == GIVEN and (read == Reason.NO_BONDS).all() and len(read) else ""


def _shares(verdicts: pd.DataFrame, training_smiles: set[str], kept: np.ndarray, assigner: str) -> list[Row]:
    flags = ["connected", "neutral_atoms", "no_radicals"]
    valid = verdicts.loc[verdicts["valid"], ["smiles", *flags]]  # not the bonds, which are most of the memory
    connected, neutral, closed = (valid[name].astype(bool) for name in flags)
    distinct = set(valid["smiles"])
    valid_rows = verdicts["valid"].to_numpy(bool)
    n_generated, n_valid, n_distinct = len(verdicts), len(valid), len(distinct)
    novel = ("novelty", assigner, len(distinct - training_smiles), n_distinct, "valid molecules", INDEPENDENT)
    if not training_smiles:
        novel = ("novelty", assigner, 0, 0, "training molecules to compare with")
    return [
        share("validity", assigner, n_valid, n_generated, "samples"),
        share(
            "validity_of_finished", assigner, int(kept[valid_rows].sum()), int(kept.sum()), "finished samples"
        ),
        share("uniqueness", assigner, n_distinct, n_valid, "valid molecules", INDEPENDENT),
        share("valid_and_unique", assigner, n_distinct, n_generated, "samples", INDEPENDENT),
        share(*novel),
        share("connected", assigner, int(connected.sum()), n_valid, "valid molecules"),
        share("neutral_atoms", assigner, int(neutral.sum()), n_valid, "valid molecules"),
        share("no_radicals", assigner, int(closed.sum()), n_valid, "valid molecules"),
        share("valid_and_connected", assigner, int(connected.sum()), n_generated, "samples"),
        share("strictly_valid", assigner, int((connected & neutral & closed).sum()), n_generated, "samples"),
    ]


def _as_published(verdicts: pd.DataFrame, assigner: str) -> list[Row]:
    smiles = verdicts["published_smiles"].dropna()
    n, distinct = len(smiles), smiles.nunique()
    return [
        share("validity_as_published", assigner, n, len(verdicts), "samples"),
        share("uniqueness_as_published", assigner, distinct, n, "molecules valid as published", INDEPENDENT),
    ]


def _stability(verdicts: pd.DataFrame, assigner: str) -> list[Row]:
    # Null for timeouts and crashes, none of whose atoms were found stable.
    atoms = int(verdicts["n_stable_atoms"].fillna(0).sum())
    molecules = int(verdicts["molecule_stable"].fillna(False).sum())
    note = "the interval takes the atoms as independent"
    return [
        share("atom_stability", assigner, atoms, int(verdicts["n_atoms"].sum()), "atoms", note),
        share("molecule_stability", assigner, molecules, len(verdicts), "samples"),
    ]
