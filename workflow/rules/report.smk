# Figures of the suite; those of samples also show the reference or, for strain, the test split, in grey.
SHOWN_TABLES = {
    figure: table for figure, (table, _) in TABLE_FIGURES.items() if table in SUITE
}
SHOWN_SAMPLES = (
    [figure for figure in SAMPLE_FIGURES if figure != "strain" or "strain" in SUITE]
    if MAIN in config["bonds"]["assigners"] and MODELS
    else []
)


rule table_figure:
    input:
        table=lambda wildcards: (
            f"results/{{run}}/tables/{SHOWN_TABLES[wildcards.figure]}.csv"
        ),
        code=code("table_figure", "suite.figures", "tables"),
    output:
        multiext("results/{run}/figures/{figure}", ".svg", ".png"),
    log:
        "logs/{run}/figures/{figure}.log",
    wildcard_constraints:
        figure=one_of(SHOWN_TABLES),
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    script:
        "../../scripts/table_figure.py"


rule sample_figure:
    input:
        samples=lambda wildcards: drawn(
            "results/{run}/bonds/{dataset}/{model}/seed{seed}/samples.npz",
            wildcards.figure,
            wildcards.dataset,
        ),
        verdicts=lambda wildcards: drawn(
            "results/{run}/bonds/{dataset}/{model}/seed{seed}/{assigner}.parquet",
            wildcards.figure,
            wildcards.dataset,
        ),
        checks=lambda wildcards: (
            drawn(
                "results/{run}/checks/{dataset}/{model}/seed{seed}/strain.parquet",
                wildcards.figure,
                wildcards.dataset,
            )
            if wildcards.figure == "strain"
            else []
        ),
        code=code("sample_figure", "suite.figures", "suite.judged"),
    output:
        multiext("results/{run}/figures/{figure}-{dataset}", ".svg", ".png"),
    log:
        "logs/{run}/figures/{figure}-{dataset}.log",
    wildcard_constraints:
        figure=one_of(SAMPLE_FIGURES),
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        labels=lambda wildcards: [
            grey(wildcards.figure),
            *MODELS[:MOST_MODELS],
        ],
    script:
        "../../scripts/sample_figure.py"


rule pictures:
    input:
        samples="results/{run}/bonds/{dataset}/{model}/seed{seed}/samples.npz",
        verdicts=f"results/{{run}}/bonds/{{dataset}}/{{model}}/seed{{seed}}/{config['bonds']['assigners'][0]}.parquet",
        code=code("pictures", "plots.molecules"),
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
        logs=lambda wildcards: [
            f"results/{wildcards.run}/train/{wildcards.dataset}/{model}/seed{seed}/log.csv"
            for model, seed in loss_curves(wildcards.model).values()
        ],
        code=code("training_figure", "plots.training"),
    output:
        multiext("results/{run}/figures/training-{dataset}-{model}", ".svg", ".png"),
    log:
        "logs/{run}/training_figure/{dataset}/{model}.log",
    wildcard_constraints:
        model=f"{one_of(DRAWN_TRAININGS)}|{ANY_FORCEFIELD}",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        labels=lambda wildcards: list(loss_curves(wildcards.model)),
    script:
        "../../scripts/training_figure.py"


# What a sweep changes, against validity and uniqueness.
rule sweep_figure:
    input:
        table="results/{run}/tables/validity.csv",
        code=code("sweep_figure", "plots.sweep"),
    output:
        multiext("results/{run}/figures/sweep-{sweep}-{dataset}", ".svg", ".png"),
    log:
        "logs/{run}/figures/sweep-{sweep}-{dataset}.log",
    wildcard_constraints:
        sweep=one_of(SWEEPS),
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        values=lambda wildcards: {
            member.name: member.values for member in SWEEPS[wildcards.sweep]
        },
    script:
        "../../scripts/sweep_figure.py"


FIGURES = {
    **{
        f"results/{{run}}/figures/sweep-{sweep}-{dataset}.svg": (
            f"Validity (xyz2mol) and uniqueness over {' and '.join(SWEEPS[sweep][0].values)} ({dataset})."
        )
        for sweep in SWEEPS
        for dataset in config["generation"]["datasets"]
        if "validity" in SUITE
    },
    **{
        f"results/{{run}}/figures/{figure}.svg": TABLE_FIGURES[figure][1]
        for figure in SHOWN_TABLES
    },
    **{
        f"results/{{run}}/figures/{figure}-{dataset}.svg": f"{SAMPLE_FIGURES[figure]} ({dataset})"
        for dataset in config["generation"]["datasets"]
        for figure in SHOWN_SAMPLES
    },
    **{
        f"results/{{run}}/figures/molecules-{dataset}-{model}-seed{seed}.svg": (
            f"Random, not chosen, samples of {model} (seed {seed}, {dataset})."
        )
        for dataset, model, seed in samples(
            [name for name in MODELS if name not in SWEPT]
        )
    },
    **{
        f"results/{{run}}/figures/training-{dataset}-{model}.svg": f"Training of {model} on {dataset}."
        for dataset in config["generation"]["datasets"]
        for model in DRAWN_TRAININGS
    },
    **POTENTIAL_FIGURES,
    **{
        f"results/{{run}}/figures/training-{dataset}-{model}.svg": f"Training of {model} on {dataset}."
        for dataset, model in WHOLE
    },
    **STUDY_FIGURES,
}


rule report:
    input:
        tables=expand("results/{{run}}/tables/{table}.csv", table=TABLES),
        figures=list(FIGURES),
        sidecars=[
            *expand(
                "results/{{run}}/data/{dataset}.splits.json",
                dataset=dict.fromkeys(
                    [*config["generation"]["datasets"], *POTENTIAL_DATASETS]
                ),
            ),
            *of_potentials(
                "results/{run}/train/{dataset}/{model}/seed{seed}/train.json",
                POTENTIALS,
            ),
            *each(
                "results/{run}/train/{dataset}/{model}/seed{seed}/train.json",
                TRAININGS,
            ),
            *each("results/{run}/samples/{dataset}/{model}/seed{seed}.json", TRAINED),
        ],
        molecules=each(
            "results/{run}/molecules/{dataset}/{model}/seed{seed}.parquet", JUDGED
        ),
        benchmarks=[
            *each(
                "results/{run}/benchmarks/train/{dataset}/{model}/seed{seed}.tsv",
                TRAININGS,
            ),
            *each(
                "results/{run}/benchmarks/sample/{dataset}/{model}/seed{seed}.tsv",
                TRAINED,
            ),
            *of_potentials(
                "results/{run}/benchmarks/train/{dataset}/{model}/seed{seed}.tsv",
                POTENTIALS,
            ),
        ],
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
