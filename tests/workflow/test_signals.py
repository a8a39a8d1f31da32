"""What is planned for signals on the sphere, and what stops it."""

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


def test_the_study_fits_every_parametrisation_at_every_degree_and_nothing_else(tree):
    plan = tree.plan("--configfile", STUDY)
    assert plan == {"fit_signals": 19, "tables": 1, "table_figures": 1, "model_figures": 1, "report": 1}


def test_fits_and_their_figures(plan_of):
    plan = plan_of(SMALL)
    assert plan.signals.fits == [
        *(
            f"results/small/signals/random_points/{f}/lmax{n}.npz"
            for f in ("symphony", "simm")
            for n in (1, 2)
        ),
        "results/small/signals/octahedron/symphony/lmax1.npz",
    ]
    names = [drawing.name for drawing in plan.figures.all]
    assert names == ["signals_by_lmax", "signals_by_channels", "octahedron"]
    assert plan.tables == ["signals"]
    assert plan.signals.arguments("octahedron")["channels"] == [1]


def test_without_random_peaks_only_the_octahedron_is_fitted(plan_of):
    plan = plan_of(SMALL.replace("[symphony, simm]", "[]"))
    assert len(plan.signals.fits) == 1
    assert [drawing.name for drawing in plan.figures.all] == ["octahedron"]


def test_the_demo_fits_no_signals(plan_of):
    assert plan_of().signals.fits == [] and "signals" not in plan_of().tables


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
