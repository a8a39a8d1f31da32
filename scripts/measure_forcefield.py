from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from tutti.benchmark.forcefields.measure import measure
    from tutti.core import parquet

    names, params = snakemake.wildcards, snakemake.params
    labels = {"model": names.model, "dataset": names.dataset, "seed": int(names.seed)}
    rows = measure(params.tables, dict(snakemake.input.items()), params.size, **labels)
    parquet.write(rows, snakemake.output[0])
