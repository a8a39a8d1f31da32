"""Figures of judged samples."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tutti.benchmark.samples.judged import Judged
from tutti.figures.drawing import Request, draw_each


def draw(requests: Sequence[Request]) -> None:
    """Draw what is asked for from the `folders` of several sets, by label, the grey one first; or of one set.

    Only the verdicts of one `assigner` and the `checks` are read.
    """
    read = cache(lambda folders, assigner, checks: Judged.read(folders, [assigner], checks))

    def inputs(request: Request) -> list[Any]:
        folders, assigner, checks = request["folders"], request["assigner"], tuple(request["checks"])
        if isinstance(folders, Mapping):
            return [{label: read(tuple(paths), assigner, checks) for label, paths in folders.items()}]
        judged = read(tuple(folders), assigner, checks)
        return [judged.structures, judged.verdicts[assigner]]

    draw_each(requests, inputs)
