from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import tables
    from tutti.signals import study

    fits = map(study.Fits.load, snakemake.input.fits)
    tables.write(study.table(fits, snakemake.params.seed), Path(snakemake.output.csv).with_suffix(""))
