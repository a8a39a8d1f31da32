from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from tutti import frames
    from tutti.bonds.pool import assign_all
    from tutti.metrics.completion import completion_table
    from tutti.structures import Structures
    from tutti.suite import MAIN

    settings = {"jobs": snakemake.threads, "time_limit": snakemake.params.time_limit}
    train = assign_all(Structures.load(snakemake.input.train), MAIN, **settings)
    test = assign_all(Structures.load(snakemake.input.test), MAIN, **settings)
    names = snakemake.wildcards
    table = completion_table(
        {"train": train, "test": test}, model=names.model, dataset=names.dataset, seed=int(names.seed)
    )
    frames.write(table, snakemake.output[0])
