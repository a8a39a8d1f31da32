"""What the documents say: the files and changes of the recipes, rows of tables, the files they promise."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^### (.+?)\n(.*?)(?=^##)", flags=re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: a whole file, or what changes in one."""

    language: str
    path: str
    text: str

    def apply(self, root):
        """Do it below `root`."""
        path = root / self.path
        if self.language != "diff":
            assert not path.exists(), f"{self.path} is there already"
            path.write_text(self.text)
            return
        lines = self.text.splitlines(keepends=True)
        assert {line[0] for line in lines} <= set(" +-"), self.text
        before, after = ("".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +"))
        old = f"\n{path.read_text()}"
        assert old.count(f"\n{before}") == 1, (
            f"{self.path} has these lines {old.count(before)} times:\n{before}"
        )
        path.write_text(old.replace(f"\n{before}", f"\n{after}").removeprefix("\n"))


def recipes():
    """{title: blocks} of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return {title: [Block(*each) for each in BLOCK.findall(body)] for title, body in SECTION.findall(text)}


def rows(path):
    """[cells] of all rows of all tables of a document, but for their headings."""
    lines = (ROOT / path).read_text().splitlines()
    tables = [line for line in lines if line.startswith("|")]
    ruled = [i for i, line in enumerate(tables) if set(line) <= set("|- ")]
    headings = {i for at in ruled for i in (at - 1, at)}
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for i, line in enumerate(tables)
        if i not in headings
    ]


def alternatives(pattern):
    """The names that a pattern with braces, `{a,b}-c`, stands for."""
    found = re.search(r"\{([^{}]+)\}", pattern)
    if found is None:
        return [pattern]
    ends = pattern[: found.start()], pattern[found.end() :]
    return [name for each in found[1].split(",") for name in alternatives(each.join(ends))]
