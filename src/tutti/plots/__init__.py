"""Figures. One style and one way to save for all of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tutti.files import atomic_path
from tutti.tables import CONTROLS

# Okabe & Ito, Color Universal Design (2008): distinguishable with every common colour blindness.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
REFERENCE = "#B3B3B3"  # data are grey, models are coloured
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
            with atomic_path(f"{stem}{suffix}") as temporary:
                figure.savefig(temporary, dpi=200, metadata=metadata)


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
