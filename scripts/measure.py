from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.benchmark.samples.judged import Judged
    from tutti.benchmark.samples.measure import measure
    from tutti.core import parquet
    from tutti.core.cache import Parts
    from tutti.core.progress import Progress

    params, names, out = snakemake.params, snakemake.wildcards, Path(snakemake.output[0])
    rows = measure(
        Judged.read(params.folders, params.assigners, params.checks),
        Judged.read(params.reference, params.assigners, params.reference_checks)
        if params.reference
        else None,
        params.tables,
        Parts(out.with_suffix(".parts")),
        Progress("tables", len(params.tables)),
        model=names.model,
        dataset=names.dataset,
        seed=int(names.seed),
    )
    parquet.write(rows, out)
