# One training of a model, generator or force field, on a dataset with a seed.
rule train:
    input:
        dataset=of_dataset("results/{run}/data/{dataset}.npz"),
        splits=of_dataset("results/{run}/data/{dataset}.splits.json"),
        initial=initial_weights,
        code=lambda wildcards: code("train", "training", module_of(wildcards.model)),
    output:
        weights="results/{run}/train/{dataset}/{model}/seed{seed}/weights.safetensors",
        config="results/{run}/train/{dataset}/{model}/seed{seed}/config.json",
        log="results/{run}/train/{dataset}/{model}/seed{seed}/log.csv",
        sidecar="results/{run}/train/{dataset}/{model}/seed{seed}/train.json",
    log:
        "logs/{run}/train/{dataset}/{model}/seed{seed}.log",
    benchmark:
        "results/{run}/benchmarks/train/{dataset}/{model}/seed{seed}.tsv"
    wildcard_constraints:
        dataset=ANY_TRAINING_SET,
        model=f"{one_of(TRAININGS)}|{ANY_FORCEFIELD}",
    conda:
        "../../envs/tutti.yaml"
    threads: resource("threads")
    resources:
        gpu=resource("gpu"),
        mem_mb=resource("mem_mb"),
        runtime=resource("runtime"),
    params:
        module=lambda wildcards: module_of(wildcards.model).split("."),
        config=lambda wildcards: model_config(wildcards.model),
        training=lambda wildcards: entry(wildcards.model)["training"],
        size=lambda wildcards: training_size(wildcards.dataset),
        seed=lambda wildcards: int(wildcards.seed),
    script:
        "../../scripts/train.py"
