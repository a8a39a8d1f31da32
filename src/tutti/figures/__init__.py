"""Figures. One style and one way to save for all of them."""

import textwrap
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tutti.core.files import atomic_path
from tutti.core.seals import seal
from tutti.core.tidy import CONTROLS
from tutti.figures import svg
from tutti.figures.palette import BAD, BAND, CONTROL, FAINT, GOOD, INK, PAGE, PALETTE, QUIET, REFERENCE

__all__ = ["BAD", "BAND", "CONTROL", "FAINT", "GOOD", "INK", "PAGE", "PALETTE", "QUIET", "REFERENCE"]

AREA = {"facecolor": REFERENCE, "edgecolor": CONTROL, "linewidth": 0.7}
"""An area that is the reference's."""

MARKERS = "osD^vPX"
DASHES = [
    "-",
    (0, (4, 1.5)),
    (0, (1, 1)),
    (0, (5, 1, 1, 1)),
    (0, (8, 2)),
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (2, 3)),
]

DPI = 200  # of the .png, and of what is drawn as pixels in the .svg

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that a figure looks the same everywhere
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 6,
    "axes.labelsize": 8.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.5,
    "svg.hashsalt": "tutti",  # fixed element ids: the same figure gives the same bytes
}


@contextmanager
def new_figure(
    stem: Path, width: float, height: float, layout: Literal["constrained", "none"] = "constrained"
) -> Iterator[Figure]:
    """A figure in the project's style, of `width` x `height` inches, saved as `stem`.svg and .png at the end.

    The files carry no date and no version: same data, same bytes. The .svg has no background and follows the
    colour scheme of the page (see `svg.finish`), the .png is on white.

    With the `layout` "none" everything stays where it is put, and is drawn once for each file, not twice.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout=layout)
        FigureCanvasAgg(figure)
        yield figure
        with warnings.catch_warnings():
            # A file's name may hold letters that the font lacks; they are drawn as boxes.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            with atomic_path(f"{stem}.svg") as temporary:
                metadata = {"Date": None, "Creator": None}
                figure.savefig(temporary, dpi=DPI, facecolor="none", metadata=metadata)
                temporary.write_text(svg.finish(temporary.read_text("utf-8")), "utf-8")
                seal(temporary)
            with atomic_path(f"{stem}.png") as temporary:
                figure.savefig(temporary, dpi=DPI, facecolor="white", metadata={"Software": None})


def nothing(stem: Path, why: str) -> None:
    """Save a figure that only says why there is nothing to draw: samples without bonds are no error."""
    with new_figure(stem, 4.0, 0.6) as figure:
        figure.text(0.5, 0.5, why, ha="center", va="center")


_PLACES: ContextVar[Mapping[str, int]] = ContextVar(
    "places of the run's models", default=MappingProxyType({})
)


@contextmanager
def models_in_place(places: Mapping[str, int]) -> Iterator[None]:
    """Within it, a model has the colour of its place (0, 1, ...) in every figure, whatever else that shows.

    Figures that show anything else than these models and controls take their colours in order.
    """
    token = _PLACES.set(places)
    try:
        yield
    finally:
        _PLACES.reset(token)


def _places(labels: Sequence[str]) -> list[int]:
    places = _PLACES.get()
    if all(label in places for label in labels):
        return [places[label] for label in labels]
    return list(range(len(labels)))


def colours(labels: Sequence[str]) -> dict[str, str]:
    """Colours by label: grey for the first, which is the reference, by `models_in_place` for the others.

    Raises:
        ValueError: when there are more labels than colours that can be told apart.
    """
    if len(labels) > len(PALETTE) + 1:
        raise ValueError(f"one figure can tell {len(PALETTE)} models apart, not {len(labels) - 1}")
    reference, *models = labels
    places = [place % len(PALETTE) for place in _places(models)]
    if len(set(places)) < len(places):
        places = list(range(len(models)))
    return {reference: REFERENCE} | {label: PALETTE[k] for label, k in zip(models, places, strict=True)}


def shown(label: str) -> str:
    """The label as people read it."""
    return CONTROLS.get(label, label)


def line_styles(labels: Sequence[str], controls: Collection[str]) -> dict[str, dict[str, Any]]:
    """Colour, dashes and marker of a line by label: models in colour (see `models_in_place`), controls grey.

    When the colours (for controls: the dashes) are used up, they come again with other dashes and markers.
    """
    styles = {}
    models = [label for label in labels if label not in controls]
    for place, label in zip(_places(models), models, strict=True):
        again, k = divmod(place, len(PALETTE))
        styles[label] = _style(PALETTE[k], again, again + k)
    for i, label in enumerate(label for label in labels if label in controls):
        styles[label] = _style(CONTROL, i, i + i // len(DASHES))
    return {label: styles[label] for label in labels}


def _style(colour: str, dashes: int, marker: int) -> dict[str, Any]:
    return {
        "color": colour,
        "linestyle": DASHES[dashes % len(DASHES)],
        "marker": MARKERS[marker % len(MARKERS)],
    }


def panels(n: int, most: int) -> tuple[int, int]:
    """(rows, columns) of a grid of n panels, at most `most` side by side, with few empty places."""
    columns = min(n, most) if n <= most else min(most, most - 1, key=lambda k: (-n % k, -k))
    return -(-n // columns), columns


def with_unit(name: str, unit: str) -> str:
    """A label of an axis: what is drawn and its unit, fractions in percent, in lines of 24 characters."""
    words = {"1": " (%)", "dimensionless": " (no\u00a0unit)"}.get(unit, f" ({unit})")
    return textwrap.fill(name + words, 24)


def legend(figure: Figure, handles: Sequence[Line2D | Patch]) -> None:
    """One legend for all panels, below them, in as many columns as fit the figure's width."""
    widths = [0.6 + 0.068 * len(handle.get_label()) for handle in handles]  # inches
    n_columns = len(handles)
    while n_columns > 1 and sum(map(max, np.array_split(widths, n_columns))) > figure.get_figwidth():
        n_columns -= 1
    figure.legend(handles=list(handles), loc="outside lower center", ncols=n_columns)


def patches(names: Mapping[str, str]) -> list[Line2D | Patch]:
    """Legend handles of what is drawn in the labels' `colours`: `names` are their texts, by label."""
    (reference, *_), models = names, list(colours(list(names)).items())[1:]
    lines = [Line2D([], [], color=colour, label=names[label]) for label, colour in models]
    return [Patch(label=names[reference], **AREA), *lines]
