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
from tutti.suite import ADVERSARIES, CHECKS, FAMILIES, MAIN, SPLITS, checks_of
from tutti.suite.captions import MOST_MODELS, SAMPLE_FIGURES, TABLE_FIGURES

# Sets of real molecules that are judged like a model's samples.
CONTROLS = SPLITS | ADVERSARIES


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


MODELS = config["generation"]["models"]
TRAINED = [name for name in MODELS if config["models"][name]["kind"] == "generator"]
EXTERNAL = [name for name in MODELS if config["models"][name]["kind"] == "external"]


def one_of(names):
    """Regular expression that matches exactly these names."""
    # Snakemake takes an empty expression for no constraint; this one matches nothing.
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    run=re.escape(config["run"]),
    dataset=one_of(config["datasets"]),
    model=one_of([*config["models"], *CONTROLS]),
    seed=r"\d+",
    assigner=one_of(config["bonds"]["assigners"]),
    check=one_of(CHECKS),


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


def local_files(path):
    """The user's own file, or all files of a folder, as input: an edit of one reruns all that follows."""
    if path is None:
        return []
    path = Path(path)
    if not path.is_dir():
        return [str(path)]
    return sorted(
        str(file) for file in path.iterdir() if file.is_file() and file.name[0] != "."
    )


# Readers are imported by the names of formats, which no import statement shows.
READERS = [
    f"formats.{file.stem}"
    for file in sorted((ROOT / "src/tutti/formats").glob("*.py"))
    if file.stem != "__init__"
]


def samples_of(model):
    """Where a model's samples come from: the user's own files, or sampled here."""
    if model in EXTERNAL:
        return local_files(config["models"][model]["path"])
    return "results/{run}/samples/{dataset}/{model}/seed{seed}.extxyz"


def module_of(model):
    """Import path of a model's module, below `tutti`."""
    entry = config["models"][model]
    return f"{PACKAGES[entry['kind']]}.{entry['module']}"


def resource(name):
    """Function of the wildcards that gives a resource of the model's catalogue entry."""
    return lambda wildcards: config["models"][wildcards.model]["resources"][name]


def samples(models, datasets=config["generation"]["datasets"]):
    """(dataset, model, seed) of every set of samples of `models`; only what is trained has several seeds."""
    return [
        (dataset, model, seed)
        for dataset in datasets
        for model in models
        for seed in (config["seeds"] if model in TRAINED else [0])
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


def assigners(table):
    """Assigners whose verdicts a table of the suite is made from."""
    return config["bonds"]["assigners"] if FAMILIES[table].verdicts == "all" else [MAIN]


def reference(wildcards, pattern, **lists):
    """Files of the training split, which a table compares the samples with; none where it does not."""
    if FAMILIES[wildcards.table].reference == "no":
        return []
    fixed = {
        "run": wildcards.run,
        "dataset": wildcards.dataset,
        "model": "training_split",
    }
    return expand(pattern, **fixed, seed=0, **lists)


def grey(figure):
    """Whose molecules the models' are drawn against."""
    return "test_split" if figure == "strain" else "training_split"


def drawn(pattern, figure, dataset):
    """`pattern` for the sets of samples in a figure, the grey one first; of several seeds the first."""
    return [
        each(pattern, [model], [dataset], assigner=MAIN)[0]
        for model in [grey(figure), *MODELS[:MOST_MODELS]]
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


# Published numbers go by names in the papers: the model's module, unless its entry says otherwise.
PUBLISHED_NAMES = {
    name: config["models"][name].get(
        "published", config["models"][name].get("module", name)
    )
    for name in MODELS
}


def origin(model):
    """In words, what this run's values of a model come from."""
    entry = config["models"][model]
    if entry["kind"] == "external":
        return f"samples of {os.path.basename(entry['path'])}"
    data = " and ".join(config["generation"]["datasets"])
    return f"{data}, {entry['training']['steps']} training steps, {len(config['seeds'])} seed(s)"


HERE = {name: origin(name) for name in MODELS}
