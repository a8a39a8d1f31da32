from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.benchmark.samples import judge, sets
    from tutti.benchmark.tables import Check
    from tutti.core.cache import Parts

    files, params, folder = snakemake.input, snakemake.params, Path(snakemake.output[0]).parent
    source = params.source
    if "part" in source:
        samples = sets.control_of_dataset(**source, dataset=files.dataset, splits=files.splits)
    elif "path" in source:
        samples = sets.read([source["path"]])
    else:
        samples = sets.of_generator(files.files[0])
    judging = judge.Judge(
        Parts(folder / ".parts"), snakemake.threads, tuple(params.assigners), float(params.time_limit)
    )
    checks = {name: Check(**limits) for name, limits in params.checks.items()}
    judged = judging.judge(snakemake.wildcards.model, sets.part_of(samples, params.part), checks)
    judge.write(judged, folder)
