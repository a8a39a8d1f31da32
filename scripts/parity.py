from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.datasets.splits import Splits
    from tutti.plots import parity
    from tutti.structures import Structures

    files = snakemake.input
    structures = Structures.load(files.dataset)
    targets = snakemake.params.targets
    parity.draw(
        structures[Splits.load(files.splits, structures).test],
        dict(zip(targets, map(Structures.load, files.predictions), strict=True)),
        Path(snakemake.output[0]).with_suffix(""),
        targets,
    )
