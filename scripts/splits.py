from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from tutti.core.registry import from_dict
    from tutti.core.structures import Structures
    from tutti.data.splits import SplitConfig, make_splits

    structures = Structures.load(snakemake.input.dataset)
    config = from_dict(SplitConfig, snakemake.params.split, f"split of {snakemake.wildcards.dataset}")
    make_splits(structures, config).save(snakemake.output[0])
