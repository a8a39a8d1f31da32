from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.datasets.splits import Splits
    from tutti.interpretation.figures import draw
    from tutti.structures import Structures

    files = snakemake.input
    structures = Structures.load(files.dataset)
    draw(
        snakemake.wildcards.figure,
        Path(files.weights).parent,
        structures[Splits.load(files.splits, structures).test],
        Path(snakemake.output[0]).with_suffix(""),
    )
