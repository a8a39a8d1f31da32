MODELS = config["generation"]["models"]
FIRST_ASSIGNER = config["bonds"]["assigners"][0]  # the one that figures show


rule validity_figure:
    input:
        table="results/{run}/tables/validity.csv",
        code=code("validity_figure", "plots.validity", "tables"),
    output:
        multiext("results/{run}/figures/validity", ".svg", ".png"),
    log:
        "logs/{run}/validity_figure.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    script:
        "../../scripts/validity_figure.py"


rule distribution_figures:
    input:
        samples=lambda wildcards: each(
            "results/{run}/samples/{dataset}/{model}/seed{seed}.extxyz",
            ["training_split", *MODELS],
            [wildcards.dataset],
        ),
        verdicts=lambda wildcards: each(
            "results/{run}/bonds/{dataset}/{model}/seed{seed}/{assigner}.parquet",
            ["training_split", *MODELS],
            [wildcards.dataset],
            assigner=FIRST_ASSIGNER,
        ),
        code=code("distribution_figures", "plots.distributions", "formats"),
    output:
        bond_lengths="results/{run}/figures/bond_lengths-{dataset}.svg",
        atom_counts="results/{run}/figures/atom_counts-{dataset}.svg",
        png=expand(
            "results/{{run}}/figures/{name}-{{dataset}}.png",
            name=["bond_lengths", "atom_counts"],
        ),
    log:
        "logs/{run}/distribution_figures/{dataset}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        labels=lambda wildcards: [
            (
                model
                if model in CONTROLS or len(config["seeds"]) == 1
                else f"{model}, seed {seed}"
            )
            for _, model, seed in samples(
                ["training_split", *MODELS], [wildcards.dataset]
            )
        ],
    script:
        "../../scripts/distribution_figures.py"


rule pictures:
    input:
        samples="results/{run}/samples/{dataset}/{model}/seed{seed}.extxyz",
        verdicts=f"results/{{run}}/bonds/{{dataset}}/{{model}}/seed{{seed}}/{FIRST_ASSIGNER}.parquet",
        code=code("pictures", "plots.molecules", "formats"),
    output:
        multiext(
            "results/{run}/figures/molecules-{dataset}-{model}-seed{seed}",
            ".svg",
            ".png",
        ),
    log:
        "logs/{run}/pictures/{dataset}/{model}/seed{seed}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        n=lookup("report/pictures", within=config),
        seed=lookup("report/seed", within=config),
    script:
        "../../scripts/pictures.py"


rule training_figure:
    input:
        logs=lambda wildcards: each(
            "results/{run}/train/{dataset}/{model}/seed{seed}/log.csv",
            [wildcards.model],
            [wildcards.dataset],
        ),
        code=code("training_figure", "plots.training"),
    output:
        multiext("results/{run}/figures/training-{dataset}-{model}", ".svg", ".png"),
    log:
        "logs/{run}/training_figure/{dataset}/{model}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        labels=[f"seed {seed}" for seed in config["seeds"]],
    script:
        "../../scripts/training_figure.py"


FIGURES = {
    "results/{run}/figures/validity.svg": "Validity and what follows from it, with 95 % Wilson intervals.",
    **{
        f"results/{{run}}/figures/{name}-{dataset}.svg": f"{caption}, {dataset}: the models against the data."
        for dataset in config["generation"]["datasets"]
        for name, caption in [
            ("bond_lengths", "Bond lengths"),
            ("atom_counts", "Numbers of atoms"),
        ]
    },
    **{
        f"results/{{run}}/figures/molecules-{dataset}-{model}-seed{seed}.svg": (
            f"Random, not chosen, samples of {model} (seed {seed}) trained on {dataset}."
        )
        for dataset, model, seed in samples(MODELS)
    },
    **{
        f"results/{{run}}/figures/training-{dataset}-{model}.svg": f"Training of {model} on {dataset}."
        for dataset in config["generation"]["datasets"]
        for model in MODELS
    },
}


rule report:
    input:
        tables=expand("results/{{run}}/tables/{table}.csv", table=TABLES),
        figures=list(FIGURES),
        sidecars=[
            *expand(
                "results/{{run}}/data/{dataset}.splits.json",
                dataset=config["generation"]["datasets"],
            ),
            *each(
                "results/{run}/train/{dataset}/{model}/seed{seed}/train.json", MODELS
            ),
            *each("results/{run}/samples/{dataset}/{model}/seed{seed}.json", MODELS),
        ],
        benchmarks=each(
            "results/{run}/benchmarks/{step}/{dataset}/{model}/seed{seed}.tsv",
            MODELS,
            step=["train", "sample"],
        ),
        code=code("report", "report.build"),
        data=package_data("report"),
    output:
        "results/{run}/report/index.html",
    log:
        "logs/{run}/report.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        config=used_config(),
        captions=list(FIGURES.values()),
    script:
        "../../scripts/report.py"
