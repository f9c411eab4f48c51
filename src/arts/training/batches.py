"""Whole trees as training examples and batches."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypedDict

import numpy as np
import torch

from arts.problems.base import Verdict
from arts.training.objectives.nodes import NodeTable
from arts.trees.tree import NO_PARENT, ROOT, Tree
from arts.verifiers.encoding import encode
from arts.verifiers.packing import Layout, TokenBatch, TokenTree, token_batch, token_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One tree: its tokens, read at the nodes of the table in their order, and the table."""

    tokens: TokenTree
    nodes: NodeTable


class Batch(TypedDict):
    """Some examples side by side: what the network reads, and the table of the nodes it is read at."""

    batch: TokenBatch
    nodes: NodeTable


def labelled_nodes(tree: Tree) -> list[int]:
    """Nodes with a labelled ended node at or below them, in order; subtrees without any label teach nothing.

    Failed and ungraded rollouts carry no label; one cut by the token limit is incorrect.
    """
    keep = np.zeros(len(tree), dtype=bool)
    for node, outcome in tree.outcomes.items():
        if not np.isnan(outcome.reward):
            keep[[ROOT, *tree.path(node)]] = True
    return [int(i) for i in np.flatnonzero(keep)]


def make_example(tree: Tree, tokenizer: Any, max_tokens: int) -> Example:
    """The example of a tree that has at least one label."""
    nodes = labelled_nodes(tree)
    return Example(tokens=token_tree(encode(tree, nodes, tokenizer, max_tokens)), nodes=node_table(tree, nodes))


def node_table(tree: Tree, nodes: Sequence[int]) -> NodeTable:
    """The columns that objectives read, for nodes whose parents are among them."""
    index = {node: i for i, node in enumerate(nodes)}
    graded, correct = tree.success_counts()
    visits = tree.visits()
    visits[ROOT] = sum(int(v) for v, above in zip(visits, tree.parent, strict=True) if above == ROOT)
    success = np.divide(correct, graded, out=np.full(len(tree), np.nan), where=graded > 0)
    return NodeTable(
        parent=torch.tensor([index[tree.parent[n]] if n != ROOT else NO_PARENT for n in nodes]),
        visits=torch.as_tensor(np.maximum(visits[list(nodes)], 1)),
        correct=torch.tensor([_label(tree, n) for n in nodes], dtype=torch.float32),
        success=torch.tensor(success[list(nodes)], dtype=torch.float32),
        logprob=torch.tensor([tree.logprob[n] for n in nodes], dtype=torch.float32),
        problem=torch.zeros(len(nodes), dtype=torch.long),
    )


def _label(tree: Tree, node: int) -> float:
    outcome = tree.outcomes.get(node)
    if outcome is None or outcome.verdict is Verdict.UNGRADED:
        return np.nan
    return float(outcome.verdict is Verdict.CORRECT)


def collate(examples: Sequence[Example], layout: Layout = "auto") -> Batch:
    """Examples side by side, with node indices shifted."""
    starts = np.cumsum([0, *(len(e.nodes.parent) for e in examples[:-1])]).tolist()
    tables = [
        replace(t, parent=torch.where(t.parent >= 0, t.parent + start, t.parent), problem=t.problem + i)
        for i, (t, start) in enumerate(zip((e.nodes for e in examples), starts, strict=True))
    ]
    columns = {f.name: torch.cat([getattr(t, f.name) for t in tables]) for f in fields(NodeTable)}
    return {"batch": token_batch([e.tokens for e in examples], layout), "nodes": NodeTable(**columns)}
