# Families of metrics, each a table; agreement needs two assigners that can agree.
TABLES = (
    ["validity"]
    if len(config["bonds"]["assigners"]) == 1
    else ["validity", "agreement"]
)
PARTS = {
    "validity": expand(
        "results/{{run}}/metrics/validity/{{dataset}}/{{model}}/seed{{seed}}/{assigner}.parquet",
        assigner=config["bonds"]["assigners"],
    ),
    "agreement": [
        "results/{run}/metrics/agreement/{dataset}/{model}/seed{seed}.parquet"
    ],
}


rule validity:
    input:
        verdicts="results/{run}/bonds/{dataset}/{model}/seed{seed}/{assigner}.parquet",
        training="results/{run}/bonds/{dataset}/training_split/seed0/{assigner}.parquet",
        code=code("validity", "metrics.validity", "frames"),
    output:
        "results/{run}/metrics/validity/{dataset}/{model}/seed{seed}/{assigner}.parquet",
    log:
        "logs/{run}/validity/{dataset}/{model}/seed{seed}/{assigner}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    script:
        "../../scripts/validity.py"


rule agreement:
    input:
        verdicts=expand(
            "results/{{run}}/bonds/{{dataset}}/{{model}}/seed{{seed}}/{assigner}.parquet",
            assigner=config["bonds"]["assigners"],
        ),
        code=code("agreement", "metrics.agreement", "frames"),
    output:
        "results/{run}/metrics/agreement/{dataset}/{model}/seed{seed}.parquet",
    log:
        "logs/{run}/agreement/{dataset}/{model}/seed{seed}.log",
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        assigners=config["bonds"]["assigners"],
    script:
        "../../scripts/agreement.py"


rule table:
    input:
        parts=lambda wildcards: [
            path
            for pattern in PARTS[wildcards.table]
            for path in each(pattern, [*config["generation"]["models"], "test_split"])
        ],
        code=code("table", "tables", "frames", "published"),
        data=package_data("report"),
    output:
        multiext("results/{run}/tables/{table}", csv=".csv", md=".md", tex=".tex"),
    log:
        "logs/{run}/table/{table}.log",
    wildcard_constraints:
        table=one_of(TABLES),
    localrule: True
    conda:
        "../../envs/tutti.yaml"
    params:
        # Published numbers go by the model's module and the dataset's kind.
        datasets={
            name: config["datasets"][name]["kind"]
            for name in config["generation"]["datasets"]
        },
        models={
            name: config["models"][name]["module"]
            for name in config["generation"]["models"]
        },
    script:
        "../../scripts/table.py"
