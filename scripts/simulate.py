from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.benchmark.forcefields.simulations import DynamicsConfig, first_test_frame, run
    from tutti.core.registry import from_dict
    from tutti.core.structures import Structures
    from tutti.data.splits import Splits

    files, names = snakemake.input, snakemake.wildcards
    structures = Structures.load(files.dataset)
    run(
        from_dict(DynamicsConfig, snakemake.params.settings, f"forcefields.dynamics.{names.dataset}"),
        first_test_frame(structures, Splits.load(files.splits, structures)),
        Path(files.weights[0]).parent if files.weights else None,
        int(names.seed),
        {ensemble: Path(path) for ensemble, path in snakemake.output.items()},
    )
