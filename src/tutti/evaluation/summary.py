"""What an evaluation found, in a table for the terminal."""

from collections.abc import Mapping, Sequence

import pandas as pd
from tabulate import tabulate

from tutti.core.tidy import MISSING
from tutti.evaluation.result import Evaluation
from tutti.report.escaping import visible

WIDTH = 100
NAME = 24
"""Characters of a line, and of a model's name in it."""
LEGEND = "Percentages, with their 95 % intervals."


def summary(found: Evaluation, assigners: Sequence[str]) -> str:
    """One line per model: n, validity by each assigner, uniqueness and novelty by the first of them.

    Columns that do not fit into `WIDTH` characters stand in a further table below; names are shortened in
    their middle. Without the table `validity` it is empty.

    Args:
        found: the evaluation.
        assigners: in the order of the columns.
    """
    if "validity" not in found.tables:
        return ""
    rows = found.tables["validity"].set_index(["model", "metric", "subset"])
    wanted = {f"valid\n{name}": ("validity", name) for name in assigners}
    wanted |= {f"unique\n{assigners[0]}": ("uniqueness", assigners[0])}
    wanted |= {f"novel\n{assigners[0]}": ("novelty", assigners[0])}
    cells = {
        heading: [_cell(rows, (model, *key)) for model in found.models] for heading, key in wanted.items()
    }
    if set(cells[f"novel\n{assigners[0]}"]) == {MISSING}:  # nothing to compare with
        del cells[f"novel\n{assigners[0]}"]
    first = {
        "model": [_short(model) for model in found.models],
        "n": [str(rows.loc[(model, "validity", assigners[0]), "n"]) for model in found.models],
    }
    groups: list[dict[str, list[str]]] = [{}]
    for heading, column in cells.items():
        if groups[-1] and _width(_table(first | groups[-1] | {heading: column})) > WIDTH:
            groups.append({})
        groups[-1][heading] = column
    return "\n\n".join(_table(first | group) for group in groups) + f"\n{LEGEND}"


def _cell(rows: pd.DataFrame, key: tuple[str, str, str]) -> str:
    """`97.5 (94–99)`."""
    if key not in rows.index or pd.isna(rows.loc[key, "value"]):
        return MISSING
    value, low, high = (100 * float(rows.loc[key, name]) for name in ("value", "ci_low", "ci_high"))
    return f"{value:.1f} ({low:.0f}–{high:.0f})"


def _short(name: str) -> str:
    name = visible(name)
    half = (NAME - 1) // 2
    return name if len(name) <= NAME else f"{name[:half]}…{name[-half:]}"


def _table(columns: Mapping[str, list[str]]) -> str:
    align = ["left", *["right"] * (len(columns) - 1)]
    return tabulate(columns, headers="keys", tablefmt="simple", disable_numparse=True, colalign=align)


def _width(table: str) -> int:
    return max(map(len, table.splitlines()))
