"""Whole trees as rows of JSON Lines or Parquet, readable by ``datasets``, and back into a store."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import get_args

import numpy as np

from arts.config import from_dict
from arts.errors import InputError, UsageError
from arts.problems.base import Problem, Verdict
from arts.problems.fields import whole_number
from arts.problems.rows import read_rows
from arts.trees.database import SCHEMA_VERSION
from arts.trees.parquet import Kind, Row, write_parquet
from arts.trees.runs import RunConfig
from arts.trees.store import TreeStore
from arts.trees.tree import ROOT, Outcome, Rollout, Step, Stop, Tree

TREES = "trees"
"""The folder of a data set's folder that holds its trees."""
TREES_AT_ONCE = 128
"""Trees that are in memory together when a store is filled."""


def tree_row(problem: Problem, tree: Tree, config: str) -> Row:
    """One tree as a flat row of lists: columns of nodes (the root left out), rollouts, outcomes, scores."""
    ended = sorted(tree.outcomes)
    return {
        "schema": SCHEMA_VERSION,
        **asdict(problem),
        "parent": tree.parent[1:],
        "text": tree.text[1:],
        "tokens": tree.tokens[1:],
        "logprob": [None if math.isnan(x) else x for x in tree.logprob[1:]],
        "stop": list(tree.stop[1:]),
        "rollouts": [asdict(r) for r in tree.rollouts],
        "outcomes": [
            {"node": n, "answer": o.answer, "verdict": o.verdict.value, "reason": o.reason}
            for n, o in ((n, tree.outcomes[n]) for n in ended)
        ],
        "scores": [
            {"verifier": name, "score": [None if math.isnan(x) else x for x in column.tolist()]}
            for name, column in sorted(tree.scores.items())
        ],
        "config": config,
    }


def read_row(row: Row, place: str) -> tuple[Problem, Tree]:
    """The inverse of :func:`tree_row`.

    Raises:
        InputError: a field is missing or does not fit, or the row is of a newer schema.
    """
    schema = row.get("schema", SCHEMA_VERSION)
    if type(schema) is not int:
        raise InputError(f"{place}: 'schema' is a {type(schema).__name__}; give a file that 'arts store export' made")
    if schema > SCHEMA_VERSION:
        raise InputError(f"{place}: schema {schema} is newer than this arts reads; upgrade arts")
    try:
        names = ("id", "question", "answer", "solution", "subject", "level", "source")
        problem = from_dict(Problem, {name: row[name] for name in names if row[name] is not None}, place)
        whole_number(problem.level, f"{place}: 'level'")
        tree = Tree(problem_id=problem.id, question=problem.question)
        _read_nodes(tree, row, place)
        _read_rollouts(tree, row["rollouts"], place)
        _read_outcomes(tree, row["outcomes"], place)
        for column in row["scores"]:
            values = np.array([_number(x) for x in column["score"]])
            tree.set_scores(str(column["verifier"]), range(len(values)), values)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        detail = f"{type(error).__name__}: {error}"
        raise InputError(f"{place}: not a tree row ({detail}); give a file that 'arts store export' made") from error
    return problem, tree


def _read_nodes(tree: Tree, row: Row, place: str) -> None:
    columns = zip(row["parent"], row["text"], row["tokens"], row["logprob"], row["stop"], strict=True)
    for node, (parent, text, tokens, logprob, stop) in enumerate(columns, start=1):
        if type(parent) is not int or not 0 <= parent < node:
            raise InputError(f"{place}: parent {parent} does not come before node {node}")
        if not isinstance(text, str) or whole_number(tokens, f"{place}: 'tokens' of node {node}") is None:
            raise InputError(f"{place}: node {node} needs a text and a whole number of tokens")
        if stop is not None and stop not in get_args(Stop):
            raise InputError(f"{place}: 'stop' of node {node} is none of: {', '.join(get_args(Stop))}")
        if tree.add(parent, Step(text=text, tokens=tokens, logprob=_number(logprob)), stop) != node:
            raise InputError(f"{place}: node {node} repeats an earlier one; give every node once")


def _read_rollouts(tree: Tree, rows: list[Row], place: str) -> None:
    for number, row in enumerate(rows, start=1):
        where = f"{place}: rollout {number}"
        rollout = from_dict(Rollout, row, where)
        if not 0 <= rollout.leaf < len(tree):
            raise InputError(f"{where}: leaf {rollout.leaf} is not a node; there are {len(tree)}")
        if not 0 <= rollout.pivot <= tree.depth[rollout.leaf] and rollout.stop != "error":
            raise InputError(f"{where}: pivot {rollout.pivot} is not on the path to its leaf")
        for name in ("backbone", "pivot", "tokens"):
            whole_number(getattr(rollout, name), f"{where}: '{name}'")
        tree.rollouts.append(rollout)
    if len({r.key for r in tree.rollouts}) < len(tree.rollouts):
        raise InputError(f"{place}: two rollouts have the same backbone and pivot; give every rollout once")
    again = Tree(problem_id=tree.problem_id, question=tree.question)
    for number, (rollout, start, steps) in enumerate(_replay(tree), start=1):
        leaf = start if rollout.stop == "error" else again.add_path(start, steps, rollout.stop)
        if leaf != rollout.leaf:
            raise InputError(f"{place}: rollout {number} does not end at its leaf {rollout.leaf}")
    if (again.parent, again.text, again.stop) != (tree.parent, tree.text, tree.stop):
        raise InputError(f"{place}: the rollouts do not lead through all nodes in their order")


