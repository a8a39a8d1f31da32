from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.benchmark.comparison import assemble
    from tutti.core import parquet
    from tutti.report import tables

    files, params, folder = snakemake.input, snakemake.params, Path(snakemake.output[0]).parent
    rows = parquet.read(files.rows)
    made = assemble(params.tables, rows, params.published, files.fits, params.seed, params.trainings)
    tables.write_all(made, folder)
