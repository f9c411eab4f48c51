"""A tree out of the rows of a store, which SQLite lets hold anything."""

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, get_args

import numpy as np

from arts.problems.base import Verdict
from arts.trees.tree import Outcome, Rollout, Step, Stop, Tree

Rows = Callable[[str], Sequence[Any]]
"""The rows that a SELECT with one place for the problem's position finds."""


def read_tree(problem_id: str, rows: Rows) -> Tree:
    """The tree of one problem.

    Raises:
        ValueError, TypeError, LookupError: the rows do not fit together.
    """
    ((question,),) = rows("SELECT question FROM problems WHERE position = ?")
    tree = Tree(problem_id=problem_id, question=question)
    nodes = "SELECT parent, text, tokens, logprob, stop FROM nodes WHERE problem = ? ORDER BY node"
    for parent, text, tokens, logprob, stop in rows(nodes):
        step = Step(text=text, tokens=tokens, logprob=math.nan if logprob is None else logprob)
        if tree.add(parent, step, stop) != len(tree) - 1:
            raise ValueError("a node is there twice")
    rollouts = "SELECT backbone, pivot, leaf, tokens, stop, error FROM rollouts WHERE problem = ? ORDER BY number"
    tree.rollouts = [Rollout(**row) for row in rows(rollouts)]
    for node, answer, verdict, reason in rows("SELECT node, answer, verdict, reason FROM outcomes WHERE problem = ?"):
        tree.outcomes[node] = Outcome(answer=answer, verdict=Verdict(verdict), reason=reason)
    scores = "SELECT verifier, node, score FROM scores WHERE problem = ? ORDER BY verifier, node"
    for verifier, scored in groupby(rows(scores), key=itemgetter(0)):
        _, places, values = zip(*scored, strict=True)
        tree.set_scores(verifier, places, np.array(values, dtype=np.float64))
    _require_sound(tree)
    return tree


def _require_sound(tree: Tree) -> None:
    """Refuse columns of other types than they have, and nodes that are not there.

    Raises:
        ValueError: there are some.
    """
    texts = [tree.question, *tree.text, *(r.error for r in tree.rollouts)]
    numbers = [*tree.tokens, *(n for r in tree.rollouts for n in (*r.key, r.tokens))]
    stops = {*tree.stop, *(r.stop for r in tree.rollouts)} - {None, *get_args(Stop)}
    nodes = [*tree.parent[1:], *(r.leaf for r in tree.rollouts), *tree.outcomes]
    if {*map(type, texts)} - {str} or {*map(type, numbers)} - {int} or stops:
        raise ValueError("a column holds values of another type")
    if min(nodes, default=0) < 0 or max(nodes, default=0) >= len(tree):
        raise ValueError("a node is not there")
