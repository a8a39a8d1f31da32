from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from pathlib import Path

    from tutti.core.structures import Structures
    from tutti.data.splits import Splits
    from tutti.models.forcefields.predictions import predict_to_file

    files, out, params = snakemake.input, snakemake.output, snakemake.params
    structures = Structures.load(files.dataset)
    splits = Splits.load(files.splits, structures).first(params.size)
    weights = Path(files.weights).parent
    predict_to_file(weights, structures[splits.train], out.train, params.batch_size)
    predict_to_file(weights, structures[splits.test], out.test, params.batch_size)
