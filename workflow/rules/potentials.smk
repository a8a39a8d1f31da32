# Force fields: what `forcefields.runs` trains, and what is made of it.
FF = config["forcefields"]


def variants(study):
    """(training set, model) for all that an entry of forcefields.runs trains."""
    datasets = [
        f"{study['dataset']}{VARIANT}{size}" for size in study.get("sizes", [])
    ] or [study["dataset"]]
    return [
        (dataset, f"{model}{VARIANT}{target}" if target else model)
        for dataset in datasets
        for model in study["models"]
        for target in study.get("targets", [""])
    ]


POTENTIALS = list(
    dict.fromkeys(variant for study in FF["runs"] for variant in variants(study))
)
WHOLE = [variant for variant in POTENTIALS if VARIANT not in variant[0]]
CURVES = [variant for variant in POTENTIALS if VARIANT in variant[0]]
POTENTIAL_DATASETS = list(dict.fromkeys(dataset for dataset, _ in WHOLE))

DYNAMICS = FF["dynamics"]
REFERENCE = "reference"
ENERGIES = [
    (dataset, model)
    for dataset, model in WHOLE
    if model_config(model).get("target", "energy") == "energy"
]
MOVING = [(dataset, model) for dataset, model in ENERGIES if dataset in DYNAMICS]

# Which trainings each table is made of; tables of none are left out.
TRAININGS_OF = {
    "errors": WHOLE,
    # Those whose entry says how the loss is made.
    "water": [
        (dataset, model)
        for dataset, model in ENERGIES
        if "energy" in model_config(model).get("loss", {})
    ],
    "learning_curve": CURVES,
    "inference_time": ENERGIES,
    "dynamics": MOVING,
}
POTENTIAL_TABLES = [table for table in FF["tables"] if TRAININGS_OF[table]]


def error_settings(table, model):
    """Arguments of a table of errors."""
    if table == "errors":
        return {"target": model_config(model).get("target", "energy")}
    return {
        "energy_weight": model_config(model)["loss"]["energy"],
        "condition": entry(model).get("published", ""),
    }


def parts_of(table):
    """Parts that a table is made of: one for each training, and of times also xTB's for each dataset."""
    kind = "errors" if table == "learning_curve" else table
    parts = of_potentials(PART, TRAININGS_OF[table], table=kind)
    if table != "inference_time":
        return parts
    datasets = dict.fromkeys(dataset for dataset, _ in ENERGIES)
    return parts + expand(
        PART,
        run=config["run"],
        table=table,
        dataset=datasets,
        model=REFERENCE,
        seed=0,
    )


def of_potentials(pattern, potentials, **wildcards):
    """`pattern` for each (training set, model) and seed, expanded over further wildcards."""
    return [
        path
        for dataset, model in potentials
        for path in expand(
            pattern,
            run=config["run"],
            dataset=dataset,
            model=model,
            seed=config["seeds"],
            **wildcards,
        )
    ]


PUBLISHED_POTENTIALS = {
    model: entry(model).get("published", entry(model)["module"])
    for _, model in POTENTIALS
}


POTENTIALS_HERE = {
    model: f"{dataset}, at most {entry(model)['training']['steps']} training steps, {len(config['seeds'])} seed(s)"
    for dataset, model in POTENTIALS
}


# Papers give errors by molecule, by size of the training set, or under names of their own.
PUBLISHED_SUBSETS = {
    dataset: {"test": config["datasets"][dataset]["molecule"]}
    for dataset in POTENTIAL_DATASETS
    if "molecule" in config["datasets"][dataset]
}


# All are timed on as many threads: the most that any of them is trained on.
INFERENCE_THREADS = max(
    (entry(model)["resources"]["threads"] for _, model in ENERGIES), default=1
)


def has_reference(dataset):
    """Whether the method that a dataset is from can be simulated here."""
    return DYNAMICS[dataset].get("reference") is not None


def weights_of_potential(wildcards):
    """Weights of a force field; none of the reference."""
    if wildcards.model == REFERENCE:
        return []
    return "results/{run}/train/{dataset}/{model}/seed{seed}/weights.safetensors"


