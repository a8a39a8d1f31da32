from tutti.logs import redirect

with redirect(snakemake.log[0]):
    import pandas as pd

    from tutti import frames
    from tutti.suite.molecules import molecules

    verdicts = map(pd.read_parquet, snakemake.input.verdicts)
    checks = map(pd.read_parquet, snakemake.input.checks)
    table = molecules(
        dict(zip(snakemake.params.assigners, verdicts, strict=True)),
        dict(zip(snakemake.params.checks, checks, strict=True)),
    )
    frames.write(table, snakemake.output[0])
