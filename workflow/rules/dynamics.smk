# Simulations with force fields, and with the reference, all from one structure of the test split.
rule simulate:
    input:
        weights=weights_of_potential,
        dataset="results/{run}/data/{dataset}.npz",
        splits="results/{run}/data/{dataset}.splits.json",
        code=lambda wildcards: code(
            "simulate",
            "dynamics.study",
            *modules_of_potential(wildcards.model),
        ),
    output:
        nve="results/{run}/dynamics/{dataset}/{model}/seed{seed}/NVE.npz",
        nvt="results/{run}/dynamics/{dataset}/{model}/seed{seed}/NVT.npz",
    log:
        "logs/{run}/simulate/{dataset}/{model}/seed{seed}.log",
    wildcard_constraints:
        model=f"{REFERENCE}|{ANY_FORCEFIELD}",
    conda:
        "../../envs/tutti.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        settings=lambda wildcards: DYNAMICS[wildcards.dataset],
    script:
        "../../scripts/simulate.py"


rule path_integral:
    input:
        weights=weights_of_potential,
        dataset="results/{run}/data/{dataset}.npz",
        splits="results/{run}/data/{dataset}.splits.json",
        code=lambda wildcards: code(
            "path_integral",
            "dynamics.study",
            *modules_of_potential(wildcards.model),
        ),
    output:
        "results/{run}/dynamics/{dataset}/{model}/seed{seed}/rings.npz",
    log:
        "logs/{run}/path_integral/{dataset}/{model}/seed{seed}.log",
    wildcard_constraints:
        model=ANY_FORCEFIELD,
    conda:
        "../../envs/tutti.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        settings=lambda wildcards: DYNAMICS[wildcards.dataset],
    script:
        "../../scripts/path_integral.py"


rule dynamics:
    input:
        weights="results/{run}/train/{dataset}/{model}/seed{seed}/weights.safetensors",
        nve=trajectory("model", "NVE"),
        nvt=trajectory("model", "NVT"),
        rings=lambda wildcards: (
            trajectory("model", "rings")(wildcards)
            if has_rings(wildcards.dataset)
            else []
        ),
        reference_nve=trajectory(REFERENCE, "NVE"),
        reference_nvt=trajectory(REFERENCE, "NVT"),
        dataset="results/{run}/data/{dataset}.npz",
        code=lambda wildcards: code(
            "dynamics",
            "forcefield_suite.dynamics",
            "forcefields.calculator",
            module_of(wildcards.model),
            "frames",
        ),
    output:
        "results/{run}/metrics/dynamics/{dataset}/{model}/seed{seed}.parquet",
    log:
        "logs/{run}/metrics/dynamics/{dataset}/{model}/seed{seed}.log",
    wildcard_constraints:
        model=ANY_FORCEFIELD,
    conda:
        "../../envs/tutti.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=lambda wildcards: DYNAMICS[wildcards.dataset],
    script:
        "../../scripts/dynamics.py"


rule dynamics_figure:
    input:
        models=lambda wildcards: [
            dynamics_of(model, wildcards.figure)
            for dataset, model in MOVING
            if dataset == wildcards.dataset
        ],
        rings=lambda wildcards: (
            [
                dynamics_of(model, "rings")
                for dataset, model in MOVING
                if dataset == wildcards.dataset
            ]
            if wildcards.figure == "sizes"
            else []
        ),
        reference=lambda wildcards: (
            dynamics_of(REFERENCE, wildcards.figure)
            if has_reference(wildcards.dataset)
            else []
        ),
        dataset="results/{run}/data/{dataset}.npz",
        code=code("dynamics_figure", "forcefield_suite.figures"),
    output:
        multiext("results/{run}/figures/{figure}-{dataset}", ".svg", ".png"),
    log:
        "logs/{run}/figures/{figure}-{dataset}.log",
    wildcard_constraints:
        figure="drift|radial_distribution|vibrations|diffusion|sizes",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        labels=lambda wildcards: [
            model for dataset, model in MOVING if dataset == wildcards.dataset
        ],
        settings=lambda wildcards: DYNAMICS[wildcards.dataset],
    script:
        "../../scripts/dynamics_figure.py"
