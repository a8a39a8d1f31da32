from tutti.logs import redirect

with redirect(snakemake.log[0]):
    import os
    from pathlib import Path

    # Before torch and tblite are loaded: both count their threads once.
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    os.environ.update(dict.fromkeys(variables, str(snakemake.params.threads)))

    from tutti import frames
    from tutti.datasets.splits import Splits
    from tutti.forcefield_suite import inference_time
    from tutti.structures import Structures

    files, names, settings = snakemake.input, snakemake.wildcards, snakemake.params.settings
    structures = Structures.load(files.dataset)
    first = structures[Splits.load(files.splits, structures).test[:1]]
    labels = {"dataset": names.dataset, "seed": int(names.seed), "most_atoms": settings["most_atoms"]}
    if files.weights:
        sizes = settings["batch_sizes"]
        folder = Path(files.weights).parent
        table = inference_time.table(folder, first, model=names.model, batch_sizes=sizes, **labels)
    else:
        table = inference_time.xtb_table(first, **labels)
    frames.write(table, snakemake.output[0])
