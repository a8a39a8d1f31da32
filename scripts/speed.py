from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    import os
    from pathlib import Path

    from tutti.core.hardware import thread_variables

    files, speed = snakemake.input, snakemake.params.speed
    os.environ |= thread_variables(speed["threads"])

    from tutti.core import functions, parquet
    from tutti.core.structures import Structures
    from tutti.data.splits import Splits

    arguments = [Path(weights).parent for weights in files.get("weights", [])]
    if files.get("dataset"):
        structures = Structures.load(files.dataset)
        arguments.append(structures[Splits.load(files.splits, structures).example])
    rows = functions.load(speed["function"])(*arguments, **speed["arguments"])
    parquet.write(rows.assign(table=speed["table"]), snakemake.output[0])
