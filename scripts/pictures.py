from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    import pandas as pd

    from tutti import formats
    from tutti.plots.molecules import grid

    grid(
        formats.read(snakemake.input.samples),
        pd.read_parquet(snakemake.input.verdicts),
        Path(snakemake.output[0]).with_suffix(""),
        n=snakemake.params.n,
        seed=snakemake.params.seed,
    )
