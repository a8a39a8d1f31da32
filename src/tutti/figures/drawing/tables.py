"""Figures of tables."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pandas as pd

from tutti.core import tidy
from tutti.figures.drawing import Request, draw_each


def draw(requests: Sequence[Request]) -> None:
    """Draw what is asked for from a `table`: of the rows of one `dataset`, where it is named."""
    read = cache(lambda path: tidy.read(Path(path)))

    def inputs(request: Request) -> list[pd.DataFrame]:
        table = read(request["table"])
        if "dataset" in request:
            table = table[table["dataset"] == request["dataset"]]
        return [table]

    draw_each(requests, inputs)
