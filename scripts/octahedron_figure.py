from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.plots import octahedron
    from tutti.signals.study import Fits

    fits = [Fits.load(path) for path in snakemake.input.fits]
    octahedron.draw(fits, snakemake.params.sharpness, Path(snakemake.output[0]).with_suffix(""))
