from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.forcefield_suite.figures import draw_dynamics

    files, params = snakemake.input, snakemake.params
    draw_dynamics(
        snakemake.wildcards.figure,
        dict(zip(params.labels, files.models, strict=True)),
        dict(zip(params.labels, files.rings, strict=False)),
        files.reference,
        files.dataset,
        params.settings,
        Path(snakemake.output[0]).with_suffix(""),
    )
