# Tables. Those of `tutti.suite` are made of parts, one for each file of samples; so are completion, throughput.
EVALUATION = config["evaluation"]
SUITE = [table for table in EVALUATION["tables"] if table in FAMILIES and MODELS]
TRAINED_ONLY = [
    table for table in EVALUATION["tables"] if table not in FAMILIES and TRAINED
]
JUDGED = [*MODELS, *EVALUATION["controls"]] if MODELS else []
NEEDED_CHECKS = checks_of(SUITE)


rule metric:
    input:
        samples="results/{run}/bonds/{dataset}/{model}/seed{seed}/samples.npz",
        verdicts=lambda wildcards: expand(
            "results/{run}/bonds/{dataset}/{model}/seed{seed}/{assigner}.parquet",
            **wildcards,
            assigner=assigners(wildcards.table),
        ),
        checks=lambda wildcards: expand(
            "results/{run}/checks/{dataset}/{model}/seed{seed}/{check}.parquet",
            **wildcards,
            check=FAMILIES[wildcards.table].checks,
        ),
        reference=lambda wildcards: reference(
            wildcards, "results/{run}/bonds/{dataset}/{model}/seed{seed}/samples.npz"
        ),
        reference_verdicts=lambda wildcards: reference(
            wildcards,
            "results/{run}/bonds/{dataset}/{model}/seed{seed}/{assigner}.parquet",
            assigner=assigners(wildcards.table),
        ),
        code=lambda wildcards: code(
            "metric", "suite.judged", f"suite.{wildcards.table}"
        ),
    output:
        PART,
    log:
        "logs/{run}/metrics/{table}/{dataset}/{model}/seed{seed}.log",
    wildcard_constraints:
        table=one_of(SUITE),
    conda:
        "../../envs/tutti.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        assigners=lambda wildcards: assigners(wildcards.table),
        checks=lambda wildcards: FAMILIES[wildcards.table].checks,
    script:
        "../../scripts/metric.py"


# One core each: the chunks and sets of samples are what runs side by side.
rule check:
    input:
        chunk="results/{run}/bonds/{dataset}/{model}/seed{seed}/chunks/{scatteritem}.npz",
        verdicts=f"results/{{run}}/bonds/{{dataset}}/{{model}}/seed{{seed}}/{MAIN}/{{scatteritem}}.parquet",
        code=lambda wildcards: code(
            "check", f"metrics.{wildcards.check}", "frames", "bonds.chunks"
        ),
    output:
        "results/{run}/checks/{dataset}/{model}/seed{seed}/{check}/{scatteritem}.parquet",
    log:
        "logs/{run}/checks/{dataset}/{model}/seed{seed}/{check}/{scatteritem}.log",
    conda:
        "../../envs/tutti.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=480,
    params:
        molecules=lookup("evaluation/checks/{check}/molecules", within=config),
        time_limit=lookup("evaluation/checks/{check}/time_limit", within=config),
    script:
        "../../scripts/check.py"


rule gather_checks:
    input:
        parts=gather.samples(
            "results/{{run}}/checks/{{dataset}}/{{model}}/seed{{seed}}/{{check}}/{scatteritem}.parquet"
        ),
        code=code("gather", "frames"),
    output:
        "results/{run}/checks/{dataset}/{model}/seed{seed}/{check}.parquet",
    log:
        "logs/{run}/gather_checks/{dataset}/{model}/seed{seed}/{check}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    script:
        "../../scripts/gather.py"


rule verdicts:
    input:
        verdicts=expand(
            "results/{{run}}/bonds/{{dataset}}/{{model}}/seed{{seed}}/{assigner}.parquet",
            assigner=config["bonds"]["assigners"],
        ),
        checks=expand(
            "results/{{run}}/checks/{{dataset}}/{{model}}/seed{{seed}}/{check}.parquet",
            check=NEEDED_CHECKS,
        ),
        code=code("verdicts", "suite.molecules", "frames"),
    output:
        "results/{run}/molecules/{dataset}/{model}/seed{seed}.parquet",
    log:
        "logs/{run}/verdicts/{dataset}/{model}/seed{seed}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        assigners=config["bonds"]["assigners"],
        checks=NEEDED_CHECKS,
    script:
        "../../scripts/verdicts.py"


rule completion:
    input:
        train="results/{run}/completions/{dataset}/{model}/seed{seed}/train.npz",
        test="results/{run}/completions/{dataset}/{model}/seed{seed}/test.npz",
        code=code(
            "completion", "metrics.completion", "bonds.pool", f"bonds.{MAIN}", "frames"
        ),
    output:
        table="results/{run}/metrics/completion/{dataset}/{model}/seed{seed}.parquet",
        verdicts="results/{run}/completions/{dataset}/{model}/seed{seed}.parquet",
    log:
        "logs/{run}/metrics/completion/{dataset}/{model}/seed{seed}.log",
    conda:
        "../../envs/tutti.yaml"
    threads: 4
    params:
        time_limit=lookup("bonds/time_limit", within=config),
    script:
        "../../scripts/completion.py"


rule table:
    input:
        parts=lambda wildcards: each(
            PART,
            TRAINED if wildcards.table in TRAINED_ONLY else JUDGED,
            table=wildcards.table,
        ),
        code=code("table", "tables", "frames", "published"),
        data=package_data("report"),
    output:
        multiext("results/{run}/tables/{table}", csv=".csv", md=".md", tex=".tex"),
    log:
        "logs/{run}/table/{table}.log",
    wildcard_constraints:
        table=one_of([*SUITE, *TRAINED_ONLY]),
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        datasets=KINDS,
        models=PUBLISHED_NAMES,
    script:
        "../../scripts/table.py"


rule summary:
    input:
        tables=expand(
            "results/{{run}}/tables/{table}.csv",
            table=[*SUITE, *TRAINED_ONLY, *POTENTIAL_TABLES],
        ),
        code=lambda wildcards: code(
            wildcards.summary,
            "tables",
            "published",
            "metrics.over_seeds",
            "plots.validity_matrix",
        ),
        data=package_data("report"),
    output:
        multiext("results/{run}/tables/{summary}", csv=".csv", md=".md", tex=".tex"),
    log:
        "logs/{run}/summary/{summary}.log",
    wildcard_constraints:
        summary="paper_versus_here|over_seeds|validity_ranks",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        models=PUBLISHED_NAMES | PUBLISHED_POTENTIALS,
        here=HERE | POTENTIALS_HERE,
        datasets=KINDS,
        subsets=PUBLISHED_SUBSETS,
    script:
        "../../scripts/{wildcards.summary}.py"


TABLES = [
    *SUITE,
    *TRAINED_ONLY,
    *POTENTIAL_TABLES,
    *(["paper_versus_here"] if SUITE or TRAINED_ONLY or POTENTIAL_TABLES else []),
    *(["over_seeds"] if len(config["seeds"]) > 1 and (TRAINED or POTENTIALS) else []),
    *(["validity_ranks"] if len(MODELS) > 1 and "validity" in SUITE else []),
]
