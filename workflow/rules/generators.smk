rule sample:
    input:
        weights=of_training("weights.safetensors"),
        config=of_training("config.json"),
        code=lambda wildcards: code("sample", "sampling", module_of(wildcards.model)),
    output:
        samples="results/{run}/samples/{dataset}/{model}/seed{seed}.extxyz",
        sidecar="results/{run}/samples/{dataset}/{model}/seed{seed}.json",
    log:
        "logs/{run}/sample/{dataset}/{model}/seed{seed}.log",
    benchmark:
        "results/{run}/benchmarks/sample/{dataset}/{model}/seed{seed}.tsv"
    wildcard_constraints:
        model=one_of(TRAINED),
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


rule complete:
    input:
        weights=of_training("weights.safetensors"),
        config=of_training("config.json"),
        dataset="results/{run}/data/{dataset}.npz",
        splits="results/{run}/data/{dataset}.splits.json",
        code=lambda wildcards: code(
            "complete", "completion", module_of(wildcards.model)
        ),
    output:
        samples="results/{run}/completions/{dataset}/{model}/seed{seed}/{part}.npz",
        sidecar="results/{run}/completions/{dataset}/{model}/seed{seed}/{part}.json",
    log:
        "logs/{run}/complete/{dataset}/{model}/seed{seed}/{part}.log",
    wildcard_constraints:
        model=one_of(TRAINED),
        part="train|test",
    conda:
        "../../envs/tutti.yaml"
    threads: resource("threads")
    resources:
        gpu=resource("gpu"),
        mem_mb=resource("mem_mb"),
        runtime=resource("runtime"),
    params:
        n=lookup("evaluation/completion/molecules", within=config),
        sampling=lookup("models/{model}/sampling", within=config),
        seed=lambda wildcards: int(wildcards.seed),
    script:
        "../../scripts/complete.py"


# Alone on the machine where it can be: another job would be measured along.
rule throughput:
    input:
        weights=of_training("weights.safetensors"),
        config=of_training("config.json"),
        code=lambda wildcards: code(
            "throughput", "throughput", module_of(wildcards.model)
        ),
    output:
        "results/{run}/metrics/throughput/{dataset}/{model}/seed{seed}.parquet",
    log:
        "logs/{run}/throughput/{dataset}/{model}/seed{seed}.log",
    benchmark:
        "results/{run}/benchmarks/throughput/{dataset}/{model}/seed{seed}.tsv"
    wildcard_constraints:
        model=one_of(TRAINED),
    conda:
        "../../envs/tutti.yaml"
    threads: workflow.cores
    resources:
        gpu=resource("gpu"),
        mem_mb=resource("mem_mb"),
        runtime=resource("runtime"),
    params:
        batch_sizes=lookup("evaluation/throughput/batch_sizes", within=config),
        sampling=lookup("models/{model}/sampling", within=config),
        torch_threads=resource("threads"),
    script:
        "../../scripts/throughput.py"
