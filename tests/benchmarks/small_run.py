"""Runs benchmarks/gpu.py on few and small tasks, where the packages named in BLOCKED cannot be imported.

python small_run.py CATALOGUE ARGUMENTS...
"""

import runpy
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

BLOCKED = {
    "rdkit",
    "openbabel",
    "posebusters",
    "tblite",
    "vesin",
    "snakemake",
    "pyarrow",
    "pooch",
    "requests",
}
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


class Missing(MetaPathFinder):
    """Finds no package of BLOCKED."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{name} is blocked", name=name)


def main(catalogue, *arguments):
    sys.meta_path.insert(0, Missing())
    sys.path.insert(0, str(BENCHMARKS))
    from device import inputs, speed, trainings

    inputs.CATALOGUE = Path(catalogue)
    speed.BATCHES, speed.ATOMS = (1, 3), (21, 60)
    trainings.SAMPLES = 12
    sys.argv = [str(BENCHMARKS / "gpu.py"), *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
