from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    import torch

    from tutti import frames
    from tutti.throughput import throughput_table

    torch.set_num_threads(snakemake.params.torch_threads)
    settings = dict(snakemake.params.sampling)
    settings.pop("batch_size")
    table = throughput_table(
        Path(snakemake.input.weights).parent,
        snakemake.params.batch_sizes,
        int(snakemake.wildcards.seed),
        settings,
        model=snakemake.wildcards.model,
        dataset=snakemake.wildcards.dataset,
    )
    frames.write(table, snakemake.output[0])
