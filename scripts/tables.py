from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.benchmark.comparison import assemble
    from tutti.core import parquet
    from tutti.report import tables

    files, params, folder = snakemake.input, snakemake.params, Path(snakemake.output[0]).parent
    made = assemble(params.tables, parquet.read(files.rows), params.published, files.fits, params.seed)
    tables.write_all(made, folder)
