from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    import torch

    from tutti.benchmark.signals import study

    torch.set_num_threads(snakemake.threads)
    names, settings = snakemake.wildcards, snakemake.params.settings
    found = study.run(names.target, names.family, int(names.lmax), **settings)
    found.save(snakemake.output[0])
