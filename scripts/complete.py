from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.completion import complete_to_file
    from tutti.datasets.splits import Splits
    from tutti.structures import Structures

    structures = Structures.load(snakemake.input.dataset)
    part = getattr(Splits.load(snakemake.input.splits, structures), snakemake.wildcards.part)
    settings = dict(snakemake.params.sampling)
    complete_to_file(
        weights=Path(snakemake.input.weights).parent,
        molecules=structures[part],
        out=Path(snakemake.output.samples),
        n=snakemake.params.n,
        seed=snakemake.params.seed,
        batch_size=settings.pop("batch_size"),
        settings=settings,
    )
