from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import frames, published, tables

    table = published.fill(
        frames.read(snakemake.input.parts), snakemake.params.datasets, snakemake.params.models
    )
    tables.write(table, Path(snakemake.output.csv).with_suffix(""))
