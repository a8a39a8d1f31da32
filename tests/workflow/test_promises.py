"""What the documents promise: files that are planned, paths that exist, names that can be imported."""

import importlib
import re
from functools import cache
from pathlib import Path

import pytest
from documents import ROOT, alternatives, recipes, rows

from tutti.workflow.config import FILES, check, load
from tutti.workflow.plan import Plan
from tutti.workflow.plan.layout import Layout

DEMO = "config/config.yaml"
STUDIES = sorted(
    str(path.relative_to(ROOT))
    for path in ROOT.glob("config/**/*.yaml")
    if path.name not in ("datasets.yaml", "models.yaml")
)
RUNS = (DEMO, "config/standard.yaml", "config/paper.yaml")
"""What `<run>` stands for in docs/files.md."""
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "config/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
]
FOLDERS = "benchmarks|config|docs|envs|scripts|src|tests|workflow"


@cache
def plan(study, seeds=(0,)):
    files = [ROOT / name for name in (*FILES, *([] if study == DEMO else [study]))]
    config = load(files, {"seeds": list(seeds)})
    check(config, files, ROOT / "workflow/schemas", modules=False)
    return Plan.of(config, ROOT / "scripts")


def stems(planned):
    """Targets relative to the run's folder and without the ends of their names."""
    return {re.sub(rf"^results/{planned.layout.run}/|\.\w+$", "", path) for path in planned.targets}


def promised():
    """(file without its end, study, seeds) of each row of docs/files.md that names files of a run."""
    for cells in rows("docs/files.md"):
        names = re.findall(r"`([^`]+)`", cells[-1])
        files = [
            re.sub(r"\.(\*|\{.*\})$", "", name) for name in names if name.startswith(("tables/", "figures/"))
        ]
        studies = [name for name in names if name.startswith("config/")] or RUNS
        seeds = (0, 1) if "`seeds`" in cells[0] else (0,)
        for name in (each for pattern in files for each in alternatives(pattern)):
            yield from ((name, study, seeds) for study in studies)


@pytest.mark.parametrize("study", STUDIES)
def test_every_configuration_plans_something(study):
    found = stems(plan(study))
    assert {"report/index"} < found and any(name.startswith("tables/") for name in found)


@pytest.mark.parametrize("name, study, seeds", list(promised()))
def test_what_is_promised_is_planned(name, study, seeds):
    pattern = "[^/]+".join(re.escape(part) for part in re.split("<[a-z]+>", name))
    planned = stems(plan(study, seeds))
    assert any(re.fullmatch(pattern, stem) for stem in planned), f"{study} does not plan {name}"


def test_every_study_is_named():
    named = {study for _, study, _ in promised()}
    assert set(STUDIES) <= named


def test_where_everything_about_single_molecules_lies_is_told():
    text = " ".join((ROOT / "docs/files.md").read_text().split())
    names = ("<dataset>", "<model>", "<k>")
    layout = Layout("run")
    for path in (
        layout.judged(*names, "", "<assigner>.parquet"),
        layout.completions(*names, "verdicts.parquet"),
        layout.samples(*names),
        layout.training(*names),
    ):
        assert f"`{path.removeprefix('results/run/')}`" in text
    assert {"xyz2mol.parquet", "posebusters.parquet"} < set(plan(DEMO).samples.files(checks=True))


def test_readme_counts_right(tmp_path, monkeypatch):
    text = (ROOT / "README.md").read_text()
    mine, _ = re.findall(r"^```yaml\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert "Ten lines" in text and len(mine.splitlines()) == 10
    assert "One file, " in text and "one entry in" in text
    touched = [block.path for block in recipes()["Add a generator"]]
    assert len(touched) == 2 and touched[-1] == "config/models.yaml"
    (tmp_path / "mine.yaml").write_text(mine)
    (tmp_path / "frames.extxyz").touch()
    monkeypatch.chdir(tmp_path)
    assert {"tables/errors", "tables/inference_time"} < stems(plan(str(tmp_path / "mine.yaml")))


def anchors(page):
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_in_a_document_is_there(document):
    made = {block.path for blocks in recipes().values() for block in blocks}
    text = (ROOT / document).read_text()
    for path in re.findall(rf"(?<![\w/.<>-])(?:{FOLDERS})/[\w./<>-]*\w(?![\w/<>*-])", text):
        if not {"<", "mine"} & {*path, Path(path).stem} and path not in made:
            assert (ROOT / path).exists(), path
    for path, anchor in re.findall(r"\]\((?!\w+:)([\w./-]*)#?([\w-]*)\)", text):
        linked = (ROOT / document).parent / path if path else ROOT / document
        assert linked.exists() and (not anchor or anchor in anchors(linked)), f"{path}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_module_in_a_document_is_there(document):
    text = re.sub(r"^```\w+ .*?^```$", "", (ROOT / document).read_text(), flags=re.MULTILINE | re.DOTALL)
    for name in sorted(set(re.findall(r"(?<![\w./])tutti(?:\.\w+)+", text))):
        found = importlib.import_module("tutti")
        for part in name.split(".")[1:]:
            found = getattr(found, part, None) or importlib.import_module(f"{found.__name__}.{part}")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_target_of_make_in_a_document_is_there(document):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z-]+)`", (ROOT / document).read_text())) <= set(targets)
