from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import published, tables

    params = snakemake.params
    found = tables.concatenate(map(Path, snakemake.input.tables))
    table = published.versus_here(found, params.models, params.here, params.datasets, params.subsets)
    tables.write(table, Path(snakemake.output.csv).with_suffix(""))
