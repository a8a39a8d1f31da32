from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti import tables
    from tutti.plots import inference_time

    table = tables.read(snakemake.input.table)
    stem = Path(snakemake.output[0]).with_suffix("")
    inference_time.draw(table[table["dataset"] == snakemake.wildcards.dataset], stem)