def modules_of_potential(model):
    """Modules that forces come from."""
    return [] if model == REFERENCE else [module_of(model), "forcefields.calculator"]


def has_rings(dataset):
    """Whether ring polymers are simulated too."""
    return DYNAMICS[dataset].get("beads", 1) > 1


def trajectory(model, ensemble):
    """Function of the wildcards: a model's trajectory on the dataset; none of a reference that there is not."""

    def path(wildcards):
        if model == REFERENCE and not has_reference(wildcards.dataset):
            return []
        name, seed = (
            (REFERENCE, 0) if model == REFERENCE else (wildcards.model, wildcards.seed)
        )
        return f"results/{wildcards.run}/dynamics/{wildcards.dataset}/{name}/seed{seed}/{ensemble}.npz"

    return path


POTENTIAL_CAPTIONS = {
    "drift": "Total energy per atom at constant energy, from the first frame's on; bands span the extremes, a cross marks a failure",
    "radial_distribution": "Distances between atoms at constant temperature: reference grey, models as lines; peaks of g(r) above 5 leave the panel",
    "vibrations": "Power spectra of the mass-weighted velocities; the reference's is grey behind each model's",
    "sizes": "Distances to the nearest neighbour, diameters and all distances: colours are models, dashes how nuclei move",
    "learning_curve": "Test errors against the number of training structures, and fitted power laws",
    "inference_time": "Time of a force call by number of atoms, and per atom by size of the batch",
    "diffusion": "Mean squared displacement of oxygen; shaded: lag times from which the diffusion coefficient is taken",
}


def dynamics_figures(dataset):
    """Figures of simulations that make sense for a dataset."""
    shown = ["drift", "radial_distribution"]
    shown += ["vibrations"] if has_reference(dataset) else []
    shown += ["sizes"] if has_rings(dataset) else []
    return shown + (["diffusion"] if DYNAMICS[dataset].get("liquid") else [])


def dynamics_of(model, figure):
    """Trajectory of a model or the reference, first seed, for a figure."""
    if figure == "rings":
        ensemble = "rings"
    else:
        ensemble = "NVT" if figure in ("radial_distribution", "sizes") else "NVE"
    seed = 0 if model == REFERENCE else config["seeds"][0]
    return f"results/{{run}}/dynamics/{{dataset}}/{model}/seed{seed}/{ensemble}.npz"


LEARNT_CAPTIONS = {
    "embedding": "Principal components of the elements' vectors",
    "filters": "Radial filters of each interaction: all in grey, the strongest in colour",
    "filter_cuts": "The strongest filters of each interaction in a plane through the atom",
    "chemical_potential": "Energy of a probe atom on a surface around molecules of the test split",
}


POTENTIAL_FIGURES = {
    **{
        f"results/{{run}}/figures/parity-{dataset}.svg": f"Predicted against reference values of the test split ({dataset})."
        for dataset in POTENTIAL_DATASETS
    },
    **{
        f"results/{{run}}/figures/{figure}-{dataset}.svg": f"{POTENTIAL_CAPTIONS[figure]} ({dataset})."
        for dataset in dict.fromkeys(dataset for dataset, _ in MOVING)
        for figure in dynamics_figures(dataset)
        if "dynamics" in FF["tables"]
    },
    **(
        {
            "results/{run}/figures/learning_curve.svg": POTENTIAL_CAPTIONS[
                "learning_curve"
            ]
            + "."
        }
        if "learning_curve" in POTENTIAL_TABLES
        else {}
    ),
    **{
        f"results/{{run}}/figures/inference_time-{dataset}.svg": f"{POTENTIAL_CAPTIONS['inference_time']} ({dataset})."
        for dataset in dict.fromkeys(dataset for dataset, _ in ENERGIES)
        if "inference_time" in POTENTIAL_TABLES
    },
    **{
        f"results/{{run}}/figures/{figure}-{dataset}-{model}.svg": f"{LEARNT_CAPTIONS[figure]} ({model}, {dataset})."
        for dataset, model in WHOLE
        for figure in FF["figures"]
    },
}
