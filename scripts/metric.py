from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from importlib import import_module

    from tutti import frames
    from tutti.suite.judged import Judged

    files, names = snakemake.input, snakemake.wildcards
    assigners = snakemake.params.assigners
    samples = Judged.read(files.samples, assigners, files.verdicts, snakemake.params.checks, files.checks)
    reference = (
        Judged.read(files.reference[0], assigners, files.reference_verdicts) if files.reference else None
    )
    table = import_module(f"tutti.suite.{names.table}").table(
        samples, reference, model=names.model, dataset=names.dataset, seed=int(names.seed)
    )
    frames.write(table, snakemake.output[0])
