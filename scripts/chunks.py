from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from tutti.bonds.chunks import split

    split(snakemake.params.path, snakemake.output.whole, snakemake.output.parts)
