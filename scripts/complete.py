from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.core.structures import Structures
    from tutti.data.splits import Splits
    from tutti.models.generators.completion import complete_to_file

    structures = Structures.load(snakemake.input.dataset)
    splits = Splits.load(snakemake.input.splits, structures)
    settings = dict(snakemake.params.sampling)
    batch_size = settings.pop("batch_size")
    for part in ("train", "test"):
        complete_to_file(
            weights=Path(snakemake.input.weights).parent,
            molecules=structures[getattr(splits, part)],
            out=Path(snakemake.output[0]).with_name(f"{part}.npz"),
            n=snakemake.params.n,
            seed=snakemake.params.seed,
            batch_size=batch_size,
            settings=settings,
        )
