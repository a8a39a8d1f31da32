"""What is planned for signals on the sphere, and what stops it."""

import re

import pytest

STUDY = "config/studies/signals.yaml"
SMALL = """
run: small
generation: {datasets: [], models: []}
forcefields: {runs: []}
signals:
  parametrisations: [symphony, simm]
  lmax: [1, 2]
  channels: [1, 2]
  number: 3
  points: 2
  beta: -10
  fit: {sharpness: 5, starts: 1, iterations: 5}
  octahedron: {lmax: [1], channels: [1]}
"""


def planned(tree, *arguments):
    result = tree.snakemake("--dry-run", *arguments)
    assert result.returncode == 0, result.stdout
    return set(re.findall(r"output: results/\w+/signals/(\S+)\.npz", result.stdout)), result.stdout


def test_the_study_fits_every_parametrisation_at_every_degree_and_nothing_else(tree):
    fits, text = planned(tree, "--configfile", STUDY)
    families = ("symphony", "simm", "simm_without_norm")
    random = {f"random_points/{family}/lmax{lmax}" for family in families for lmax in range(1, 6)}
    assert fits == random | {f"octahedron/symphony/lmax{lmax}" for lmax in range(1, 5)}
    assert {"octahedron", "signals_by_lmax", "signals_by_channels"} <= set(
        re.findall(r"figures/(\w+)\.svg", text)
    )
    rules = set(re.findall(r"^(?:local)?rule (\w+):", text, flags=re.MULTILINE))
    assert rules == {
        *("fit_signals", "signals_table", "signals_figure", "octahedron_figure", "report", "all"),
    }


def test_without_random_peaks_only_the_octahedron_is_fitted(tree):
    (tree.root / "octahedron.yaml").write_text(SMALL.replace("[symphony, simm]", "[]"))
    plan = tree.plan("--configfile", "octahedron.yaml")
    assert plan["fit_signals"] == 1 and "signals_figure" not in plan


def test_the_demo_fits_no_signals(tree):
    assert not {"fit_signals", "signals_table", "octahedron_figure"} & tree.plan().keys()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("simm]", "sim]", "signals.parametrisations.1: unknown value 'sim'; did you mean 'simm'?"),
        ("starts:", "start:", "signals.fit.start: unknown key 'start'; did you mean 'starts'?"),
        ("  points: 2\n", "", "signals: 'points' is a required property"),
    ],
)
def test_mistakes_are_told_before_any_job(tree, old, new, message):
    (tree.root / "mistake.yaml").write_text(SMALL.replace(old, new))
    result = tree.snakemake("--dry-run", "--configfile", "mistake.yaml")
    assert result.returncode != 0
    assert f"mistake.yaml: {message}" in result.stdout


@pytest.mark.long
def test_a_small_study_runs(tree):
    (tree.root / "small.yaml").write_text(
        SMALL.replace("[symphony, simm]\n  lmax: [1, 2]", "[simm]\n  lmax: [1]")
    )
    result = tree.snakemake("--configfile", "small.yaml")
    assert result.returncode == 0, result.stdout
    results = tree.root / "results/small"
    assert len((results / "tables/signals.csv").read_text().splitlines()) == 1 + 2 + 1
    page = (results / "report/index.html").read_text()
    assert page.count("<figcaption>") == 3 and "final kl" in page
