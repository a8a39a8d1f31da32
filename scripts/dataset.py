from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.core import registry
    from tutti.core.locks import alone

    kind = registry.module("datasets", snakemake.params.kind)
    config = registry.from_dict(
        kind.Config, snakemake.params.config, f"config of {snakemake.wildcards.dataset}"
    )
    work = Path(snakemake.params.work)
    work.mkdir(parents=True, exist_ok=True)
    with alone(f"{work}.lock", str(work), wait=True):  # of another run
        kind.make(config, Path(snakemake.output[0]), work, snakemake.threads)
