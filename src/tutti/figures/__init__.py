"""Figures. One style and one way to save for all of them."""

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tutti.core.files import atomic_path
from tutti.core.tidy import CONTROLS

# Okabe & Ito, Color Universal Design (2008): distinguishable with every common colour blindness.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = "osD^vPX"
REFERENCE = "#B3B3B3"  # data are grey, models are coloured
CONTROL = "#8C8C8C"  # darker: for lines and points
DASHES = [
    "-",
    (0, (4, 1.5)),
    (0, (1, 1)),
    (0, (5, 1, 1, 1)),
    (0, (8, 2)),
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (2, 3)),
]
INK, FAINT = "#222222", "#D9D9D9"
GOOD, BAD = "#007A5A", "#B84A00"  # darker than in the palette: for text on white

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
    "savefig.facecolor": "white",
    "svg.hashsalt": "tutti",  # fixed element ids: the same figure gives the same bytes
}


@contextmanager
def new_figure(stem: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure in the project's style, of `width` x `height` inches, saved as `stem`.svg and .png at the end.

    The files carry no date and no version: same data, same bytes.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        for suffix, metadata in ((".svg", {"Date": None, "Creator": None}), (".png", {"Software": None})):
            with atomic_path(f"{stem}{suffix}") as temporary, warnings.catch_warnings():
                # A file's name may hold letters that the font lacks; they are drawn as boxes.
                warnings.filterwarnings("ignore", message="Glyph .* missing from font")
                figure.savefig(temporary, dpi=200, metadata=metadata)


def nothing(stem: Path, why: str) -> None:
    """Save a figure that only says why there is nothing to draw: samples without bonds are no error."""
    with new_figure(stem, 4.0, 0.6) as figure:
        figure.text(0.5, 0.5, why, ha="center", va="center")


def colours(labels: Sequence[str]) -> dict[str, str]:
    """Colours by label: grey for the first, which is the reference, the palette in order for the others.

    Raises:
        ValueError: when there are more labels than colours that can be told apart.
    """
    if len(labels) > len(PALETTE) + 1:
        raise ValueError(f"one figure can tell {len(PALETTE)} models apart, not {len(labels) - 1}")
    return dict(zip(labels, [REFERENCE, *PALETTE], strict=False))


def shown(label: str) -> str:
    """The label as people read it."""
    return CONTROLS.get(label, label)


def line_styles(labels: Sequence[str], controls: Collection[str]) -> dict[str, dict[str, Any]]:
    """Colour, dashes and marker of a line by label: models in colour, those in `controls` grey.

    When the colours (for controls: the dashes) are used up, they come again with other dashes and markers.
    """
    styles = {}
    for i, label in enumerate(label for label in labels if label not in controls):
        again, k = divmod(i, len(PALETTE))
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


def legend(figure: Figure, handles: Sequence[Line2D | Patch]) -> None:
    """One legend for all panels, below them, in as many columns as fit the figure's width."""
    widths = [0.6 + 0.068 * len(handle.get_label()) for handle in handles]  # inches
    n_columns = len(handles)
    while n_columns > 1 and sum(map(max, np.array_split(widths, n_columns))) > figure.get_figwidth():
        n_columns -= 1
    figure.legend(handles=list(handles), loc="outside lower center", ncols=n_columns)


def patches(names: Mapping[str, str]) -> list[Patch]:
    """Legend handles of what is drawn in the labels' `colours`: `names` are their texts, by label."""
    return [Patch(color=colour, label=names[label]) for label, colour in colours(list(names)).items()]
