"""Whole trees as rows of JSON Lines or Parquet, readable by ``datasets``, and back into a store."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from arts.errors import InputError, MissingExtraError, UsageError
from arts.problems.base import Problem, Verdict
from arts.problems.rows import read_rows
from arts.trees.store import SCHEMA_VERSION, TreeStore
from arts.trees.tree import Outcome, Rollout, Step, Tree

Row = dict[str, Any]


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
    if int(row.get("schema", SCHEMA_VERSION)) > SCHEMA_VERSION:
        raise InputError(f"{place}: schema {row['schema']} is newer than this arts reads; upgrade arts")
    try:
        names = ("id", "question", "answer", "solution", "subject", "level", "source")
        problem = Problem(**{name: row[name] for name in names})
        tree = Tree(problem_id=problem.id, question=problem.question)
        columns = zip(row["parent"], row["text"], row["tokens"], row["logprob"], row["stop"], strict=True)
        for parent, text, tokens, logprob, stop in columns:
            if not 0 <= parent < len(tree):
                raise InputError(f"{place}: parent {parent} does not come before node {len(tree)}")
            tree.add(parent, Step(text=text, tokens=tokens, logprob=_number(logprob)), stop)
        tree.rollouts.extend(Rollout(**r) for r in row["rollouts"])
        for o in row["outcomes"]:
            verdict = Verdict(o["verdict"])
            tree.outcomes[o["node"]] = Outcome(answer=o["answer"], verdict=verdict, reason=o["reason"])
        for column in row["scores"]:
            values = np.array([_number(x) for x in column["score"]])
            tree.set_scores(column["verifier"], range(len(values)), values)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{place}: not a tree row ({type(error).__name__}: {error})") from error
    return problem, tree


def export_trees(store: TreeStore, path: Path) -> int:
    """Write every tree of a store to ``path`` (``.jsonl`` or ``.parquet``); returns their number."""
    config = json.dumps(store.config(), sort_keys=True)
    rows = (tree_row(p, store.tree(p.id), config) for p in store.problems())
    if path.suffix == ".parquet":
        return _write_parquet(list(rows), path)
    if path.suffix != ".jsonl":
        raise UsageError(f"{path}: export to a name that ends in .jsonl or .parquet")
    return write_jsonl(rows, path)


def write_jsonl(rows: Iterable[Row], path: Path) -> int:
    """Write rows as JSON Lines; returns their number."""
    with path.open("w", encoding="utf-8") as out:
        return sum(bool(out.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")) for row in rows)


def read_trees(path: Path) -> Iterator[tuple[Problem, Tree, Row]]:
    """Problems, trees and raw rows of an exported file, ``.jsonl``, ``.jsonl.gz`` or ``.parquet``."""
    rows = enumerate(_read_parquet(path), 1) if path.suffix == ".parquet" else read_rows(path)
    for number, row in rows:
        problem, tree = read_row(row, f"{path}:{number}")
        yield problem, tree, row


def import_trees(path: Path, store_path: Path) -> TreeStore:
    """A new store at ``store_path`` with the trees of an exported file."""
    parsed = list(read_trees(path))
    if not parsed:
        raise InputError(f"{path}: no rows; give a file that 'arts store export' made")
    config = json.loads(parsed[0][2].get("config") or "{}")
    return fill_store(store_path, config, [(p, t) for p, t, _ in parsed])


def fill_store(path: Path, config: dict[str, Any], trees: Iterable[tuple[Problem, Tree]]) -> TreeStore:
    """A new store that holds finished trees."""
    pairs = list(trees)
    store = TreeStore.create(path, config)
    store.add_problems([p for p, _ in pairs])
    for _, tree in pairs:
        _refill(store, tree)
    return store


def _refill(store: TreeStore, old: Tree) -> None:
    """Commit a tree's rollouts again in their order, so that every node gets its number back."""
    new = store.tree(old.problem_id)
    for rollout in old.rollouts:
        path = old.path(rollout.leaf)
        failed = rollout.stop == "error"
        start = rollout.leaf if failed else _ancestor(path, rollout.pivot)
        fresh = [] if failed else path[rollout.pivot :]
        store.commit(
            new,
            start=start,
            steps=[Step(text=old.text[n], tokens=old.tokens[n], logprob=old.logprob[n]) for n in fresh],
            backbone=rollout.backbone,
            pivot=rollout.pivot,
            tokens=rollout.tokens,
            stop=rollout.stop,
            error=rollout.error,
            outcome=None if failed else old.outcomes.get(rollout.leaf),
        )
    for name, column in old.scores.items():
        scored = [int(n) for n in np.flatnonzero(~np.isnan(column))]
        store.write_scores(old.problem_id, name, scored, column[scored])


def _ancestor(path: list[int], depth: int) -> int:
    return path[depth - 1] if depth else 0


def _number(x: float | None) -> float:
    return math.nan if x is None else float(x)


def _write_parquet(rows: list[Row], path: Path) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtraError("Parquet export", "data") from error
    pq.write_table(pa.Table.from_pylist(rows), path)
    return len(rows)


def _read_parquet(path: Path) -> list[Row]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtraError("Parquet import", "data") from error
    try:
        rows: list[Row] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())}") from error
    return rows
