"""Figures as .svg files that suit a white and a dark page, and are no larger than they need be."""

import re

from tutti.core.seals import BLANK
from tutti.figures.palette import DARK

DECIMALS = 2  # of coordinates in points: 0.01 pt is 3.5 µm
_GEOMETRY = re.compile(r' (?:d|x|y|width|height)="[^"]*"|translate\([^)]*\)')
_LETTER = re.compile(r'(<use xlink:href="[^"]*") transform="translate\(([-\d.]+) ([-\d.]+)\)"')
_NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]\d+)?")


def finish(text: str) -> str:
    """The .svg file that matplotlib wrote, smaller and with colours that follow the page's scheme.

    Coordinates are rounded to `DECIMALS`; comments, indents and identifiers that nothing refers to go, the
    others become short, and so do the places of letters. Where the reader, or the page around the figure,
    prefers a dark scheme, a style sheet replaces the colours by those of `palette.DARK`; programs without
    style sheets show what is for white. A comment has the place of a checksum (`tutti.core.seals`).

    Raises:
        ValueError: when the text has no drawing.
    """
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = _GEOMETRY.sub(_shortened, re.sub(r"\n\s*", "\n", text))
    text = _LETTER.sub(lambda m: f'{m[1]} x="{m[2]}"' + (f' y="{m[3]}"' if m[3] != "0" else ""), text)
    referred = dict.fromkeys(re.findall(r'(?<=href="#)[^"]+|(?<=url\(#)[^)]+', text))
    names = {name: f"i{k}" for k, name in enumerate(referred)}
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{names[m[1]]}"' if m[1] in names else "", text)
    text = re.sub(r'(href="#|url\(#)([^")]+)', lambda m: m[1] + names[m[2]], text)
    head = re.search(r"<svg[^>]*>", text)
    if head is None:
        raise ValueError("no <svg> element: not a drawing of matplotlib")
    return f"{text[: head.end()]}\n<!-- seal: {BLANK} -->\n{_style(text)}{text[head.end() :]}"


def _style(text: str) -> str:
    """The style sheet for the colours in `text`; it outweighs what stands in the elements themselves."""
    rules = [
        f'[style*="{kind}: {light.lower()}"]{{{kind}:{dark}!important}}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
        if f"{kind}: {light.lower()}" in text
    ]
    head = ["<style>svg{color-scheme:light dark}", "@media (prefers-color-scheme: dark){"]
    return "\n".join([*head, *rules, "}</style>"])


def _shortened(match: re.Match[str]) -> str:
    """A path, a place or a length with rounded numbers and no blanks around letters."""
    return re.sub(r"\s*([MLCQz\"])\s*", r"\1", _NUMBER.sub(_rounded, match[0]))


def _rounded(match: re.Match[str]) -> str:
    return f"{round(float(match[0]), DECIMALS):.{DECIMALS}f}".rstrip("0").rstrip(".")
