"""What needs no torch does not wait the seconds that its import takes."""

import subprocess
import sys

from tutti.benchmark.tables import figures, tables

NEED_TORCH = {"mmd_bispectrum"}

SCRIPT = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
    if "torch" in sys.modules:
        sys.exit(f"{name} imports torch")
"""


def test_tables_and_figures_of_samples_and_the_page_load_without_torch():
    made = [table for name, table in tables("samples").items() if name not in NEED_TORCH]
    drawn = [figures()["molecules"], *(figure for table in made for figure in table.figures.values())]
    modules = [each.function.rpartition(".")[0] for each in [*made, *drawn]]
    modules += [
        "tutti.core.hardware",
        "tutti.report.provenance",
        "tutti.report.build",
        "tutti.evaluation.run",
    ]
    command = [sys.executable, "-c", SCRIPT, *dict.fromkeys(modules)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
