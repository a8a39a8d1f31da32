from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from tutti.datasets.splits import Splits
    from tutti.formats import extxyz
    from tutti.structures import Structures

    structures = Structures.load(snakemake.input.dataset)
    part = getattr(Splits.load(snakemake.input.splits, structures), snakemake.params.part)
    extxyz.write(snakemake.output[0], structures[part])
