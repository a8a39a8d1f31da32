from tutti.logs import redirect

with redirect(snakemake.log[0]):
    import pandas as pd

    from tutti import frames
    from tutti.metrics.agreement import agreement_table

    verdicts = map(pd.read_parquet, snakemake.input.verdicts)
    table = agreement_table(
        dict(zip(snakemake.params.assigners, verdicts, strict=True)),
        model=snakemake.wildcards.model,
        dataset=snakemake.wildcards.dataset,
        seed=int(snakemake.wildcards.seed),
    )
    frames.write(table, snakemake.output[0])
