"""One tree as a typed row, and back with every inconsistency named."""

import math
from dataclasses import asdict
from typing import Annotated

import msgspec
import numpy as np

from arts.errors import InputError
from arts.problems.base import Problem, Verdict
from arts.problems.rows import Row
from arts.trees.database import SCHEMA_VERSION
from arts.trees.runs import RunConfig
from arts.trees.tree import MOST_STEPS, ROOT, Outcome, Rollout, Step, Stop, Tree

MOST = 2**63 - 1
"""The largest whole number that a store can hold."""
Int64 = Annotated[int, msgspec.Meta(ge=-MOST, le=MOST)]


class OutcomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a node."""

    node: int
    answer: str | None
    verdict: Verdict
    reason: str


class ScoreRow(msgspec.Struct, frozen=True, kw_only=True):
    """A verifier's score of each node, the root first; None where it gave none."""

    verifier: str
    score: list[float | None]


class TreeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One tree: its problem, columns of nodes (the root left out), and lists of what it holds.

    ``config`` is the JSON text of how the tree's store was made. The data card explains the columns.
    """

    schema: int = SCHEMA_VERSION
    id: str
    question: str
    answer: str
    solution: str | None
    subject: str | None
    level: Int64 | None
    source: str
    parent: list[int]
    text: list[str]
    tokens: list[Int64]
    logprob: list[float | None]
    stop: list[Stop | None]
    rollouts: list[Rollout]
    outcomes: list[OutcomeRow]
    scores: list[ScoreRow]
    config: str | None = None


def tree_row(problem: Problem, tree: Tree, config: str) -> TreeRow:
    """One tree as a row."""
    return TreeRow(
        **asdict(problem),
        parent=tree.parent[1:],
        text=tree.text[1:],
        tokens=tree.tokens[1:],
        logprob=[_nullable(x) for x in tree.logprob[1:]],
        stop=list(tree.stop[1:]),
        rollouts=list(tree.rollouts),
        outcomes=[OutcomeRow(node=n, **asdict(o)) for n, o in sorted(tree.outcomes.items())],
        scores=[
            ScoreRow(verifier=name, score=[_nullable(x) for x in column.tolist()])
            for name, column in sorted(tree.scores.items())
        ],
        config=config,
    )


def read_row(row: Row, place: str) -> tuple[Problem, Tree, RunConfig]:
    """The inverse of :func:`tree_row`: problem, tree and configuration.

    Raises:
        InputError: a field is missing or does not fit, or the row is of a newer schema.
    """
    schema = row.get("schema")
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        raise InputError(f"{place}: schema {schema} is newer than this arts reads; upgrade arts")
    try:
        typed = msgspec.convert(row, TreeRow)
        tree = Tree(problem_id=typed.id, question=typed.question)
        _read_nodes(tree, typed)
        _read_rollouts(tree, typed)
        for outcome in typed.outcomes:
            if not 0 <= outcome.node < len(tree):
                raise ValueError(f"an outcome is of node {outcome.node}; there are {len(tree)}")
            tree.outcomes[outcome.node] = Outcome(answer=outcome.answer, verdict=outcome.verdict, reason=outcome.reason)
        for column in typed.scores:
            if len(column.score) > len(tree):
                raise ValueError(f"'{column.verifier}' has {len(column.score)} scores; there are {len(tree)} nodes")
            tree.set_scores(column.verifier, range(len(column.score)), np.array(column.score, dtype=np.float64))
        return msgspec.convert(row, Problem), tree, RunConfig.from_json(typed.config or "{}", place)
    except ValueError as error:  # msgspec's own is one
        raise InputError(f"{place}: {error}; give a file that 'arts store export' made") from error


def _read_nodes(tree: Tree, row: TreeRow) -> None:
    columns = (row.parent, row.text, row.tokens, row.logprob, row.stop)
    if len({len(column) for column in columns}) > 1:
        raise ValueError("'parent', 'text', 'tokens', 'logprob' and 'stop' differ in length")
    for node, (parent, text, tokens, logprob, stop) in enumerate(zip(*columns, strict=True), start=1):
        if not 0 <= parent < node:
            raise ValueError(f"parent {parent} does not come before node {node}")
        step = Step(text=text, tokens=tokens, logprob=math.nan if logprob is None else logprob)
        if tree.add(parent, step, stop) != node:
            raise ValueError(f"node {node} repeats an earlier one; every node goes once")
    if max(tree.depth) > MOST_STEPS:
        raise ValueError(f"a solution of {max(tree.depth):,} steps; at most {MOST_STEPS:,} go")


def _read_rollouts(tree: Tree, row: TreeRow) -> None:
    for number, rollout in enumerate(row.rollouts, start=1):
        if not 0 <= rollout.leaf < len(tree):
            raise ValueError(f"rollout {number}: leaf {rollout.leaf} is not a node; there are {len(tree)}")
        if not 0 <= rollout.pivot <= tree.depth[rollout.leaf] and rollout.stop != "error":
            raise ValueError(f"rollout {number}: pivot {rollout.pivot} is not on the path to its leaf")
        if max(map(abs, (rollout.backbone, rollout.pivot, rollout.tokens))) > MOST:
            raise ValueError(f"rollout {number}: a number is too large; none may exceed {MOST}")
        tree.rollouts.append(rollout)
    if len({r.key for r in tree.rollouts}) < len(tree.rollouts):
        raise ValueError("two rollouts have the same backbone and pivot; every rollout goes once")
    again = Tree(problem_id=tree.problem_id, question=tree.question)
    for number, rollout in enumerate(tree.rollouts, start=1):
        path = [ROOT, *tree.path(rollout.leaf)]
        start = rollout.leaf if rollout.stop == "error" else path[rollout.pivot]
        steps = [Step(text=tree.text[n]) for n in path[rollout.pivot + 1 :]]
        if again.add_rollout(steps, rollout.stop, start=start).leaf != rollout.leaf:
            raise ValueError(f"rollout {number} does not end at its leaf {rollout.leaf}")
    if (again.parent, again.text, again.stop) != (tree.parent, tree.text, tree.stop):
        raise ValueError("the rollouts do not lead through all nodes in their order")


def _nullable(x: float) -> float | None:
    return None if math.isnan(x) else x
