from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import tables
    from tutti.suite.figures import OF_TABLE

    table = tables.read(Path(snakemake.input.table))
    OF_TABLE[snakemake.wildcards.figure](table, Path(snakemake.output[0]).with_suffix(""))
