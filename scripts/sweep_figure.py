from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import tables
    from tutti.plots import sweep

    table = tables.read(Path(snakemake.input.table))
    table = table[table["dataset"] == snakemake.wildcards.dataset]
    sweep.draw(table, snakemake.params.values, Path(snakemake.output[0]).with_suffix(""))
