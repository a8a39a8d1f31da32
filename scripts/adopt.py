from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.core.structures import Structures
    from tutti.data.splits import Splits
    from tutti.models.adoption import adopt

    files = snakemake.input
    structures = Structures.load(files.dataset)
    adopt(
        Path(files.given[0]).parent,
        structures,
        Splits.load(files.splits, structures),
        Path(snakemake.output.weights).parent,
    )
