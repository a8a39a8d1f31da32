from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    import pandas as pd

    from tutti import formats
    from tutti.plots import distributions

    labels = snakemake.params.labels
    structures = dict(zip(labels, map(formats.read, snakemake.input.samples), strict=True))
    verdicts = map(pd.read_parquet, snakemake.input.verdicts)
    judged = dict(zip(labels, zip(structures.values(), verdicts, strict=True), strict=True))
    distributions.bond_lengths(judged, Path(snakemake.output.bond_lengths).with_suffix(""))
    distributions.atom_counts(structures, Path(snakemake.output.atom_counts).with_suffix(""))
