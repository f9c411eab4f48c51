"""Whole trees as training examples and batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from arts.training.objectives import NodeTable
from arts.trees.tree import NO_PARENT, ROOT, Tree
from arts.verifiers.encoding import encode
from arts.verifiers.features import FeatureCache
from arts.verifiers.neural import padded


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One tree: its trajectories (token ids or features) and where each node is read in them."""

    inputs: Sequence[Any]
    rows: Tensor
    columns: Tensor
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


def make_example(tree: Tree, tokenizer: Any, max_tokens: int, features: FeatureCache | None) -> Example:
    """The example of a tree that has at least one label."""
    nodes = labelled_nodes(tree)
    encoded = encode(tree, nodes, tokenizer, max_tokens)
    index = {node: i for i, node in enumerate(nodes)}
    graded, correct = tree.success_counts()
    reward = np.array([tree.outcomes[n].reward if n in tree.outcomes else np.nan for n in nodes])
    success = np.divide(correct, graded, out=np.full(len(tree), np.nan), where=graded > 0)[nodes]
    parent = [index[tree.parent[n]] if n != ROOT else NO_PARENT for n in nodes]
    return Example(
        inputs=encoded.ids if features is None else features.features(encoded.ids),
        rows=torch.as_tensor(encoded.rows),
        columns=torch.as_tensor(encoded.columns),
        nodes=NodeTable(
            parent=torch.tensor(parent),
            log_reward=torch.tensor(np.log(reward), dtype=torch.float32),
            success=torch.tensor(success, dtype=torch.float32),
            problem=torch.zeros(len(nodes), dtype=torch.long),
        ),
    )


def collate(examples: Sequence[Example]) -> dict[str, Any]:
    """Examples side by side: trajectories padded into one batch, node indices shifted."""
    inputs = padded([row for e in examples for row in e.inputs])
    row_start = np.cumsum([0, *(len(e.inputs) for e in examples)])
    node_start = np.cumsum([0, *(len(e.rows) for e in examples)])
    parents = [
        torch.where(e.nodes.parent >= 0, e.nodes.parent + int(s), e.nodes.parent)
        for e, s in zip(examples, node_start, strict=False)
    ]
    return {
        "inputs": inputs,
        "rows": torch.cat([e.rows + int(s) for e, s in zip(examples, row_start, strict=False)]),
        "columns": torch.cat([e.columns for e in examples]),
        "nodes": NodeTable(
            parent=torch.cat(parents),
            log_reward=torch.cat([e.nodes.log_reward for e in examples]),
            success=torch.cat([e.nodes.success for e in examples]),
            problem=torch.cat([e.nodes.problem + i for i, e in enumerate(examples)]),
        ),
    }
