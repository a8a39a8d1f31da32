# One training of a model, generator or force field, on a dataset with a seed. The longest jobs begin first.
rule train:
    input:
        dataset=of_dataset(layout.dataset),
        splits=of_dataset(layout.splits),
        initial=lambda wildcards: plan.initial_weights(wildcards.model, wildcards.seed),
        code=lambda wildcards: plan.code("train", *plan.modules(wildcards.model)),
    output:
        weights=layout.training(D, M, S),
        config=layout.training(D, M, S, "config.json"),
        log=layout.training(D, M, S, "log.csv"),
        sidecar=layout.training(D, M, S, "train.json"),
    log:
        layout.log("train", D, M, f"seed{S}"),
    benchmark:
        layout.benchmark("train", D, M, S)
    wildcard_constraints:
        dataset=plan.patterns["training_set"],
        model=f"{plan.patterns['training']}|{plan.patterns['forcefield']}",
    priority: 50
    conda:
        "../../envs/tutti.yaml"
    threads: resource("threads")
    resources:
        gpu=resource("gpu"),
        mem_mb=memory,
        runtime=resource("runtime"),
    params:
        kind=lambda wildcards: plan.kind(wildcards.model),
        module=lambda wildcards: plan.entry(wildcards.model)["module"],
        config=lambda wildcards: plan.forcefields.network(wildcards.model),
        training=lambda wildcards: plan.entry(wildcards.model)["training"],
        size=lambda wildcards: size(wildcards.dataset),
        seed=lambda wildcards: int(wildcards.seed),
    script:
        "../../scripts/train.py"


# The same of generators that are sampled on the way, too.
use rule train as train_with_snapshots with:
    output:
        weights=layout.training(D, M, S),
        config=layout.training(D, M, S, "config.json"),
        log=layout.training(D, M, S, "log.csv"),
        sidecar=layout.training(D, M, S, "train.json"),
        snapshots=[
            layout.snapshot(D, M, S, share, file)
            for share in plan.samples.shares
            for file in ("weights.safetensors", "config.json")
        ],
    wildcard_constraints:
        model=plan.patterns["training_with_snapshots"],


# Weights that exist, in the place of a training: seconds, on a cluster one job with the dataset.
rule adopt:
    input:
        dataset=layout.dataset(D),
        splits=layout.splits(D),
        given=lambda wildcards: plan.given_files(wildcards.model),
        code=lambda wildcards: plan.code("adopt", *plan.modules(wildcards.model)),
    output:
        weights=layout.training(D, M, S),
        config=layout.training(D, M, S, "config.json"),
        sidecar=layout.training(D, M, S, "train.json"),
    log:
        layout.log("adopt", D, M, f"seed{S}"),
    wildcard_constraints:
        model=plan.patterns["adopted"],
    group:
        "data"
    conda:
        "../../envs/tutti.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    script:
        "../../scripts/adopt.py"


rule sample:
    input:
        weights=of_training("weights.safetensors"),
        config=of_training("config.json"),
        code=lambda wildcards: plan.code("sample", *plan.modules(wildcards.model)),
    output:
        samples=layout.samples(D, M, S),
        sidecar=layout.samples(D, M, S, ".json"),
    log:
        layout.log("sample", D, M, f"seed{S}"),
    benchmark:
        layout.benchmark("sample", D, M, S)
    wildcard_constraints:
        model=plan.patterns["generator"],
    conda:
        "../../envs/tutti.yaml"
    threads: resource("threads")
    resources:
        gpu=resource("gpu"),
        mem_mb=memory,
        runtime=resource("runtime"),
    params:
        n=lookup("generation/samples", within=config),
        sampling=lookup("models/{model}/sampling", within=config),
        seed=lambda wildcards: int(wildcards.seed),
    script:
        "../../scripts/sample.py"


# Real molecules of both splits that lack a hydrogen, completed.
rule complete:
    input:
        weights=of_training("weights.safetensors"),
        config=of_training("config.json"),
        dataset=layout.dataset(D),
        splits=layout.splits(D),
        code=lambda wildcards: plan.code("complete", *plan.modules(wildcards.model)),
    output:
        [
            layout.completions(D, M, S, f"{part}{end}")
            for part in ("train", "test")
            for end in (".npz", ".json")
        ],
    log:
        layout.log("complete", D, M, f"seed{S}"),
    wildcard_constraints:
        model=plan.patterns["generator"],
    group:
        "completion"
    conda:
        "../../envs/tutti.yaml"
    threads: resource("threads")
    resources:
        gpu=resource("gpu"),
        mem_mb=memory,
        runtime=resource("runtime"),
    params:
        n=lookup("evaluation/completion/molecules", within=config),
        sampling=lookup("models/{model}/sampling", within=config),
        seed=lambda wildcards: int(wildcards.seed),
    script:
        "../../scripts/complete.py"


# Of a generator, a force field or xTB.
rule speed:
    input:
        unpack(lambda wildcards: plan.speed.files(**wildcards)),
        code=lambda wildcards: plan.code("speed", *plan.speed.modules(**wildcards)),
    output:
        layout.measured(D, M, S, "-speed"),
    log:
        layout.log("speed", D, M, f"seed{S}"),
    benchmark:
        layout.benchmark("speed", D, M, S)
    wildcard_constraints:
        model=f"reference|{plan.patterns['generator']}|{plan.patterns['computing']}",
    conda:
        environment
    threads: alone
    resources:
        gpu=resource("gpu"),
        mem_mb=memory,
        runtime=resource("runtime"),
    params:
        speed=lambda wildcards: plan.speed.of(**wildcards),
    script:
        "../../scripts/speed.py"
