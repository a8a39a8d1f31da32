from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.benchmark.forcefields.physics.probe import probe_to_file
    from tutti.benchmark.forcefields.physics.settings import PhysicsConfig
    from tutti.core.registry import from_dict
    from tutti.core.structures import Structures
    from tutti.data.splits import Splits

    files, params = snakemake.input, snakemake.params
    structures = Structures.load(files.dataset)
    probe_to_file(
        from_dict(PhysicsConfig, params.settings, f"forcefields.physics.{snakemake.wildcards.dataset}"),
        structures,
        Splits.load(files.splits, structures),
        Path(files.weights[0]).parent if files.weights else None,
        params.method,
        Path(snakemake.output[0]),
    )
