from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import published, tables

    table = published.versus_here(
        tables.concatenate(map(Path, snakemake.input.tables)), snakemake.params.models, snakemake.params.here
    )
    tables.write(table, Path(snakemake.output.csv).with_suffix(""))
