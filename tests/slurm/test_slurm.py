"""README's commands, as they stand there, on a real cluster with accounts, where jobs are lost."""

import random
import re

import pytest
from cluster import CPUS
from study import (
    CLUSTER,
    STEPS,
    STUDY,
    TRAINING,
    WAITS,
    copy,
    environment,
    finish,
    from_readme,
    started,
    steps_done,
    tables,
)

ACCOUNTS = True
SPLITS = "results/tiny/data/qm9_tiny.splits.json"
SEED = 16
# Of the plan's 17 jobs: what shares a group is submitted once.
SUBMITTED = [
    "completion_complete_completion",
    "data_dataset_splits",
    *["judge_judge_measure", "judge_judge_measure"],
    "page_model_figures_report_sample_figures_table_figures_tables",
    *["reference_judge_reference", "sample", "speed", "train"],
]

pytestmark = pytest.mark.slurm


def cancel_some(cluster, rng, met):
    """Cancel about half of the rules and groups when they are first met running, but not the training."""
    for number, rule in cluster.jobs().items():
        if rule not in met and rule != "train":
            met[rule] = rng.random() < 0.5
            if met[rule]:
                cluster.run("scancel", number)


@pytest.fixture(scope="module")
def survivor(cluster, tmp_path_factory):
    """A tree in which the workflow has run, though its training and other jobs were cancelled midway."""
    tree = copy(tmp_path_factory.mktemp("survivor"))
    rng, met = random.Random(SEED), {}
    with started(from_readme(CLUSTER), tree, cluster) as workflow:
        workflow.wait_for_step(0.2)
        cluster.run("scancel", cluster.running("train"))
        while not workflow.ended():
            cancel_some(cluster, rng, met)
        workflow.succeed()
    assert sum(met.values()) >= 2, f"seed {SEED} cancels too little: {met}"
    return tree, sorted(rule for rule, cancelled in met.items() if cancelled)


def test_the_workflow_survives_cancelled_jobs(survivor, local_tables):
    tree, _ = survivor
    # The second job went on from the first one's checkpoint: it reports no step before.
    second = (tree / "logs/tiny/train/qm9_tiny/symphony_tiny/seed0.log").read_text()
    reported = [int(step) for step in re.findall(rf"training: (\d+)/{STEPS} ", second)]
    assert reported and min(reported) > 0.2 * STEPS
    assert steps_done(tree / TRAINING) == STEPS
    assert "<html" in (tree / "results/tiny/report/index.html").read_text()
    assert tables(tree) == local_tables
    assert {"validity.csv", "jsd.csv", "completion.csv"} <= set(local_tables)


def test_short_jobs_are_submitted_together_and_a_speed_is_alone(survivor, cluster):
    tree, cancelled = survivor
    (run,) = re.findall(r"SLURM run ID: (\S+)", (tree / "console.txt").read_text())
    jobs = cluster.jobs_of(run)
    done = jobs["state"] == "COMPLETED"
    assert sorted(jobs.loc[done, "name"]) == SUBMITTED
    # sacct says so of what a user cancels; squeue does not.
    assert set(jobs.loc[~done, "state"]) == {"CANCELLED by 0"}
    assert sorted(jobs.loc[~done, "name"]) == sorted([*cancelled, "train"])
    # One thread is asked for; --exclusive gives all CPUs of the node.
    assert set(jobs.loc[jobs["name"] == "speed", "cpus"]) == {CPUS}


def test_a_killed_run_leaves_no_lock(cluster, tmp_path):
    tree = copy(tmp_path / "killed")
    lock = tree / ".snakemake/tutti/tiny.lock"
    with started(from_readme(CLUSTER), tree, cluster) as workflow:
        workflow.wait_for(lock.exists, "lock")
        workflow.kill()
    assert lock.exists()
    again = [*from_readme(CLUSTER), *WAITS, "--configfile", STUDY, "--", SPLITS]
    finish(again, tree, environment(tree, cluster))
    assert not lock.exists()
