"""The three jobs that draw: figures of tables, of samples and of models, one after another.

A request is a mapping with the import path of the drawing `function`, the figure's `stem`, and what the
figure is drawn from; `tutti.workflow.plan.figures` makes them. `places` give the run's models their colours.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tutti.core import functions
from tutti.core.progress import Progress
from tutti.figures import models_in_place

Request = Mapping[str, Any]


def draw_each(requests: Sequence[Request], inputs: Callable[[Request], Sequence[Any]]) -> None:
    """Draw every figure, from its `inputs`; `further` of a request are keywords of its function."""
    progress = Progress("figures", len(requests))
    for request in requests:
        draw = functions.load(request["function"])
        with models_in_place(request.get("places", {})):
            draw(*inputs(request), stem=Path(request["stem"]), **request.get("further", {}))
        progress.update()
    progress.close()
