"""The table of single molecules, from which all others derive: one row per sample and assigner."""

from collections.abc import Mapping

import pandas as pd

from tutti.benchmark.tables import MAIN


def molecules(verdicts: Mapping[str, pd.DataFrame], checks: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All verdicts, sample by sample in their order, each with every assigner's row.

    Args:
        verdicts: by assigner, N rows each.
        checks: by check, N rows each; their columns, named `<check>_<column>`, stand in the rows of `MAIN`,
            whose molecules they looked at, and are null in the others.

    Raises:
        ValueError: when the frames are about different samples.
    """
    frames = [frame.assign(assigner=name, sample=range(len(frame))) for name, frame in verdicts.items()]
    ids = frames[0]["id"].tolist()
    if any(frame["id"].tolist() != ids for frame in [*frames, *checks.values()]):
        raise ValueError("the verdicts and checks are about different samples")
    table = pd.concat(frames, ignore_index=True).sort_values("sample", kind="stable", ignore_index=True)
    for name, check in checks.items():
        columns = check.drop(columns="id").add_prefix(f"{name}_")
        columns = columns.assign(sample=range(len(check)), assigner=MAIN)
        table = table.merge(columns, on=["sample", "assigner"], how="left")
    first = ["sample", "id", "assigner"]
    return table[[*first, *(name for name in table.columns if name not in first)]]
