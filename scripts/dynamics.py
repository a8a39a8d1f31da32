from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from tutti import frames
    from tutti.forcefield_suite.dynamics import table_of_files

    table = table_of_files(
        settings=snakemake.params.settings,
        nve=snakemake.input.nve,
        nvt=snakemake.input.nvt,
        rings=snakemake.input.rings,
        reference_nve=snakemake.input.reference_nve,
        reference_nvt=snakemake.input.reference_nvt,
        dataset_file=snakemake.input.dataset,
        weights=snakemake.input.weights,
        model=snakemake.wildcards.model,
        dataset=snakemake.wildcards.dataset,
        seed=int(snakemake.wildcards.seed),
    )
    frames.write(table, snakemake.output[0])
