from tutti.core.logs import redirect

with redirect(snakemake.log[0]):
    from itertools import chain
    from pathlib import Path

    from tutti.core import sums
    from tutti.report.browser import Set
    from tutti.report.build import build

    files, page = snakemake.input, Path(snakemake.output.page)
    build(
        page,
        title=snakemake.params.config["report"]["title"],
        config=snakemake.params.config,
        tables=[Path(path).with_suffix("") for path in files.tables],
        figures=list(zip(map(Path, files.figures), snakemake.params.captions, strict=True)),
        sidecars=[Path(path) for path in files.sidecars],
        benchmarks=[Path(path) for path in files.benchmarks],
        sets=[Set.read(**each) for each in snakemake.params.sets],
    )
    root = Path(snakemake.output.sums).parent
    made = ("tables", "others", "figures", "judged", "sidecars", "benchmarks")
    listed = [page, *map(Path, chain.from_iterable(files.get(name, []) for name in made))]
    sums.write(root, (path.relative_to(root).as_posix() for path in listed))
