from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from importlib import import_module

    import pandas as pd

    from tutti import frames
    from tutti.bonds.chunks import head
    from tutti.structures import Structures

    structures = Structures.load(snakemake.input.chunk)
    checked = import_module(f"tutti.metrics.{snakemake.wildcards.check}").check_all(
        structures,
        head(pd.read_parquet(snakemake.input.verdicts), structures, snakemake.params.molecules),
        jobs=snakemake.threads,
        time_limit=snakemake.params.time_limit,
    )
    frames.write(checked, snakemake.output[0])
