from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import tables
    from tutti.plots import signals

    stem = Path(snakemake.output[0]).with_suffix("")
    signals.draw(tables.read(snakemake.input.table), stem, snakemake.wildcards.against)
