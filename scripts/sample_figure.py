from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.suite import MAIN
    from tutti.suite.figures import OF_SAMPLES
    from tutti.suite.judged import Judged

    files = snakemake.input
    checks = files.checks or [()] * len(files.samples)
    sets = {
        label: Judged.read(samples, [MAIN], [verdicts], ["strain"] if check else [], [check] if check else [])
        for label, samples, verdicts, check in zip(
            snakemake.params.labels, files.samples, files.verdicts, checks, strict=True
        )
    }
    OF_SAMPLES[snakemake.wildcards.figure](sets, Path(snakemake.output[0]).with_suffix(""))
