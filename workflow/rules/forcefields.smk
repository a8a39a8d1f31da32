# Force fields: predictions, tables and figures of what `forcefields.runs` trains.
rule predict:
    input:
        weights="results/{run}/train/{dataset}/{model}/seed{seed}/weights.safetensors",
        config="results/{run}/train/{dataset}/{model}/seed{seed}/config.json",
        dataset=of_dataset("results/{run}/data/{dataset}.npz"),
        splits=of_dataset("results/{run}/data/{dataset}.splits.json"),
        code=lambda wildcards: code(
            "predict", "forcefields.predictions", module_of(wildcards.model)
        ),
    output:
        train="results/{run}/predictions/{dataset}/{model}/seed{seed}/train.npz",
        test="results/{run}/predictions/{dataset}/{model}/seed{seed}/test.npz",
    log:
        "logs/{run}/predict/{dataset}/{model}/seed{seed}.log",
    wildcard_constraints:
        dataset=ANY_TRAINING_SET,
        model=ANY_FORCEFIELD,
    conda:
        "../../envs/tutti.yaml"
    threads: resource("threads")
    resources:
        gpu=resource("gpu"),
        mem_mb=resource("mem_mb"),
        runtime=resource("runtime"),
    params:
        batch_size=lookup("forcefields/batch_size", within=config),
        size=lambda wildcards: training_size(wildcards.dataset),
    script:
        "../../scripts/predict.py"


rule errors:
    input:
        dataset=of_dataset("results/{run}/data/{dataset}.npz"),
        splits=of_dataset("results/{run}/data/{dataset}.splits.json"),
        train="results/{run}/predictions/{dataset}/{model}/seed{seed}/train.npz",
        test="results/{run}/predictions/{dataset}/{model}/seed{seed}/test.npz",
        code=lambda wildcards: code(
            "errors",
            f"forcefield_suite.{wildcards.table}",
            "datasets.splits",
            "frames",
        ),
    output:
        PART,
    log:
        "logs/{run}/metrics/{table}/{dataset}/{model}/seed{seed}.log",
    wildcard_constraints:
        table="errors|water",
        dataset=ANY_TRAINING_SET,
        model=ANY_FORCEFIELD,
    conda:
        "../../envs/tutti.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        size=lambda wildcards: training_size(wildcards.dataset),
        settings=lambda wildcards: error_settings(wildcards.table, wildcards.model),
    script:
        "../../scripts/errors.py"


# Alone on the machine where it can be: another job would be measured along.
rule inference_time:
    input:
        weights=weights_of_potential,
        dataset="results/{run}/data/{dataset}.npz",
        splits="results/{run}/data/{dataset}.splits.json",
        code=lambda wildcards: code(
            "inference_time",
            "forcefield_suite.inference_time",
            "datasets.splits",
            "frames",
            *modules_of_potential(wildcards.model),
        ),
    output:
        "results/{run}/metrics/inference_time/{dataset}/{model}/seed{seed}.parquet",
    log:
        "logs/{run}/metrics/inference_time/{dataset}/{model}/seed{seed}.log",
    wildcard_constraints:
        model=f"{REFERENCE}|{ANY_FORCEFIELD}",
    conda:
        "../../envs/tutti.yaml"
    threads: workflow.cores
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=lookup("forcefields/inference", within=config),
        threads=INFERENCE_THREADS,
    script:
        "../../scripts/inference_time.py"


rule forcefield_table:
    input:
        parts=lambda wildcards: parts_of(wildcards.table),
        code=code(
            "forcefield_table",
            "tables",
            "frames",
            "published",
            "forcefield_suite.learning_curve",
        ),
        data=package_data("report"),
    output:
        multiext("results/{run}/tables/{table}", csv=".csv", md=".md", tex=".tex"),
    log:
        "logs/{run}/table/{table}.log",
    wildcard_constraints:
        table=one_of(TRAININGS_OF),
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        datasets=KINDS,
        models=PUBLISHED_POTENTIALS,
        subsets=PUBLISHED_SUBSETS,
    script:
        "../../scripts/forcefield_table.py"


rule parity:
    input:
        dataset="results/{run}/data/{dataset}.npz",
        splits="results/{run}/data/{dataset}.splits.json",
        predictions=lambda wildcards: expand(
            "results/{run}/predictions/{dataset}/{model}/seed{seed}/test.npz",
            run=wildcards.run,
            dataset=wildcards.dataset,
            model=[model for dataset, model in WHOLE if dataset == wildcards.dataset],
            seed=config["seeds"][0],
        ),
        code=code("parity", "plots.parity", "datasets.splits"),
    output:
        multiext("results/{run}/figures/parity-{dataset}", ".svg", ".png"),
    log:
        "logs/{run}/figures/parity-{dataset}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        targets=lambda wildcards: {
            model: model_config(model).get("target", "energy")
            for dataset, model in WHOLE
            if dataset == wildcards.dataset
        },
    script:
        "../../scripts/parity.py"


rule learning_curve_figure:
    input:
        table="results/{run}/tables/learning_curve.csv",
        code=code("learning_curve_figure", "plots.learning_curve", "tables"),
    output:
        multiext("results/{run}/figures/learning_curve", ".svg", ".png"),
    log:
        "logs/{run}/figures/learning_curve.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    script:
        "../../scripts/learning_curve_figure.py"


rule inference_time_figure:
    input:
        table="results/{run}/tables/inference_time.csv",
        code=code("inference_time_figure", "plots.inference_time", "tables"),
    output:
        multiext("results/{run}/figures/inference_time-{dataset}", ".svg", ".png"),
    log:
        "logs/{run}/figures/inference_time-{dataset}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    script:
        "../../scripts/inference_time_figure.py"


rule learnt_figure:
    input:
        weights=f"results/{{run}}/train/{{dataset}}/{{model}}/seed{config['seeds'][0]}/weights.safetensors",
        dataset="results/{run}/data/{dataset}.npz",
        splits="results/{run}/data/{dataset}.splits.json",
        code=lambda wildcards: code(
            "learnt_figure",
            "interpretation.figures",
            "datasets.splits",
            module_of(wildcards.model),
        ),
    output:
        multiext("results/{run}/figures/{figure}-{dataset}-{model}", ".svg", ".png"),
    log:
        "logs/{run}/figures/{figure}-{dataset}-{model}.log",
    wildcard_constraints:
        figure=one_of(LEARNT_CAPTIONS),
        model=ANY_FORCEFIELD,
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    script:
        "../../scripts/learnt_figure.py"
