"""What runs again after a change: exactly what depends on it."""

import time
from contextlib import contextmanager

# Everything after one model's samples: 2 assigners and relaxation in 2 chunks, 4 tables made of parts, two
# made of all tables, figures.
AFTER_SAMPLES = {
    "chunks": 1,
    "bonds": 4,
    "gather_bonds": 2,
    "check": 2,
    "gather_checks": 1,
    "verdicts": 1,
    "metric": 4,
    "table": 4,
    "summary": 2,
    "table_figure": 3,
    "sample_figure": 6,
    "pictures": 1,
    "report": 1,
}
AFTER_TRAINING = {
    "training_figure": 1,
    "sample": 1,
    **AFTER_SAMPLES,
    "complete": 2,
    "completion": 1,
    "table": 5,
}


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
    with appended(finished.root / "src/tutti/generators/second.py"):
        assert finished.plan() == {"train": 1, **AFTER_TRAINING}


def test_editing_an_assigner_repeats_its_judgements_only(finished):
    with appended(finished.root / "src/tutti/bonds/xyz2mol.py"):
        plan = finished.plan()
    assert not {"dataset", "splits", "control", "train", "sample"} & plan.keys()
    # Six sets of samples: three models, the two controls chosen and the training split.
    assert "chunks" not in plan
    assert (plan["bonds"], plan["gather_bonds"]) == (12, 6)


def test_editing_somebody_elses_samples_repeats_what_follows_from_them(finished):
    with appended(finished.root / "theirs.xyz"):
        assert finished.plan() == AFTER_SAMPLES


def test_editing_a_metric_repeats_its_table_only(finished):
    with appended(finished.root / "src/tutti/metrics/agreement.py"):
        assert finished.plan() == {"metric": 5, "table": 1, "summary": 2, "report": 1}


def test_editing_a_plot_redraws_figures_only(finished):
    with appended(finished.root / "src/tutti/plots/validity.py"):
        assert finished.plan() == {"table_figure": 3, "sample_figure": 6, "report": 1}


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
    assert (plan["train"], plan["sample"], plan["bonds"]) == (2, 2, 8)
    assert plan["summary"] == 3  # also the mean over seeds
    assert "dataset" not in plan
