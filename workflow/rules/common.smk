import os
import sys
from importlib.util import find_spec
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir).parent

# Also with --use-conda, where the Snakemake that reads this file need not have the package installed.
sys.path.insert(0, str(ROOT / "src"))

from tutti.benchmark.tables import MAIN
from tutti.core.registry import ConfigError
from tutti.workflow.config import FILES, check, load
from tutti.workflow.plan import Plan
from tutti.workflow.plan.gpu_hours import gpu_hours
from tutti.workflow.plan.kept import kept
from tutti.workflow.plan.names import size
from tutti.workflow.reruns import install
from tutti.workflow.running import claim

install()

# Read here and not by `configfile:`, which lets places that share a YAML anchor change together.
files = [*FILES, *map(os.path.relpath, workflow.overwrite_configfiles)]
try:
    config = load(files, workflow.config_settings.config)
    if workflow.is_main_process:
        check(
            config,
            files,
            ROOT / "workflow/schemas",
            modules=find_spec("torch") is not None,
            remember=Path(".snakemake/tutti"),
        )
except ConfigError as error:
    raise WorkflowError(f"mistakes in the configuration:\n{error}") from None

plan = Plan.of(config, ROOT / "scripts")
layout = plan.layout
config = plan.config
D, M, S = "{dataset}", "{model}", "{seed}"


# The shell gives way to the job, which is then a child of this process and ends with it.
shell.prefix("set -euo pipefail; exec ")


wildcard_constraints:
    dataset=plan.patterns["dataset"],
    model=plan.patterns["model"],
    seed=plan.patterns["seed"],
    part=plan.patterns["part"],


def resource(name):
    """Function of the wildcards that gives a resource of the model's catalogue entry."""
    return lambda wildcards: plan.forcefields.resources(wildcards.model)[name]


def growing(amount):
    """Function of the try: as much more of a resource again with each, for jobs killed for want of it."""
    return lambda wildcards, attempt: amount * attempt


def memory(wildcards, attempt):
    """Memory in MB of the model's catalogue entry, growing. Its run time does not: a training goes on."""
    return resource("mem_mb")(wildcards) * attempt


def environment(wildcards):
    """The conda environment of a model's jobs: its own, if it is another code's that has one."""
    own = plan.forcefields.environment(wildcards.model)
    return "../../envs/tutti.yaml" if own is None else os.path.abspath(own)


def alone(wildcards):
    """All cores, where they are known, or another job would be measured along; a cluster gives a node of its own."""
    return workflow.resource_settings.cores or plan.speed.of(**wildcards)["threads"]


def of_dataset(path):
    """Function of the wildcards: the file of the whole dataset that a training set is a part of."""
    return lambda wildcards: path(wildcards.dataset.partition("@")[0])


def of_training(file):
    """Function of the wildcards: a file of the training, or of its snapshot, that a model is sampled from."""
    return lambda wildcards: plan.samples.weights(**wildcards, file=file)


if workflow.is_main_process and find_spec("snakemake_executor_plugin_slurm"):
    from tutti.workflow import slurm

    slurm.install()

if workflow.is_main_process:
    sys.stderr.write(gpu_hours(plan.samples))
