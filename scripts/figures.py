from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from importlib import import_module

    import_module(f"tutti.figures.drawing.{snakemake.params.of}").draw(snakemake.params.figures)
