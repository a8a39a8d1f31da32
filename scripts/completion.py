from tutti.logs import redirect

with redirect(snakemake.log[0]):
    import pandas as pd

    from tutti import frames
    from tutti.bonds.pool import assign_all
    from tutti.metrics.completion import completion_table
    from tutti.structures import Structures
    from tutti.suite import MAIN

    settings = {"jobs": snakemake.threads, "time_limit": snakemake.params.time_limit}
    verdicts = {
        part: assign_all(Structures.load(snakemake.input[part]), MAIN, **settings)
        for part in ("train", "test")
    }
    names = snakemake.wildcards
    table = completion_table(verdicts, model=names.model, dataset=names.dataset, seed=int(names.seed))
    frames.write(table, snakemake.output.table)
    both = [rows.assign(part=part) for part, rows in verdicts.items()]
    frames.write(pd.concat(both, ignore_index=True), snakemake.output.verdicts)
