from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.report.browser import Set
    from tutti.report.build import build

    figures = map(Path, snakemake.input.figures)
    build(
        Path(snakemake.output[0]),
        title=snakemake.params.config["report"]["title"],
        config=snakemake.params.config,
        tables=[Path(path).with_suffix("") for path in snakemake.input.tables],
        figures=list(zip(figures, snakemake.params.captions, strict=True)),
        sidecars=[Path(path) for path in snakemake.input.sidecars],
        benchmarks=[Path(path) for path in snakemake.input.benchmarks],
        sets=[Set.read(**each) for each in snakemake.params.sets],
    )
