from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from tutti.datasets.splits import SplitConfig, make_splits
    from tutti.registry import from_dict
    from tutti.structures import Structures

    structures = Structures.load(snakemake.input.dataset)
    config = from_dict(SplitConfig, snakemake.params.split, f"split of {snakemake.wildcards.dataset}")
    make_splits(structures, config).save(snakemake.output[0])
