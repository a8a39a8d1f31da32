from tutti.core.logs import redirect

if __name__ == "__main__":  # several devices: their processes import this file again
    with redirect(snakemake.log[0]):
        from pathlib import Path

        from tutti.core.registry import from_dict
        from tutti.core.sources import drop_stale, fingerprint
        from tutti.core.structures import Structures
        from tutti.data.splits import Splits
        from tutti.models import base
        from tutti.models.training.loop import TrainingConfig, train

        params, files, gpus = snakemake.params, snakemake.input, snakemake.resources.gpu
        structures = Structures.load(files.dataset)
        splits = Splits.load(files.splits, structures).first(params.size)
        out = Path(snakemake.output.weights).parent
        # Resume a killed job, but not one of another configuration, dataset or code, or on other GPUs.
        drop_stale(out / "last.ckpt", fingerprint(files, [*params, gpus]))
        model = base.create(params.kind, params.module, params.config, params.seed, structures[splits.train])
        train(
            model,
            structures,
            splits,
            from_dict(TrainingConfig, params.training, f"training of {snakemake.wildcards.model}"),
            out,
            params.seed,
            devices=max(1, gpus),
            initial=base.start_from(model, Path(files.initial[0]).parent) if files.initial else None,
        )
