from tutti.logs import redirect

with redirect(snakemake.log[0]):
    from tutti import frames

    frames.write(frames.read(snakemake.input.parts), snakemake.output[0])
