"""The recipes of CONTRIBUTING.md, done to the letter: from a blank file to the table on the page."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from documents import ROOT, recipes

from tutti.core import tidy

MOST_FILES = {
    "Add a generator": 2,
    "Add a force field": 2,
    "Add somebody else's force field": 1,
    "Add a dataset": 2,
    "Add a bond assigner": 2,
    "Add a file format": 2,
    "Add a metric": 3,
    "Add a figure": 3,
    "Add a table of force fields": 4,
    "Change the demo's models": 2,
}
RECIPES = recipes()
FEW = """
run: few
generation: {datasets: [vibrating], models: [water_tiny], samples: 12}
bonds: {assigners: [xyz2mol]}
evaluation: {tables: [validity], controls: []}
forcefields: {runs: []}
"""
OTHERS = """
run: few
generation: {datasets: [], models: []}
forcefields: {runs: [{dataset: vibrating, models: [gfn1_xtb]}], tables: [errors]}
datasets: {vibrating: {split: {train: 10, valid: 2, test: 10}}}
"""
# Flat, or a pyramid; bohr.
AMMONIA = """$coord
  0.0   0.0    0.0 n
  1.92  0.0    {height} h
 -0.96  1.6628 {height} h
 -0.96 -1.6628 {height} h
$end
"""


def test_every_recipe_is_done_here():
    assert [*MOST_FILES, "All of it in one run"] == list(RECIPES)


@pytest.mark.parametrize("recipe", MOST_FILES)
def test_a_recipe_touches_few_files(recipe):
    assert 0 < len({block.path for block in RECIPES[recipe]}) <= MOST_FILES[recipe]


def python(tree, *arguments):
    environment = os.environ | {"PYTHONPATH": str(tree.root / "src"), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *arguments], cwd=tree.root, env=environment, check=True)


def follow(tree, *titles):
    for block in (block for title in titles for block in RECIPES[title]):
        block.apply(tree.root)


@pytest.fixture
def done(fresh):
    """A copy of the repository in which all recipes are done."""
    follow(fresh, *RECIPES)
    return fresh


def test_the_code_of_the_recipes_passes_the_checks_of_style(done):
    shutil.copy(ROOT / "pyproject.toml", done.root)
    new = [block.path for blocks in RECIPES.values() for block in blocks if block.language == "python"]
    for command in (["check"], ["format", "--check"]):
        python(done, "-m", "ruff", *command, *new)


def test_the_models_of_the_recipes_keep_the_contracts(done):
    shutil.copy(ROOT / "pyproject.toml", done.root)
    shutil.copytree(ROOT / "tests", done.root / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    python(done, "-m", "pytest", "-q", "-n", "0", "-k", "water or springs", "tests/contracts")


def test_the_demo_plans_what_the_recipes_add(done):
    result = done.snakemake("--dry-run")
    assert result.returncode == 0, result.stdout
    for name in ("train/qm9_demo/edm_small/seed0/", "/single_bonds.parquet", "figures/reasons.png"):
        assert name in result.stdout
    assert "edm_demo" not in result.stdout


def test_evaluate_makes_the_metric_of_the_recipe_from_files_of_its_format(done):
    folder = done.root / "theirs"
    folder.mkdir()
    for i, height in enumerate((0.0, 0.7)):
        (folder / f"{i}.coord").write_text(AMMONIA.format(height=height))
    (folder / "broken.coord").write_text("$coord\n 0 0 x h\n$end\n")
    options = ["--only", "planarity,reasons", "--assigners", "xyz2mol,single_bonds", "--jobs", "1"]
    command = "from tutti.cli import app; app()"
    python(done, "-c", command, "evaluate", "theirs", "--out", "judged", *options)
    table = tidy.read(done.root / "judged/tables/planarity.csv").set_index("metric")
    assert (table.loc["planar", "value"], table.loc["planar", "n"]) == (0.5, 2)
    reasons = tidy.read(done.root / "judged/tables/reasons.csv").set_index(["metric", "subset"])
    for assigner in ("xyz2mol", "single_bonds"):
        assert reasons.loc[("unreadable", assigner), "value"] == pytest.approx(1 / 3)
        assert reasons.loc[("valid", assigner), "value"] == pytest.approx(2 / 3)
    page = (done.root / "judged/report/index.html").read_text()
    assert "whose atoms lie in one plane to 0.1 Å" in page and "Why samples are not valid." in page


def test_two_files_each_put_a_generator_and_its_data_into_a_table_and_its_figure(fresh):
    follow(fresh, "Add a generator", "Add a dataset")
    (fresh.root / "few.yaml").write_text(FEW)
    wanted = ["results/few/tables/validity.md", "results/few/figures/validity.svg"]
    result = fresh.snakemake("--configfile", "few.yaml", "--", *wanted, OMP_NUM_THREADS="1")
    assert result.returncode == 0, result.stdout
    table = tidy.read(fresh.root / "results/few/tables/validity.csv").set_index(["model", "metric"])
    assert table.loc[("water_tiny", "validity"), "n"] == 12
    assert table.loc[("water_tiny", "validity"), "value"] > 0.5


def test_one_file_puts_somebody_elses_force_field_into_the_table_of_errors(fresh):
    follow(fresh, "Add somebody else's force field", "Add a dataset")
    (fresh.root / "few.yaml").write_text(OTHERS)
    result = fresh.snakemake(
        "--configfile", "few.yaml", "--", "results/few/tables/errors.md", OMP_NUM_THREADS="1"
    )
    assert result.returncode == 0, result.stdout
    table = tidy.read(fresh.root / "results/few/tables/errors.csv").set_index(["model", "metric", "subset"])
    found = table.loc[("gfn1_xtb", "energy_mae", "test")]
    assert found["value"] > 0 and "aligned" in found["note"]


@pytest.mark.long
def test_a_run_has_everything_that_the_recipes_add_on_its_page(done):
    result = done.snakemake("--configfile", "recipes.yaml", OMP_NUM_THREADS="1")
    assert result.returncode == 0, result.stdout
    results = done.root / "results/recipes"
    planar = tidy.read(results / "tables/planarity.csv").set_index("model")
    assert planar.loc["water_tiny", "value"] == planar.loc["test_split", "value"] == 1.0
    reasons = tidy.read(results / "tables/reasons.csv")
    assert {"xyz2mol", "single_bonds"} == set(reasons["subset"])
    assert set(reasons[reasons["model"] == "water_tiny"]["n"]) == {12}
    errors = tidy.read(results / "tables/largest_errors.csv").set_index(["model", "subset"])
    assert errors.loc[("gfn1_xtb", "test"), "value"] > 0
    assert errors.loc[("springs_tiny", "test"), "value"] > 0
    page = (results / "report/index.html").read_text()
    assert set(re.findall("<h3>(.*?)</h3>", page)) >= {"planarity", "reasons", "largest errors"}
    assert "Why samples are not valid." in page and "The largest error of a component of a force." in page
