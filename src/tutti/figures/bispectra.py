"""Heat maps of the bispectra of local environments."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import AsinhNorm
from matplotlib.figure import SubFigure

from tutti.core.randomness import numpy_generator
from tutti.figures import BAD, new_figure, nothing, shown
from tutti.statistics.observations import Observations, most_frequent

ENVIRONMENTS = 2
ROWS = 200  # environments in a panel; always the same of the same data
COLOURS = "RdBu_r"
LINEAR = 50  # the colour scale is linear up to this part of its end
SUBSCRIPTS = str.maketrans("0123456789,", "₀₁₂₃₄₅₆₇₈₉ ")

Triple = tuple[int, int, int]


def draw(samples: Mapping[str, Mapping[str, Observations]], stem: Path, columns: Sequence[Triple]) -> None:
    """Draw bispectra of the two most frequent environments of the reference, one panel per label.

    A panel's rows are up to 200 random environments, in the order of the projection on the reference's first
    principal component; its columns are the entries of the bispectrum. All panels of an environment share
    one colour scale, which is linear around 0 and logarithmic beyond a fiftieth of its ends.

    Args:
        samples: by label, the bispectra (values [n, K]) by environment, `C:C2,H2` for example. The first
            entry is the reference.
        stem: the figure's path without suffix.
        columns: K triples (l1, l2, l3); pseudoscalars, whose sum is odd, are marked.

    Raises:
        ValueError: when bispectra have not K entries.
    """
    reference = next(iter(samples))
    found = {key: observed for key, observed in samples[reference].items() if len(observed)}
    if not found:
        nothing(stem, f"{shown(reference)}: no environment in any valid molecule")
        return
    keys = most_frequent(found, ENVIRONMENTS)
    with new_figure(stem, 1.1 + 1.75 * len(samples), 0.4 + 2.6 * len(keys)) as figure:
        if any(sum(triple) % 2 for triple in columns):
            figure.supxlabel("entry l₁l₂l₃ of the bispectrum; * pseudoscalar", size=8)
        else:
            figure.supxlabel("entry l₁l₂l₃ of the bispectrum", size=8)
        blocks = np.atleast_1d(figure.subfigures(len(keys), 1))
        for block, key in zip(blocks, keys, strict=True):
            values = {label: _values(of_key.get(key), columns) for label, of_key in samples.items()}
            _environment(block, key, values, columns, key == keys[-1])


def _values(observed: Observations | None, columns: Sequence[Triple]) -> np.ndarray:
    """[n, K], n = 0 where nothing was observed."""
    if observed is None:
        return np.empty((0, len(columns)))
    if observed.values.shape[1] != len(columns):
        raise ValueError(f"bispectra with {observed.values.shape[1]} entries, but {len(columns)} columns")
    return observed.values


def _environment(
    block: SubFigure, key: str, values: Mapping[str, np.ndarray], columns: Sequence[Triple], named: bool
) -> None:
    """One row of panels with its colour scale; the columns are `named` below the last."""
    centre, component = _first_component(next(iter(values.values())))
    limit = max(np.abs(array).max(initial=0) for array in values.values()) or 1.0
    scale = ScalarMappable(AsinhNorm(limit / LINEAR, vmin=-limit, vmax=limit), COLOURS)
    axes = block.subplots(1, len(values), sharey=True, squeeze=False)[0]
    axes[0].set_ylim(min(ROWS, max(map(len, values.values()))), 0)
    for panel, (label, array) in zip(axes, values.items(), strict=True):
        panel.set_title(f"{shown(label)}\nn = {len(array):,}", size=7.5, weight="normal")
        panel.spines[["top", "right"]].set_visible(True)
        names = [_column(triple) for triple in columns] if named else []
        panel.set_xticks(range(len(columns)) if named else [], names, rotation=90, size=6.5)
        panel.set(xlim=(-0.5, len(columns) - 0.5), yticks=[])
        panel.tick_params(length=0)
        if len(array):
            _heat_map(panel, array, (array - centre) @ component, scale)
        else:
            panel.text(0.5, 0.5, "none", transform=panel.transAxes, ha="center", va="center", color=BAD)
    centre_atom, _, neighbours = key.partition(":")
    axes[0].set_ylabel(f"{centre_atom} bonded to {neighbours.translate(SUBSCRIPTS)}", weight="bold")
    decades = 10.0 ** np.arange(np.ceil(np.log10(limit / LINEAR)), np.log10(limit))
    ticks = [*-decades[::-1], 0, *decades]
    bar = block.colorbar(scale, ax=list(axes), pad=0.015, aspect=30, ticks=ticks, format="%g")
    bar.set_label("value (no unit)", size=7.5)
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=6.5)
    bar.outline.set_linewidth(0.5)


def _first_component(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean [K], direction [K] of the largest variance, its largest component positive)."""
    centre = values.mean(axis=0)
    direction = np.linalg.eigh((values - centre).T @ (values - centre))[1][:, -1]
    return centre, direction * np.sign(direction[np.abs(direction).argmax()])


def _heat_map(axes: Axes, values: np.ndarray, order: np.ndarray, scale: ScalarMappable) -> None:
    """Up to `ROWS` random rows, in ascending `order`; fewer rows leave the rest of the panel empty."""
    chosen = numpy_generator(0, "bispectra").permutation(len(values))[:ROWS]
    rows = values[chosen[np.argsort(order[chosen], kind="stable")]]
    extent = (-0.5, values.shape[1] - 0.5, len(rows), 0)
    axes.imshow(rows, norm=scale.norm, cmap=scale.cmap, aspect="auto", interpolation="none", extent=extent)


def _column(triple: Triple) -> str:
    """`022`, and `234*` for a pseudoscalar."""
    return "".join(map(str, triple)) + ("*" if sum(triple) % 2 else "")
