from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from importlib import import_module

    from tutti import frames, tables
    from tutti.datasets.splits import Splits
    from tutti.structures import Structures

    files, names, params = snakemake.input, snakemake.wildcards, snakemake.params
    structures = Structures.load(files.dataset)
    splits = Splits.load(files.splits, structures).first(params.size)
    module = import_module(f"tutti.forcefield_suite.{names.table}")
    labels = {"model": names.model, "dataset": names.dataset, "seed": int(names.seed)}
    parts = [
        module.table(
            structures[getattr(splits, part)],
            Structures.load(files[part]),
            subset=part,
            **labels,
            **params.settings,
        )
        for part in ("train", "test")
    ]
    frames.write(tables.join(parts), snakemake.output[0])