def _read_outcomes(tree: Tree, rows: list[Row], place: str) -> None:
    for row in rows:
        node, answer, reason = row["node"], row["answer"], row["reason"]
        if type(node) is not int or not 0 <= node < len(tree):
            raise InputError(f"{place}: an outcome is of node {node}; there are {len(tree)}")
        if not isinstance(answer, (str, type(None))) or not isinstance(reason, str):
            raise InputError(f"{place}: 'answer' and 'reason' of the outcome of node {node} must be texts")
        tree.outcomes[node] = Outcome(answer=answer, verdict=Verdict(row["verdict"]), reason=reason)


COLUMNS: dict[str, Kind] = {
    "schema": "int64",
    **dict.fromkeys(("id", "question", "answer", "solution", "subject"), "string"),
    "level": "int64",
    "source": "string",
    "parent": ["int64"],
    "text": ["string"],
    "tokens": ["int64"],
    "logprob": ["double"],
    "stop": ["string"],
    "rollouts": [
        dict.fromkeys(("backbone", "pivot", "leaf", "tokens"), "int64") | {"stop": "string", "error": "string"}
    ],
    "outcomes": [{"node": "int64", "answer": "string", "verdict": "string", "reason": "string"}],
    "scores": [{"verifier": "string", "score": ["double"]}],
    "config": "string",
}
"""The columns of tree rows in Parquet."""


def tree_rows(store: TreeStore) -> Iterator[Row]:
    """One row per tree of a store, see :func:`tree_row`."""
    config = store.run_config().to_json()
    return (tree_row(p, store.tree(p.id), config) for p in store.problems())


def export_trees(store: TreeStore, path: Path) -> int:
    """Write every tree of a store to ``path`` (``.jsonl`` or ``.parquet``); returns their number."""
    if path.suffix == ".parquet":
        return write_parquet(tree_rows(store), path, COLUMNS)
    if path.suffix != ".jsonl":
        raise UsageError(f"{path}: export to a name that ends in .jsonl or .parquet, or to a folder (no dot)")
    return write_jsonl(tree_rows(store), path)


def write_jsonl(rows: Iterable[Row], path: Path) -> int:
    """Write rows as JSON Lines; returns their number."""
    with path.open("w", encoding="utf-8") as out:
        return sum(bool(out.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")) for row in rows)


def is_exported(source: str) -> bool:
    """Whether a source is a file or folder of exported trees, by its first row."""
    path = Path(source)
    if path.is_dir():
        return True
    first = next(read_rows(path), None) if path.is_file() else None
    return first is not None and {"parent", "rollouts"} <= first[1].keys()


def read_trees(path: Path) -> Iterator[tuple[Problem, Tree, RunConfig]]:
    """Problems, trees and configurations of an exported file, ``.jsonl``, ``.jsonl.gz`` or ``.parquet``, or folder.

    Raises:
        InputError: no trees, or a row that is none, named by file and row.
    """
    seen: set[str] = set()
    for place, row in ((f"{file}:{number}", row) for file in _files(path) for number, row in read_rows(file)):
        problem, tree = read_row(row, place)
        if problem.id in seen:
            raise InputError(f"{place}: id '{problem.id}' was used in an earlier row; ids must be unique")
        seen.add(problem.id)
        yield problem, tree, RunConfig.from_json(row.get("config") or "{}", place)
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


def import_trees(path: Path, store_path: Path) -> TreeStore:
    """A new store at ``store_path`` with the trees of an exported file or folder."""
    rows = read_trees(path)
    first = next(rows)
    return fill_store(store_path, first[2], ((p, t) for p, t, _ in chain([first], rows)))


def fill_store(path: Path, config: RunConfig, trees: Iterable[tuple[Problem, Tree]]) -> TreeStore:
    """A new store that holds finished trees; there is none if that fails. Few of the trees are in memory at once."""
    store, left = TreeStore.create(path, config), iter(trees)
    try:
        while some := list(islice(left, TREES_AT_ONCE)):
            store.add_problems([p for p, _ in some])
            for _, tree in some:
                _refill(store, tree)
    except BaseException:
        store.close()
        path.unlink(missing_ok=True)
        raise
    return store


def _refill(store: TreeStore, old: Tree) -> None:
    """Commit a tree's rollouts again in their order, so that every node gets its number back."""
    new = store.tree(old.problem_id)
    for rollout, start, steps in _replay(old):
        with store.growing(new):
            new.add_rollout(
                steps,
                rollout.stop,
                start=start,
                backbone=rollout.backbone,
                pivot=rollout.pivot,
                tokens=rollout.tokens,
                error=rollout.error,
                outcome=old.outcomes.get(rollout.leaf),
            )
    for name, column in old.scores.items():
        scored = [int(n) for n in np.flatnonzero(~np.isnan(column))]
        store.write_scores(old.problem_id, name, scored, column[scored])


def _replay(tree: Tree) -> Iterator[tuple[Rollout, int, list[Step]]]:
    """Rollouts in their order, each with the node it started from and the steps it added below."""
    for rollout in tree.rollouts:
        if rollout.stop == "error":
            yield rollout, rollout.leaf, []
            continue
        path = [ROOT, *tree.path(rollout.leaf)]
        fresh = path[rollout.pivot + 1 :]
        steps = [Step(text=tree.text[n], tokens=tree.tokens[n], logprob=tree.logprob[n]) for n in fresh]
        yield rollout, path[rollout.pivot], steps


def _number(x: float | None) -> float:
    return math.nan if x is None else float(x)
