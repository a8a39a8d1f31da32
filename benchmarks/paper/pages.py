"""docs/results.md, pages of docs/results/ and the blocks of README.md, of templates and recorded runs."""

import os
import re
import traceback
from collections.abc import Mapping
from pathlib import Path

import jinja2
from paper import prose
from paper.catalogue import FOLDER, ROOT
from paper.quotes import Quotes

PAGE, README = ROOT / "docs/results.md", ROOT / "README.md"
STUDIES, TRAININGS = FOLDER / "studies.md", FOLDER / "trainings.md"
TEMPLATES = {
    PAGE: "page.md.j2",
    STUDIES: "studies.md.j2",
    TRAININGS: "trainings.md.j2",
    README: "readme.md.j2",
}
"""README's template has a block for each pair of marks in README; the others are whole pages."""
BEGIN, END = "<!-- results: {} -->", "<!-- end of results -->"
MARKED = re.compile(
    r"(?P<begin><!-- results: (?P<name>\w+) -->\n)(?P<text>.*?)(?P<end><!-- end of results -->\n)", re.S
)
NOTICE = "<!-- Made from docs/results/{} by `make results`: edit that, not this. -->\n"


class PageError(ValueError):
    """A template that cannot be rendered; the message has its file and line."""


def rendered() -> dict[Path, str]:
    """The text of the files.

    Raises:
        PageError: for a template that asks for what was not recorded, has a number written by hand, or
            lacks a block that README marks.
    """
    for template in TEMPLATES.values():
        _refuse_numbers(FOLDER / template, (FOLDER / template).read_text(encoding="utf-8"))
    old = README.read_text(encoding="utf-8")
    _refuse_numbers(README, MARKED.sub(lambda found: "\n" * found[0].count("\n"), old))
    blocks = _blocks(README)
    if wrong := set(blocks) ^ {found["name"] for found in MARKED.finditer(old)}:
        raise PageError(
            f"{README.name} and {TEMPLATES[README]} differ in the blocks {', '.join(sorted(wrong))}"
        )
    readme = MARKED.sub(lambda found: f"{found['begin']}{blocks[found['name']]}{found['end']}", old)
    whole = {page: NOTICE.format(TEMPLATES[page]) + _text(page) for page in TEMPLATES if page != README}
    return {**whole, README: readme}


def _refuse_numbers(path: Path, text: str) -> None:
    found = [f"line {line}: {number}" for line, number in prose.numbers(text)]
    if found:
        what = "; ".join(found)
        raise PageError(
            f"{path.relative_to(ROOT)}: written by hand, {what}: quote a run (`value`) or a log (`log`)"
        )


def _template(page: Path) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    quotes = Quotes(os.path.relpath(FOLDER, page.parent), "" if page in (PAGE, README) else "S")
    environment.globals.update(
        {name: getattr(quotes, name) for name in Quotes.__dict__ if not name.startswith("_")}
    )
    return _placed(page, lambda: environment.get_template(TEMPLATES[page]))


def _text(page: Path) -> str:
    template = _template(page)
    return _placed(page, template.render)


def _blocks(page: Path) -> Mapping[str, str]:
    template = _template(page)
    context = template.new_context()
    return {
        name: _placed(page, lambda b=block: "".join(b(context))) for name, block in template.blocks.items()
    }


def _placed(page: Path, make: object) -> object:
    """What `make` gives; its errors tell the line of the template."""
    try:
        return make()
    except (jinja2.TemplateError, ArithmeticError, LookupError, OSError, TypeError, ValueError) as error:
        frames = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(".j2")]
        line = getattr(error, "lineno", None) or (frames[-1] if frames else 1)
        raise PageError(f"docs/results/{TEMPLATES[page]}, line {line}: {error}") from error
