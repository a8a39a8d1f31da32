# All tables, the figures and the page: seconds each, and one job of a cluster.
rule tables:
    input:
        rows=plan.rows,
        fits=plan.signals.fits,
        trainings=[each["record"] for each in plan.samples.learnt],
        code=plan.code("tables", *plan.table_modules),
        data=plan.package_data("benchmark"),
    output:
        [
            layout.table(name, form)
            for name in plan.tables
            for form in ("csv", "md", "tex")
        ],
        layout.sums("tables/"),
    log:
        layout.log("tables"),
    group:
        "page"
    conda:
        "../../envs/tutti.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        tables=plan.tables,
        published=plan.published,
        seed=config["seeds"][0],
        trainings=plan.samples.learnt,
    script:
        "../../scripts/tables.py"


rule table_figures:
    input:
        files=plan.figures.files("tables"),
        code=plan.code("figures", *plan.figures.modules("tables")),
    output:
        plan.figures.outputs("tables"),
    log:
        layout.log("figures", "tables"),
    group:
        "page"
    conda:
        "../../envs/tutti.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        of="tables",
        figures=plan.figures.requests("tables"),
    script:
        "../../scripts/figures.py"


use rule table_figures as sample_figures with:
    input:
        files=plan.figures.files("samples"),
        code=plan.code("figures", *plan.figures.modules("samples")),
    output:
        plan.figures.outputs("samples"),
    log:
        layout.log("figures", "samples"),
    params:
        of="samples",
        figures=plan.figures.requests("samples"),


use rule table_figures as model_figures with:
    input:
        files=plan.figures.files("models"),
        code=plan.code("figures", *plan.figures.modules("models")),
    output:
        plan.figures.outputs("models"),
    log:
        layout.log("figures", "models"),
    params:
        of="models",
        figures=plan.figures.requests("models"),


rule report:
    input:
        tables=[layout.table(name) for name in plan.tables],
        others=[file for file in plan.targets if file != layout.page],
        figures=[layout.figure(each.name) for each in plan.figures.all],
        judged=[
            file
            for each in plan.samples.judged
            for file in plan.samples.judged_files(*each)
        ],
        sidecars=plan.sidecars,
        benchmarks=plan.benchmarks,
        code=plan.code("report"),
        data=[*plan.package_data("report"), *plan.package_data("benchmark")],
    output:
        page=layout.page,
        sums=layout.sums(),
    log:
        layout.log("report"),
    group:
        "page"
    conda:
        "../../envs/tutti.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        config=plan.used_config(),
        captions=[each.caption for each in plan.figures.all],
        sets=plan.samples.looked_at(),
    script:
        "../../scripts/report.py"
