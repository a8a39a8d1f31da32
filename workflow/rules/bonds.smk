# Chunks and their verdicts stay: as temporary files they would be made again, with all that follows, when only
# one assigner changes.
scattergather:
    samples=config["bonds"]["chunks"],


rule chunks:
    input:
        samples=lambda wildcards: samples_of(wildcards.model),
        code=code("chunks", "bonds.chunks", *READERS),
    output:
        whole="results/{run}/bonds/{dataset}/{model}/seed{seed}/samples.npz",
        parts=scatter.samples(
            "results/{{run}}/bonds/{{dataset}}/{{model}}/seed{{seed}}/chunks/{scatteritem}.npz"
        ),
    log:
        "logs/{run}/chunks/{dataset}/{model}/seed{seed}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        # Of somebody else's samples the file or folder, else the file that was sampled here.
        path=lambda wildcards, input: (
            config["models"][wildcards.model]["path"]
            if wildcards.model in EXTERNAL
            else input.samples
        ),
    script:
        "../../scripts/chunks.py"


rule bonds:
    input:
        chunk="results/{run}/bonds/{dataset}/{model}/seed{seed}/chunks/{scatteritem}.npz",
        code=lambda wildcards: code(
            "bonds", "bonds.pool", f"bonds.{wildcards.assigner}"
        ),
    output:
        "results/{run}/bonds/{dataset}/{model}/seed{seed}/{assigner}/{scatteritem}.parquet",
    log:
        "logs/{run}/bonds/{dataset}/{model}/seed{seed}/{assigner}/{scatteritem}.log",
    conda:
        "../../envs/tutti.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        time_limit=lookup("bonds/time_limit", within=config),
    script:
        "../../scripts/bonds.py"


rule gather_bonds:
    input:
        parts=gather.samples(
            "results/{{run}}/bonds/{{dataset}}/{{model}}/seed{{seed}}/{{assigner}}/{scatteritem}.parquet"
        ),
        code=code("gather", "frames"),
    output:
        "results/{run}/bonds/{dataset}/{model}/seed{seed}/{assigner}.parquet",
    log:
        "logs/{run}/gather_bonds/{dataset}/{model}/seed{seed}/{assigner}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    script:
        "../../scripts/gather.py"
