"""The rules of the house that no linter knows."""

from graphlib import TopologicalSorter

import grimp

from tutti.core.sources import PACKAGE

MOST_MODULES, MOST_ENTRIES = 4, 18


def test_no_file_imports_itself_through_others():
    graph = grimp.build_graph("tutti", exclude_type_checking_imports=True, cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    TopologicalSorter(imports).prepare()  # names the circle


def test_few_things_lie_directly_in_the_package():
    entries = [path for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert len([path for path in entries if path.suffix == ".py"]) <= MOST_MODULES
    assert len(entries) <= MOST_ENTRIES
