rule dataset:
    input:
        data=lambda wildcards: local_files(
            config["datasets"][wildcards.dataset].get("path")
        ),
        code=lambda wildcards: code(
            "dataset",
            f"datasets.{config['datasets'][wildcards.dataset]['kind']}",
            *(
                READERS
                if config["datasets"][wildcards.dataset]["kind"] == "file"
                else []
            ),
        ),
    output:
        "results/{run}/data/{dataset}.npz",
    log:
        "logs/{run}/dataset/{dataset}.log",
    retries: 2
    conda:
        "../../envs/tutti.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=600,
    params:
        kind=lookup("datasets/{dataset}/kind", within=config),
        config=lambda wildcards: dataset_settings(config["datasets"][wildcards.dataset]),
        work=".cache/{dataset}",  # downloads and parts already done; kept when a job fails
    script:
        "../../scripts/dataset.py"


rule splits:
    input:
        dataset="results/{run}/data/{dataset}.npz",
        code=code("splits", "datasets.splits"),
    output:
        "results/{run}/data/{dataset}.splits.json",
    log:
        "logs/{run}/splits/{dataset}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        split=lookup("datasets/{dataset}/split", within=config),
    script:
        "../../scripts/splits.py"


rule split_as_samples:
    input:
        dataset="results/{run}/data/{dataset}.npz",
        splits="results/{run}/data/{dataset}.splits.json",
        code=code("split_as_samples", "datasets.splits", "formats.extxyz"),
    output:
        "results/{run}/samples/{dataset}/{model}/seed0.extxyz",
    log:
        "logs/{run}/split_as_samples/{dataset}/{model}.log",
    wildcard_constraints:
        model=one_of(SPLITS),
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        part=lambda wildcards: SPLITS[wildcards.model],
    script:
        "../../scripts/split_as_samples.py"


rule adversary:
    input:
        dataset="results/{run}/data/{dataset}.npz",
        splits="results/{run}/data/{dataset}.splits.json",
        code=code("adversary", "datasets.controls", "datasets.splits", "formats.extxyz"),
    output:
        "results/{run}/samples/{dataset}/{model}/seed0.extxyz",
    log:
        "logs/{run}/adversary/{dataset}/{model}.log",
    wildcard_constraints:
        model=one_of(ADVERSARIES),
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        part=lambda wildcards: ADVERSARIES[wildcards.model],
        n=lookup("generation/samples", within=config),
    script:
        "../../scripts/adversary.py"
