import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir).parent

# Also with --use-conda, where the Snakemake that reads this file need not have the package installed.
sys.path.insert(0, str(ROOT / "src"))

from tutti import sweeps
from tutti.config import FILES, PACKAGES, check, dataset_settings
from tutti.planning import gpu_hours
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

SWEEPS = {name: sweeps.members(config, name) for name in config["generation"]["sweeps"]}
config = sweeps.expand(config)


# Names of a training set and of a model may say more than the catalogues: `ethanol@100` is the first 100 structures
# of ethanol's training split, `schnet_qm9@homo` is schnet_qm9 trained on the property homo.
VARIANT = "@"


def base(name):
    """The catalogue's name of a training set or a model."""
    return name.partition(VARIANT)[0]


def entry(model):
    """The catalogue's entry of a model."""
    return config["models"][base(model)]


def model_config(model):
    """Settings of the model's network, for the property that its name asks for."""
    target = model.partition(VARIANT)[2]
    return entry(model)["config"] | ({"target": target} if target else {})


def training_size(dataset):
    """How many structures of the training split are used; None: all."""
    return int(dataset.partition(VARIANT)[2] or 0) or None


MODELS = config["generation"]["models"]
TRAINED = [name for name in MODELS if config["models"][name]["kind"] == "generator"]
FORCEFIELDS = [
    name for name, found in config["models"].items() if found["kind"] == "forcefield"
]
EXTERNAL = [name for name in MODELS if config["models"][name]["kind"] == "external"]
SWEPT = [member.name for sweep in SWEEPS.values() for member in sweep]


def trained_as(model):
    """The model whose weights a model is sampled with: its own, but for members of a sweep of sampling."""
    return entry(model).get("trained_as", model)


TRAININGS = list(dict.fromkeys(map(trained_as, TRAINED)))

# Trainings that only a sweep asks for, by its name.
SWEPT_TRAININGS = {
    name: list(dict.fromkeys(member.trained_as for member in sweep if member.trains))
    for name, sweep in SWEEPS.items()
    if sweep[0].trains
}
DRAWN_TRAININGS = [
    *SWEPT_TRAININGS,
    *(name for name in TRAININGS if name not in sum(SWEPT_TRAININGS.values(), [])),
]


def loss_curves(name):
    """(model, seed) by label of the loss curves in one figure: a model's seeds, or the trainings of a sweep."""
    trainings = SWEPT_TRAININGS.get(name)
    if trainings is None:
        return {f"seed {seed}": (name, seed) for seed in config["seeds"]}
    return {
        model.removeprefix(f"{name}_"): (model, config["seeds"][0])
        for model in trainings
    }


def one_of(names):
    """Regular expression that matches exactly these names."""
    # Snakemake takes an empty expression for no constraint; this one matches nothing.
    return "|".join(map(re.escape, names)) or "(?!)"


ANY_TRAINING_SET = f"({one_of(config['datasets'])})({VARIANT}\\d+)?"
ANY_FORCEFIELD = f"({one_of(FORCEFIELDS)})({VARIANT}\\w+)?"


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


# Where the part of a table lies that one training gives.
PART = "results/{run}/metrics/{table}/{dataset}/{model}/seed{seed}.parquet"


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
    return f"{PACKAGES[entry(model)['kind']]}.{entry(model)['module']}"


def resource(name):
    """Function of the wildcards that gives a resource of the model's catalogue entry."""
    return lambda wildcards: entry(wildcards.model)["resources"][name]


def of_dataset(pattern):
    """Function of the wildcards: the file of the whole dataset that a training set is a part of."""
    return lambda wildcards: pattern.format(
        run=wildcards.run, dataset=base(wildcards.dataset)
    )


def of_training(file):
    """Function of the wildcards: a file of the training that a model is sampled from."""
    folder = "results/{run}/train/{dataset}/{model}/seed{seed}/"
    return lambda wildcards: (folder + file).format(
        **(dict(wildcards) | {"model": trained_as(wildcards.model)})
    )


def initial_weights(wildcards):
    """Weights that a training starts from, where the model's entry names them."""
    start = entry(wildcards.model).get("pretrained")
    if start is None:
        return []
    return expand(
        "results/{run}/train/{dataset}/{model}/seed{seed}/weights.safetensors",
        run=wildcards.run,
        seed=wildcards.seed,
        **start,
    )[0]


def samples(models, datasets=config["generation"]["datasets"]):
    """(dataset, model, seed) of every set of samples of `models`; only what is trained has several seeds."""
    return [
        (dataset, model, seed)
        for dataset in datasets
        for model in models
        for seed in (config["seeds"] if model in [*TRAINED, *TRAININGS] else [0])
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
    studies = config["forcefields"]["runs"]
    chosen = {
        "datasets": [study["dataset"] for study in studies],
        "models": [model for study in studies for model in study["models"]],
    }
    chosen = {
        section: dict.fromkeys(
            [
                *config["generation"][section],
                *names,
                *(TRAININGS if section == "models" else []),
            ]
        )
        for section, names in chosen.items()
    }
    return config | {
        section: {name: config[section][name] for name in chosen[section]}
        for section in chosen
    }


# The papers' datasets go by the kinds of ours.
KINDS = {name: found["kind"] for name, found in used_config()["datasets"].items()}

# Published numbers go by names in the papers: the model's module, unless its entry says otherwise.
PUBLISHED_NAMES = {
    name: config["models"][name].get(
        "published", config["models"][name].get("module", name)
    )
    for name in MODELS
}


def origin(model):
    """In words, what this run's values of a model come from."""
    found = entry(model)
    if found["kind"] == "external":
        return f"samples of {os.path.basename(found['path'])}"
    data = " and ".join(config["generation"]["datasets"])
    return f"{data}, {found['training']['steps']} training steps, {len(config['seeds'])} seed(s)"


HERE = {name: origin(name) for name in MODELS}


if workflow.is_main_process:
    sys.stderr.write(
        gpu_hours(
            config,
            TRAININGS,
            TRAINED,
            len(config["seeds"]) * len(config["generation"]["datasets"]),
        )
    )
