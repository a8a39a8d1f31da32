"""What runs again after a change: exactly what depends on it."""

import time
from collections import Counter
from contextlib import contextmanager

import pytest

PAGE = {"tables": 1, "table_figures": 1, "report": 1}
# Everything after one model's samples, which are judged in two parts.
AFTER_SAMPLES = {"judge": 2, "measure": 1, "sample_figures": 1, **PAGE}
AFTER_TRAINING = {"sample": 1, "complete": 1, "completion": 1, "model_figures": 1, **AFTER_SAMPLES}


@contextmanager
def edited(path, old, new):
    """The file with `old` replaced, for the time of the block."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    try:
        yield
    finally:
        path.write_text(text)


def appended(path):
    last = path.read_text().splitlines(keepends=True)[-1]
    return edited(path, last, f"{last}# edited\n")


def test_a_second_run_says_that_nothing_is_to_be_done(finished):
    result = finished.snakemake()
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout


def test_touching_files_reruns_nothing(finished):
    time.sleep(1.1)  # some file systems keep whole seconds
    for folder in ("src", "workflow", "scripts", "config", "envs", "results"):
        for path in (finished.root / folder).rglob("*"):
            path.touch()
    assert finished.plan() == {}


def test_editing_a_generator_reruns_its_training_and_what_follows_only(finished):
    with appended(finished.root / "src/tutti/models/generators/second.py"):
        assert finished.plan() == {"train": 1, **AFTER_TRAINING}


def test_editing_an_assigner_repeats_judgements_and_nothing_before(finished):
    """Finished verdicts of the other assigners are found again: see tests/benchmark/samples/test_judge.py."""
    with appended(finished.root / "src/tutti/chemistry/bonds/lookup.py"):
        plan = finished.plan()
    # Five sets of samples, three models and the two controls chosen, and the reference; in two parts each.
    assert plan == {"judge": 10, "judge_reference": 2, "measure": 5, "sample_figures": 1, **PAGE}


def test_editing_somebody_elses_samples_repeats_what_follows_from_them(finished):
    with appended(finished.root / "theirs.xyz"):
        assert finished.plan() == AFTER_SAMPLES


def test_editing_a_metric_repeats_its_tables_only(finished):
    with appended(finished.root / "src/tutti/benchmark/samples/assigner_agreement.py"):
        assert finished.plan() == {"measure": 5, **PAGE}


def test_editing_a_figure_redraws_its_job_only(finished):
    with appended(finished.root / "src/tutti/figures/validity.py"):
        assert finished.plan() == {"table_figures": 1, "report": 1}


# One leaf of every folder, and how many jobs of each rule import it, directly or not, or load it by name.
LEAVES = {
    "benchmark/metrics/strain.py": {"judge": 10, "measure": 5},
    "benchmark/samples/jsd.py": {"measure": 5, "sample_figures": 1},
    "benchmark/forcefields/water.py": {},
    "benchmark/interpretation/embedding.py": {},
    "benchmark/signals/minimise.py": {"model_figures": 1},
    "benchmark/published.py": {"tables": 1, "report": 1},
    "chemistry/bonds/openbabel.py": {},
    "chemistry/bonds/lookup.py": {"judge": 10, "judge_reference": 2},
    "chemistry/xtb.py": {"judge": 10, "measure": 5},
    "data/leakage.py": {
        **{"splits": 1, "train": 2, "complete": 2, "judge": 10, "judge_reference": 2},
        "model_figures": 1,
    },
    "evaluation/request.py": {},
    "figures/strain.py": {"sample_figures": 1},
    "figures/training.py": {"model_figures": 1},
    "io/sdf.py": {"judge": 2},
    "models/generators/second.py": {"train": 1, "sample": 1, "complete": 1},
    "models/generators/symphony/heads.py": {},
    "models/forcefields/painn.py": {},
    "models/training/gradients.py": {"train": 2},
    "nn/egnn.py": {},
    "report/records.py": {"report": 1},
    "simulation/path_integral.py": {"model_figures": 1},
    "statistics/wilson.py": {"completion": 2, "judge": 10, "measure": 5, "sample_figures": 1},
    "workflow/requests.py": {},
}


@pytest.fixture(scope="module")
def importers(finished):
    """{rule: jobs} that have a file of the package among their input, by the file's path in the package."""
    jobs = finished.inputs()

    def of(leaf):
        return dict(Counter(rule for rule, files in jobs if f"src/tutti/{leaf}" in files))

    return of


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_leaf_is_input_of_the_jobs_that_import_it_and_of_no_others(importers, leaf):
    assert importers(leaf) == LEAVES[leaf]


def test_editing_a_script_reruns_its_rule(finished):
    with appended(finished.root / "scripts/report.py"):
        assert finished.plan() == {"report": 1}


def test_changing_a_training_setting_retrains_that_model_only(finished):
    with edited(finished.root / "config/config.yaml", "steps: 5", "steps: 6"):
        assert finished.plan() == {"train": 1, **AFTER_TRAINING}


def test_changing_what_no_job_uses_reruns_nothing(finished):
    with edited(finished.root / "config/config.yaml", "unused:", "unused_too:"):
        assert finished.plan() == {}


def test_a_second_seed_adds_its_jobs(finished):
    with edited(finished.root / "config/config.yaml", "seeds: [0]", "seeds: [0, 1]"):
        plan = finished.plan()
    assert (plan["train"], plan["sample"], plan["judge"], plan["measure"]) == (2, 2, 4, 2)
    assert "dataset" not in plan
