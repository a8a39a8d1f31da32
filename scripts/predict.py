from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from tutti.core import functions
    from tutti.core.structures import Structures
    from tutti.data.splits import Splits

    files, out, params = snakemake.input, snakemake.output, snakemake.params
    structures = Structures.load(files.dataset)
    splits = Splits.load(files.splits, structures).first(params.size)
    predict = functions.load(params.predict["function"])
    for part, rows in (("train", splits.train), ("test", splits.test)):
        predict(params.predict["source"], structures[rows], out[part], **params.predict["arguments"])
