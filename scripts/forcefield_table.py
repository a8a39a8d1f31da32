from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import frames, published, tables
    from tutti.forcefield_suite import learning_curve

    params = snakemake.params
    table = frames.read(snakemake.input.parts)
    if snakemake.wildcards.table == "learning_curve":
        table = learning_curve.table(table)
    table = published.fill(table, params.datasets, params.models, params.subsets)
    tables.write(table, Path(snakemake.output.csv).with_suffix(""))
