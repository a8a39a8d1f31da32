rule train:
    input:
        dataset="results/{run}/data/{dataset}.npz",
        splits="results/{run}/data/{dataset}.splits.json",
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
        model=one_of(config["models"]),
    conda:
        "../../envs/tutti.yaml"
    threads: resource("threads")
    resources:
        gpu=resource("gpu"),
        mem_mb=resource("mem_mb"),
        runtime=resource("runtime"),
    params:
        module=lambda wildcards: module_of(wildcards.model).split("."),
        config=lookup("models/{model}/config", within=config),
        training=lookup("models/{model}/training", within=config),
        seed=lambda wildcards: int(wildcards.seed),
    script:
        "../../scripts/train.py"


rule sample:
    input:
        weights="results/{run}/train/{dataset}/{model}/seed{seed}/weights.safetensors",
        config="results/{run}/train/{dataset}/{model}/seed{seed}/config.json",
        code=lambda wildcards: code("sample", "sampling", module_of(wildcards.model)),
    output:
        samples="results/{run}/samples/{dataset}/{model}/seed{seed}.extxyz",
        sidecar="results/{run}/samples/{dataset}/{model}/seed{seed}.json",
    log:
        "logs/{run}/sample/{dataset}/{model}/seed{seed}.log",
    benchmark:
        "results/{run}/benchmarks/sample/{dataset}/{model}/seed{seed}.tsv"
    wildcard_constraints:
        model=one_of(config["models"]),
    conda:
        "../../envs/tutti.yaml"
    threads: resource("threads")
    resources:
        gpu=resource("gpu"),
        mem_mb=resource("mem_mb"),
        runtime=resource("runtime"),
    params:
        n=lookup("generation/samples", within=config),
        sampling=lookup("models/{model}/sampling", within=config),
        seed=lambda wildcards: int(wildcards.seed),
    script:
        "../../scripts/sample.py"
