"""Grid pictures of random, not chosen, samples."""

import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from tutti.core.randomness import numpy_generator
from tutti.core.structures import Structures
from tutti.figures import BAD, GOOD, INK, new_figure
from tutti.figures.palette import CARDS
from tutti.figures.rendering import ball_and_stick, ball_radii, bonds_by_distance, principal_view

COLUMNS = 6
TILE = 1.27  # side of a picture, inches
CAPTION = 0.17  # height of the caption below it, in tiles
PIXELS = 240  # side of a picture, a little more than are shown of it
LINE = 18  # characters of a caption's line
LARGEST = 1e3  # coordinates beyond it (Å) are not drawn


def draw(structures: Structures, verdicts: pd.DataFrame, stem: Path, n: int, seed: int) -> None:
    """Draw `n` random samples with SMILES, or with the reason why they are not valid.

    Args:
        structures: the samples.
        verdicts: one row per sample, in the same order, of one assigner. Bonds are the assigner's; where it
            found none, atoms are joined by distance.
        stem: the figure's path without suffix.
        n: how many samples; all of them when there are fewer.
        seed: which ones.

    Raises:
        ValueError: when structures and verdicts differ in length, or when there is no sample.
    """
    if len(structures) != len(verdicts) or len(structures) == 0:
        raise ValueError(f"{len(structures)} structures and {len(verdicts)} verdicts: nothing to draw")
    chosen = numpy_generator(seed, "pictures").permutation(len(structures))[:n]
    views = [_view(*structures.frame(i)) for i in chosen]
    widths = [_half_width(numbers, view) for numbers, view in views]
    # Molecules share one scale, except for those much larger than the others.
    common = np.percentile(widths, 75)
    n_columns = min(COLUMNS, len(chosen))
    n_rows = -(-len(chosen) // n_columns)
    width, height = n_columns, n_rows * (1 + CAPTION)
    with new_figure(stem, TILE * width, TILE * height, layout="none") as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        for k, (row, (numbers, view), own) in enumerate(zip(chosen, views, widths, strict=True)):
            left, top = k % n_columns, height - (k // n_columns) * (1 + CAPTION)
            verdict = verdicts.iloc[row]
            _tile(axes, left, top, verdict)
            if len(numbers):
                bonds = list(zip(verdict.bond_first, verdict.bond_second, verdict.bond_order, strict=True))
                bonds = bonds or bonds_by_distance(numbers, view)
                picture = ball_and_stick(numbers, view, bonds, max(own, common), PIXELS)
                axes.imshow(picture, extent=(left + 0.06, left + 0.94, top - 0.95, top - 0.07), zorder=3)
        axes.set_xlim(0, width)
        axes.set_ylim(0, height)


def _view(numbers: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What can be drawn of a sample: all of it, or nothing when a coordinate is not finite or very large."""
    if len(numbers) == 0 or not (np.abs(positions) < LARGEST).all():
        return numbers[:0], positions[:0]
    return numbers, principal_view(positions)


def _half_width(numbers: np.ndarray, view: np.ndarray) -> float:
    return float(np.max(np.abs(view[:, :2]) + ball_radii(numbers)[:, None], initial=1.5)) + 0.1


def _tile(axes: Axes, left: float, top: float, verdict: pd.Series) -> None:
    """Card, mark and caption of one sample."""
    colour = GOOD if verdict.valid else BAD
    face, edge = CARDS[bool(verdict.valid)]
    card = FancyBboxPatch(
        (left + 0.03, top - 1 - CAPTION + 0.03),
        0.94,
        0.94 + CAPTION,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor=face,
        edgecolor=edge,
        linewidth=0.7,
    )
    axes.add_patch(card)
    caption = verdict.smiles if verdict.valid else verdict.reason.replace("_", " ")
    lines = textwrap.wrap(caption, LINE, break_on_hyphens=False) or [""]
    text = "\n".join(lines[:2]) + ("…" if len(lines) > 2 else "")
    axes.text(left + 0.09, top - 0.08, "✓" if verdict.valid else "✗", color=colour, size=9, va="top")
    axes.text(
        left + 0.5, top - 1 - CAPTION / 2 + 0.04, text, size=6, ha="center", va="center",
        color=INK if verdict.valid else BAD, linespacing=1.25,
    )  # fmt: skip
