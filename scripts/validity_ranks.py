from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import tables
    from tutti.plots.validity_matrix import ranks

    table = ranks(tables.concatenate(map(Path, snakemake.input.tables)))
    tables.write(table, Path(snakemake.output.csv).with_suffix(""))
