"""Principal components of the embedding of the elements."""

from pathlib import Path

from tutti.benchmark.interpretation.embedding import PrincipalComponents
from tutti.figures import FAINT, PALETTE, new_figure, nothing

F_BLOCK = "f block"


def draw(components: PrincipalComponents, stem: Path) -> None:
    """Draw elements in the plane of the first two principal components, coloured by their group.

    Two elements are drawn on a line, which is all that their vectors span. With three elements the title says
    that a plane shows any three; one element gives a figure that says so.

    Args:
        components: of the embedding.
        stem: the figure's path without suffix.
    """
    frame, explained = components.frame(), components.explained
    if len(frame) < 2:
        nothing(stem, "a model of one element has no embedding to compare")
        return
    frame = frame.sort_values(["group", "number"])
    second = frame["pc2"] if "pc2" in frame else frame["pc1"] * 0
    names = {group: f"group {group}" if group else F_BLOCK for group in frame["group"].unique()}
    colours = dict(zip(names, (PALETTE * len(names))[: len(names)], strict=True))
    with new_figure(stem, 4.6, 3.4) as figure:
        axes = figure.subplots()
        axes.axhline(0, color=FAINT, linewidth=0.7, zorder=0)
        axes.axvline(0, color=FAINT, linewidth=0.7, zorder=0)
        for group, name in names.items():
            rows = frame["group"] == group
            axes.scatter(frame["pc1"][rows], second[rows], s=170, color=colours[group], label=name)
        for x, y, symbol in zip(frame["pc1"], second, frame["element"], strict=True):
            axes.text(x, y, symbol, color="white", weight="bold", ha="center", va="center")
        axes.margins(0.15)
        axes.set_xlabel(f"component 1 ({explained[0]:.0%} of the variance)")
        if "pc2" in frame:
            axes.set_ylabel(f"component 2 ({explained[1]:.0%} of the variance)")
            axes.set_aspect("equal", adjustable="datalim")
        else:
            axes.set_yticks([])
        if len(frame) <= 3:
            span = {2: "two elements span a line", 3: "any three elements lie in a plane"}[len(frame)]
            axes.set_title(span, weight="normal")
        figure.legend(loc="outside right center", handletextpad=0.1, markerscale=0.6)
