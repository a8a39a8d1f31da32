# A dataset and its splits are one job on a cluster: splits take a second.
rule dataset:
    input:
        data=lambda wildcards: plan.dataset_files(wildcards.dataset),
        code=lambda wildcards: plan.code(
            "dataset", *plan.dataset_modules(wildcards.dataset)
        ),
    output:
        layout.dataset(D),
    log:
        layout.log("dataset", D),
    retries: 2
    group:
        "data"
    conda:
        "../../envs/tutti.yaml"
    threads: 8
    resources:
        mem_mb=growing(8000),
        runtime=600,
    params:
        kind=lookup("datasets/{dataset}/kind", within=config),
        config=lambda wildcards: plan.dataset_settings(wildcards.dataset),
        work=".cache/{dataset}",  # downloads and parts already done; kept when a job fails
    script:
        "../../scripts/dataset.py"


rule splits:
    input:
        dataset=layout.dataset(D),
        code=plan.code("splits"),
    output:
        layout.splits(D),
    log:
        layout.log("splits", D),
    group:
        "data"
    conda:
        "../../envs/tutti.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        split=lookup("datasets/{dataset}/split", within=config),
    script:
        "../../scripts/splits.py"
