from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.datasets.splits import Splits
    from tutti.dynamics.study import DynamicsConfig, first_test_frame, run
    from tutti.registry import from_dict
    from tutti.structures import Structures

    files, out, names = snakemake.input, snakemake.output, snakemake.wildcards
    structures = Structures.load(files.dataset)
    run(
        from_dict(DynamicsConfig, snakemake.params.settings, f"forcefields.dynamics.{names.dataset}"),
        first_test_frame(structures, Splits.load(files.splits, structures)),
        Path(files.weights).parent if files.weights else None,
        int(names.seed),
        {"NVE": Path(out.nve), "NVT": Path(out.nvt)},
    )
