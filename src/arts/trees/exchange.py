"""Whole trees as rows of JSON Lines or Parquet, readable by ``datasets``, and back into a store."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import msgspec
import numpy as np

from arts.errors import InputError, UsageError
from arts.files import StrPath, replacing
from arts.problems.base import Problem
from arts.problems.rows import read_rows
from arts.trees.parquet import write_parquet
from arts.trees.rows import TreeRow, read_row, tree_row
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore
from arts.trees.tree import ROOT, Tree

TREES = "trees"
"""The folder of a data set's folder that holds its trees."""
TREES_AT_ONCE = 128
"""Trees that are in memory together when a store is filled."""


def tree_rows(store: TreeStore) -> Iterator[TreeRow]:
    """One row per tree of a store."""
    config = store.run_config().to_json()
    return (tree_row(p, store.tree(p.id), config) for p in store.problems())


def export_trees(store: TreeStore, out: StrPath) -> int:
    """Write every tree of a store to a ``.jsonl`` or ``.parquet`` file, whole or not at all; returns their number."""
    path = Path(out)
    if path.suffix == ".parquet":
        return write_parquet(tree_rows(store), path, TreeRow)
    if path.suffix != ".jsonl":
        raise UsageError(f"{path}: export to a name that ends in .jsonl or .parquet, or to a folder (no dot)")
    with replacing(path) as place, place.open("w", encoding="utf-8") as lines:
        return sum(bool(lines.write(_line(row))) for row in tree_rows(store))


def _line(row: TreeRow) -> str:
    """A row as JSON, with numbers as Python spells them: exported again, a file stays as it is.

    JSON has no infinity; ``-Infinity`` is what Python writes, and Python, ``datasets`` and JavaScript's JSON5 read it.
    """
    return json.dumps(msgspec.to_builtins(row), ensure_ascii=False) + "\n"


def read_trees(source: StrPath) -> Iterator[tuple[Problem, Tree, RunConfig]]:
    """Problems, trees and configurations of an exported file, ``.jsonl``, ``.jsonl.gz`` or ``.parquet``, or folder.

    Raises:
        InputError: no trees, or a row that is none, named by file and row.
    """
    path = Path(source)
    seen: set[str] = set()
    for place, row in ((f"{file}:{number}", row) for file in _files(path) for number, row in read_rows(file)):
        problem, tree, config = read_row(row, place)
        if problem.id in seen:
            raise InputError(f"{place}: id '{problem.id}' was used in an earlier row; ids must be unique")
        seen.add(problem.id)
        yield problem, tree, config
    if not seen:
        raise InputError(f"{path}: no rows; give a file that 'arts store export' made")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted((path / TREES).glob("*.parquet"))
    if not files:
        raise InputError(
            f"{path}: a folder without {TREES}/*.parquet; give one that 'arts store export' made, or a file"
        )
    return files


def import_trees(source: StrPath, store: StrPath) -> TreeStore:
    """A new store with the trees of an exported file or folder."""
    rows = read_trees(source)
    first = next(rows)
    return fill_store(store, first[2], ((p, t) for p, t, _ in chain([first], rows)))


def fill_store(
    out: StrPath, config: RunConfig, trees: Iterable[tuple[Problem, Tree]], *, replace: bool = False
) -> TreeStore:
    """A new store that holds finished trees; there is none before all are in it, and few are in memory at once.

    With ``replace`` it takes the place of an earlier one.
    """
    left = iter(trees)
    with TreeStore.building(out, config, replace=replace) as store:
        while some := list(islice(left, TREES_AT_ONCE)):
            store.add_problems([p for p, _ in some])
            for _, tree in some:
                _write(store, tree)
    return TreeStore.open(out, write=True)


def _write(store: TreeStore, tree: Tree) -> None:
    """Write a tree's rollouts in their order, each with the nodes that no earlier one has passed."""
    written = {ROOT}
    for rollout in tree.rollouts:
        fresh = [node for node in tree.path(rollout.leaf) if node not in written]
        store.write_rollout(tree, rollout, fresh)
        written.update(fresh)
    for name, column in tree.scores.items():
        scored = np.flatnonzero(~np.isnan(column))
        store.write_scores(tree.problem_id, name, scored, column[scored])
