from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import tables
    from tutti.metrics.over_seeds import over_seeds_table

    table = over_seeds_table(tables.concatenate(map(Path, snakemake.input.tables)))
    tables.write(table, Path(snakemake.output.csv).with_suffix(""))
