from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.datasets.splits import Splits
    from tutti.dynamics.study import DynamicsConfig, first_test_frame, run_path_integral
    from tutti.registry import from_dict
    from tutti.structures import Structures

    files, names = snakemake.input, snakemake.wildcards
    structures = Structures.load(files.dataset)
    run_path_integral(
        from_dict(DynamicsConfig, snakemake.params.settings, f"forcefields.dynamics.{names.dataset}"),
        first_test_frame(structures, Splits.load(files.splits, structures)),
        Path(files.weights).parent,
        int(names.seed),
        Path(snakemake.output[0]),
    )
