from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.models.generators.sampling import sample_to_file

    settings = dict(snakemake.params.sampling)
    sample_to_file(
        weights=Path(snakemake.input.weights).parent,
        out=Path(snakemake.output.samples),
        n=snakemake.params.n,
        seed=snakemake.params.seed,
        batch_size=settings.pop("batch_size"),
        settings=settings,
    )
