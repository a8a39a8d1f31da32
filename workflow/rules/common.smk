import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir).parent

# Also with --use-conda, where the Snakemake that reads this file need not have the package installed.
sys.path.insert(0, str(ROOT / "src"))

from tutti.config import FILES, PACKAGES, check
from tutti.registry import ConfigError
from tutti.sources import sources

CONTROLS = {"training_split": "train", "test_split": "test"}


if workflow.is_main_process:
    try:
        check(
            config,
            [*FILES, *map(os.path.relpath, workflow.overwrite_configfiles)],
            ROOT / "workflow/schemas",
            modules=find_spec("torch") is not None,
        )
    except ConfigError as error:
        raise WorkflowError(f"mistakes in the configuration:\n{error}") from None


def one_of(names):
    """Regular expression that matches exactly these names."""
    return "|".join(map(re.escape, names))


wildcard_constraints:
    run=re.escape(config["run"]),
    dataset=one_of(config["datasets"]),
    model=one_of([*config["models"], *CONTROLS]),
    control=one_of(CONTROLS),
    seed=r"\d+",
    assigner=one_of(config["bonds"]["assigners"]),


def code(script, *modules):
    """The script and all files of the package that `modules` need, as input: an edit of one reruns the job."""
    files = [ROOT / "scripts" / f"{script}.py", *sources(*modules)]
    return [os.path.relpath(path) for path in files]


def package_data(folder):
    """Files in a folder of the package that are no Python: templates, tables."""
    files = sorted(
        path
        for path in (ROOT / "src/tutti" / folder).rglob("*.*")
        if not path.match("*.py*")
    )
    return [os.path.relpath(path) for path in files]


def local_data(dataset):
    """The user's own files that a dataset is read from, as input: an edit of one reruns all that follows."""
    path = Path(config["datasets"][dataset]["config"].get("path", ""))
    if path == Path():
        return []
    return sorted(map(str, path.rglob("*.*"))) if path.is_dir() else [str(path)]


def module_of(model):
    """Import path of a model's module, below `tutti`."""
    entry = config["models"][model]
    return f"{PACKAGES[entry['kind']]}.{entry['module']}"


def resource(name):
    """Function of the wildcards that gives a resource of the model's catalogue entry."""
    return lambda wildcards: config["models"][wildcards.model]["resources"][name]


def samples(models, datasets=config["generation"]["datasets"]):
    """(dataset, model, seed) of every file of samples of `models`; the controls exist with seed 0 only."""
    return [
        (dataset, model, seed)
        for dataset in datasets
        for model in models
        for seed in ([0] if model in CONTROLS else config["seeds"])
    ]


def each(pattern, *selection, **wildcards):
    """`pattern` for every entry of `samples(*selection)`, expanded over further wildcards."""
    return [
        path
        for dataset, model, seed in samples(*selection)
        for path in expand(
            pattern,
            run=config["run"],
            dataset=dataset,
            model=model,
            seed=seed,
            **wildcards,
        )
    ]


def used_config():
    """The configuration with only those entries of the catalogues that the study uses."""
    chosen = {
        section: config["generation"][section] for section in ("datasets", "models")
    }
    return config | {
        section: {name: config[section][name] for name in chosen[section]}
        for section in chosen
    }
