"""The import graph of modules has no circle; import contracts hold the order of the rooms."""

from graphlib import TopologicalSorter

import grimp  # what import-linter stands on


def test_no_module_imports_itself_by_way_of_others():
    graph = grimp.build_graph("arts", exclude_type_checking_imports=True)
    TopologicalSorter({m: graph.find_modules_directly_imported_by(m) for m in graph.modules}).prepare()
