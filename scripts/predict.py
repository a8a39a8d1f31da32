from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.datasets.splits import Splits
    from tutti.forcefields.predictions import predict_to_file
    from tutti.structures import Structures

    structures = Structures.load(snakemake.input.dataset)
    splits = Splits.load(snakemake.input.splits, structures).first(snakemake.params.size)
    predict_to_file(
        Path(snakemake.input.weights).parent,
        structures[getattr(splits, snakemake.wildcards.part)],
        Path(snakemake.output[0]),
        batch_size=snakemake.params.batch_size,
    )
