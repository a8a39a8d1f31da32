from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    import pandas as pd

    from tutti.benchmark.samples.completion import table
    from tutti.benchmark.tables import MAIN
    from tutti.chemistry.bonds.pool import assign_all
    from tutti.core import parquet
    from tutti.core.structures import Structures

    settings = {"jobs": snakemake.threads, "time_limit": snakemake.params.time_limit}
    verdicts = {
        part: assign_all(Structures.load(snakemake.input[part]), MAIN, **settings)
        for part in ("train", "test")
    }
    names = snakemake.wildcards
    rows = table(verdicts, model=names.model, dataset=names.dataset, seed=int(names.seed))
    parquet.write(rows.assign(table="completion"), snakemake.output.rows)
    both = [found.assign(part=part) for part, found in verdicts.items()]
    parquet.write(pd.concat(both, ignore_index=True), snakemake.output.verdicts)
