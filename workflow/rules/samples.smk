# Bonds by every assigner, and the checks of what is valid: all that is found out about single molecules. Finished
# parts are kept in the set's folder by what they were made of, so that an edit repeats only what it concerns.
# What is measured on them takes seconds, and is one job of a cluster with it, unless they are judged in parts.
rule judge:
    input:
        unpack(
            lambda wildcards: plan.samples.to_judge(wildcards.dataset, wildcards.model)
        ),
        code=lambda wildcards: plan.code(
            "judge",
            *plan.samples.modules_to_judge(checks=True),
            *plan.sample_readers(wildcards.model),
        ),
    output:
        [
            layout.judged(D, M, S, "{part}", name)
            for name in plan.samples.files(checks=True)
        ],
    log:
        layout.log("judge", D, M, f"seed{S}{{part}}"),
    wildcard_constraints:
        model=plan.patterns["judged"],
    group:
        "judge{part}"
    conda:
        "../../envs/tutti.yaml"
    threads: plan.samples.threads(workflow.resource_settings.cores or 4)
    resources:
        mem_mb=growing(4000),
        runtime=480,
    params:
        source=lambda wildcards: plan.samples.source(wildcards.model),
        part=lambda wildcards: wildcards.part,
        assigners=lookup("bonds/assigners", within=config),
        time_limit=lookup("bonds/time_limit", within=config),
        checks=lambda wildcards: plan.samples.checks_of(wildcards.model),
    script:
        "../../scripts/judge.py"


# The molecules that the others are compared with pass few checks. All models of a dataset wait for them: in the others'
# group they would make these one job.
use rule judge as judge_reference with:
    input:
        unpack(
            lambda wildcards: plan.samples.to_judge(
                wildcards.dataset, "training_split"
            )
        ),
        code=plan.code("judge", *plan.samples.modules_to_judge(checks=False)),
    output:
        [
            layout.judged(D, M, S, "{part}", name)
            for name in plan.samples.files(checks=False)
        ],
    log:
        layout.log("judge_reference", D, M, f"seed{S}{{part}}"),
    wildcard_constraints:
        model=plan.patterns["reference"],
    group:
        "reference"
    params:
        source=plan.samples.source("training_split"),
        part=lambda wildcards: wildcards.part,
        assigners=lookup("bonds/assigners", within=config),
        time_limit=lookup("bonds/time_limit", within=config),
        checks=plan.samples.checks_of_reference,


rule measure:
    input:
        judged=lambda wildcards: plan.samples.judged_files(**wildcards),
        reference=lambda wildcards: plan.samples.reference_files(wildcards.dataset),
        code=plan.code("measure", *plan.samples.modules_to_measure),
    output:
        layout.measured(D, M, S),
    log:
        layout.log("measure", D, M, f"seed{S}"),
    wildcard_constraints:
        model=plan.patterns["judged"],
    group:
        "judge"
    conda:
        "../../envs/tutti.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        folders=lambda wildcards: plan.samples.folders(**wildcards),
        reference=lambda wildcards: plan.samples.reference_folders(wildcards.dataset),
        assigners=lookup("bonds/assigners", within=config),
        checks=list(plan.samples.checks),
        reference_checks=list(plan.samples.checks_of_reference),
        tables=plan.samples.measures(),
    script:
        "../../scripts/measure.py"


rule completion:
    input:
        train=layout.completions(D, M, S, "train.npz"),
        test=layout.completions(D, M, S, "test.npz"),
        code=plan.code("completion", f"chemistry.bonds.{MAIN}"),
    output:
        rows=layout.measured(D, M, S, "-completion"),
        verdicts=layout.completions(D, M, S, "verdicts.parquet"),
    log:
        layout.log("completion", D, M, f"seed{S}"),
    wildcard_constraints:
        model=plan.patterns["generator"],
    group:
        "completion"
    conda:
        "../../envs/tutti.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        time_limit=lookup("bonds/time_limit", within=config),
    script:
        "../../scripts/completion.py"
