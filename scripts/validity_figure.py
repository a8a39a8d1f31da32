from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import tables
    from tutti.plots import validity

    validity.draw(tables.read(Path(snakemake.input.table)), Path(snakemake.output[0]).with_suffix(""))
