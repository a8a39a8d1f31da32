# Another code's calculator, its energies aligned to the training split.
rule calculator:
    input:
        dataset=layout.dataset(D),
        splits=layout.splits(D),
        files=lambda wildcards: plan.forcefields.given_files(wildcards.model),
        code=plan.code("calculator"),
    output:
        layout.calculator(D, M, S),
    log:
        layout.log("calculator", D, M, f"seed{S}"),
    wildcard_constraints:
        model=plan.patterns["calculator"],
    conda:
        environment
    threads: resource("threads")
    resources:
        gpu=resource("gpu"),
        mem_mb=memory,
        runtime=resource("runtime"),
    params:
        factory=lookup("models/{model}/factory", within=config),
        arguments=lookup("models/{model}/arguments", within=config, default={}),
    script:
        "../../scripts/calculator.py"


# What `forcefields.runs` names: predictions, simulations, and the rows of all tables that they have. The rows take
# seconds: on a cluster a job's GPU waits for them shorter than a job of theirs would wait for its turn.
rule predict:
    input:
        weights=lambda wildcards: plan.forcefields.weights(**wildcards),
        dataset=of_dataset(layout.dataset),
        splits=of_dataset(layout.splits),
        code=lambda wildcards: plan.code(
            "predict", *plan.predict_modules(wildcards.model)
        ),
    output:
        train=layout.predictions(D, M, S, "train"),
        test=layout.predictions(D, M, S, "test"),
    log:
        layout.log("predict", D, M, f"seed{S}"),
    wildcard_constraints:
        dataset=plan.patterns["training_set"],
        model=plan.patterns["compared"],
    group:
        "predictions"
    conda:
        environment
    threads: resource("threads")
    resources:
        gpu=resource("gpu"),
        mem_mb=memory,
        runtime=resource("runtime"),
    params:
        predict=lambda wildcards: plan.forcefields.predicts(**wildcards),
        size=lambda wildcards: size(wildcards.dataset),
    script:
        "../../scripts/predict.py"


# With force fields, and with the reference, all from one structure of the test split.
rule simulate:
    input:
        weights=lambda wildcards: plan.forcefields.weights(**wildcards),
        dataset=layout.dataset(D),
        splits=layout.splits(D),
        code=lambda wildcards: plan.code(
            "simulate", *plan.force_modules(wildcards.model)
        ),
    output:
        NVE=layout.trajectory(D, M, S, "NVE"),
        NVT=layout.trajectory(D, M, S, "NVT"),
    log:
        layout.log("simulate", D, M, f"seed{S}"),
    wildcard_constraints:
        model=f"reference|{plan.patterns['computing']}",
    conda:
        environment
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=1440,
    params:
        settings=lookup("forcefields/dynamics/{dataset}", within=config),
    script:
        "../../scripts/simulate.py"


# The same with quantum nuclei.
use rule simulate as path_integral with:
    output:
        rings=layout.trajectory(D, M, S, "rings"),
    log:
        layout.log("path_integral", D, M, f"seed{S}"),
    wildcard_constraints:
        model=plan.patterns["computing"],


# What force fields, and the reference, say of atoms that no data have.
rule probe:
    input:
        weights=lambda wildcards: plan.forcefields.weights(**wildcards),
        dataset=layout.dataset(D),
        splits=layout.splits(D),
        scans=lambda wildcards: plan.forcefields.scans(wildcards.dataset),
        code=lambda wildcards: plan.code(
            "probe", *plan.probe_modules(wildcards.dataset, wildcards.model)
        ),
    output:
        layout.probes(D, M, S),
    log:
        layout.log("probe", D, M, f"seed{S}"),
    wildcard_constraints:
        model=f"reference|{plan.patterns['computing']}",
    conda:
        environment
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=lambda wildcards: plan.forcefields.physics(wildcards.dataset),
        method=lambda wildcards: plan.forcefields.method(wildcards.dataset),
    script:
        "../../scripts/probe.py"


rule measure_forcefield:
    input:
        unpack(lambda wildcards: plan.forcefields.to_measure(**wildcards)),
        dataset=of_dataset(layout.dataset),
        splits=of_dataset(layout.splits),
        code=lambda wildcards: plan.code(
            "measure_forcefield",
            *plan.measure_modules(wildcards.dataset, wildcards.model),
        ),
    output:
        layout.measured(D, M, S),
    log:
        layout.log("measure", D, M, f"seed{S}"),
    wildcard_constraints:
        dataset=plan.patterns["training_set"],
        model=plan.patterns["compared"],
    group:
        "predictions"
    conda:
        environment
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        tables=lambda wildcards: plan.forcefields.measures(**wildcards),
        size=lambda wildcards: size(wildcards.dataset),
    script:
        "../../scripts/measure_forcefield.py"
