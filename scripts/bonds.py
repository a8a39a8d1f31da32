from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from tutti import frames
    from tutti.bonds.pool import assign_all
    from tutti.structures import Structures

    verdicts = assign_all(
        Structures.load(snakemake.input.chunk),
        snakemake.wildcards.assigner,
        jobs=snakemake.threads,
        time_limit=snakemake.params.time_limit,
    )
    frames.write(verdicts, snakemake.output[0])
