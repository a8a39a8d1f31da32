from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    import pandas as pd

    from tutti.plots import training

    logs = dict(zip(snakemake.params.labels, map(pd.read_csv, snakemake.input.logs), strict=True))
    training.draw(logs, Path(snakemake.output[0]).with_suffix(""))
