"""Failures of SLURM, of the node and of Snakemake, on a cluster without accounts: the tables are the same."""

import os
import re
import signal
import time

import pytest
from cluster import wait_for
from study import CLUSTER, commands, copy, from_readme, started, tables

ACCOUNTS = False
README = [word for word in from_readme(CLUSTER) if not word.startswith("slurm_account")]
AWAY = 60  # s

pytestmark = pytest.mark.slurm


def outlive_its_time(cluster, workflow):
    """The training hangs until a minute, its time from now on, is over; slurmctld was away meanwhile."""
    number = cluster.running("train")
    (process,) = commands(".train.py")
    os.kill(process, signal.SIGSTOP)
    cluster.kill("slurmctld")
    time.sleep(AWAY)
    assert "SLURM does not answer" in workflow.shown()
    cluster.start_controller()
    cluster.wait_for("scontrol", "update", f"JobId={number}", "TimeLimit=1")
    workflow.wait_for(lambda: f"SLURM job {number}: TIMEOUT" in workflow.shown(), "end of the job's time")


def lose_the_node(cluster, workflow):
    """slurmd dies, the node is given up, its job goes back to the queue, and the node comes back."""
    number = cluster.running("train")
    cluster.kill("slurmd")
    workflow.wait_for(lambda: number in cluster.jobs("PENDING"), "job in the queue again")
    cluster.start_node()
    # SLURM ends what the node still runs, and waits two minutes before it starts the job again.
    workflow.wait_for(lambda: not commands(f"slurmstepd: [{number}."), "end of the job's first copy")
    cluster.run("scontrol", "update", f"JobId={number}", "StartTime=now")
    workflow.wait_for(lambda: cluster.running("train"), "training on the node that is back")


def lose_snakemake(cluster, workflow):
    """Number of the training that goes on when nobody looks after it any more."""
    workflow.kill()
    time.sleep(5)
    return cluster.running("train")


def restart_slurmctld(cluster):
    cluster.kill("slurmctld")
    cluster.start_controller()


@pytest.fixture(scope="module")
def weathered(cluster, tmp_path_factory):
    """A tree that one failure after another befell, the job that outlived its run, and all jobs' times."""
    tree = copy(tmp_path_factory.mktemp("weathered"))
    with started(README, tree, cluster) as workflow:
        workflow.wait_for_step(0.1)
        outlive_its_time(cluster, workflow)
        workflow.wait_for(lambda: cluster.running("train"), "second try")
        workflow.wait_for_step(0.2)
        lose_the_node(cluster, workflow)
        workflow.wait_for_step(0.3)
        left = lose_snakemake(cluster, workflow)
        assert left
        with started(README, tree, cluster) as second:
            second.wait_for(
                lambda: cluster.running("train") not in (None, left), "training of the second run"
            )
            times = cluster.times()
            restart_slurmctld(cluster)
            second.succeed()
    return tree, left, times


def test_the_tables_are_those_of_an_undisturbed_run(weathered, local_tables):
    tree, _, _ = weathered
    assert tables(tree) == local_tables


def test_no_two_jobs_write_the_same_files(weathered):
    tree, left, times = weathered
    shown = (tree / "console.txt").read_text()
    assert re.search(rf"Cancelled, for it writes the files of train: SLURM job {left}\b", shown)
    (new,) = re.findall(r"SLURM jobid (\d+) \(log: \S*rule_train", shown)[-1:]
    assert int(new) > int(left)
    assert times[left][1] <= times[new][0]


def test_a_job_that_lacks_memory_gets_more(cluster, tmp_path):
    tree = copy(tmp_path / "hungry")
    rules = tree / "workflow/rules/data.smk"
    rules.write_text(re.sub(r"mem_mb=growing\(\d+\)", "mem_mb=growing(75)", rules.read_text()))
    with started([*README, "--until", "splits"], tree, cluster) as workflow:
        workflow.succeed()
        numbers = re.findall(r"SLURM jobid (\d+)", workflow.shown())
        given = [
            cluster.run("squeue", "--noheader", "--states=all", "--format=%m", f"--jobs={n}") for n in numbers
        ]
    assert [amount.strip() for amount in given] == ["75M", "150M", "225M"][: len(given)]
    assert len(given) > 1
    assert (tree / "results/tiny/data/qm9_tiny.splits.json").exists()


def test_ctrl_c_cancels_all_jobs(cluster, tmp_path):
    with started(README, copy(tmp_path / "stopped"), cluster) as workflow:
        workflow.wait_for(cluster.jobs, "a running job")
        workflow.send(signal.SIGINT)
        wait_for(workflow.ended, "end of the workflow")
        wait_for(lambda: not cluster.jobs("PENDING,RUNNING,COMPLETING"), "end of all jobs", 30)
