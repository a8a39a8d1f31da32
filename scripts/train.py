from tutti.logs import redirect

if __name__ == "__main__":  # several devices: their processes import this file again
    with redirect(snakemake.log[0]):
        from pathlib import Path

        from tutti import models
        from tutti.datasets.splits import Splits
        from tutti.registry import from_dict
        from tutti.sources import drop_stale, fingerprint
        from tutti.structures import Structures
        from tutti.training import TrainingConfig, train

        params, files = snakemake.params, snakemake.input
        structures = Structures.load(files.dataset)
        splits = Splits.load(files.splits, structures).first(params.size)
        out = Path(snakemake.output.weights).parent
        # Resume a killed job, but not the training of another configuration, dataset or code.
        drop_stale(out / "last.ckpt", fingerprint(files, list(params)))
        model = models.create(*params.module, params.config, params.seed, structures[splits.train])
        train(
            model,
            structures,
            splits,
            from_dict(TrainingConfig, params.training, f"training of {snakemake.wildcards.model}"),
            out,
            params.seed,
            devices=max(1, snakemake.resources.gpu),
            initial=models.start_from(model, Path(files.initial).parent) if files.initial else None,
        )
