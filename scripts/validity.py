from tutti.logs import redirect

with redirect(snakemake.log[0]):
    import pandas as pd

    from tutti import frames
    from tutti.metrics.validity import validity_table

    training = pd.read_parquet(snakemake.input.training)
    table = validity_table(
        pd.read_parquet(snakemake.input.verdicts),
        set(training.loc[training["valid"], "smiles"]),
        model=snakemake.wildcards.model,
        dataset=snakemake.wildcards.dataset,
        seed=int(snakemake.wildcards.seed),
        assigner=snakemake.wildcards.assigner,
    )
    frames.write(table, snakemake.output[0])
