from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.core.structures import Structures
    from tutti.data.splits import Splits
    from tutti.models.forcefields.alignment import make_folder

    files, params = snakemake.input, snakemake.params
    structures = Structures.load(files.dataset)
    training = structures[Splits.load(files.splits, structures).train]
    make_folder(params.factory, params.arguments, training, Path(snakemake.output[0]).parent)
