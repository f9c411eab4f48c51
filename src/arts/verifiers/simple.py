"""Verifiers without parameters: the baselines that every learned one has to beat."""

import hashlib
from collections.abc import Callable, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from arts.trees.tree import Tree
from arts.verifiers.base import Unit, Verifier


@final
class SimpleVerifier:
    """Scores each node by a function of the tree and the node."""

    def __init__(self, name: str, unit: Unit, of_node: Callable[[Tree, int], float]) -> None:
        self.name, self.unit, self._of_node = name, unit, of_node

    def score(self, batch: Sequence[tuple[Tree, Sequence[int]]]) -> list[NDArray[np.float64]]:
        """Scores per tree, shape ``(len(nodes),)``."""
        return [np.array([self._of_node(tree, n) for n in nodes], dtype=np.float64) for tree, nodes in batch]


def random_verifier(seed: int = 0) -> Verifier:
    """Uniform numbers that depend on the state's text and ``seed`` only, not on the order of calls."""

    def of_node(tree: Tree, node: int) -> float:
        text = f"{seed}\x1f{tree.problem_id}\x1f{tree.solution(node)}"
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2.0**64

    return SimpleVerifier("random", "rank", of_node)


def likelihood_verifier() -> Verifier:
    """Log-probability of the path under the proposer, in nats; NaN where the backend gave none."""
    return SimpleVerifier(
        "likelihood", "log_probability", lambda tree, node: sum(tree.logprob[n] for n in tree.path(node))
    )


def length_verifier() -> Verifier:
    """Shorter is better: minus the tokens of the path (characters where tokens are unknown)."""

    def of_node(tree: Tree, node: int) -> float:
        path = tree.path(node)
        return -float(sum(tree.tokens[n] for n in path) or sum(len(tree.text[n]) for n in path))

    return SimpleVerifier("length", "rank", of_node)


def oracle_verifier() -> Verifier:
    """The outcome labels of the tree: success rate of the graded rollouts at or below a node; 0 without any.

    An upper bound for every verifier, for tests and reports; it reads labels, never the answer key.
    """

    def score(tree: Tree) -> NDArray[np.float64]:
        graded, correct = tree.success_counts()
        return np.divide(correct, graded, out=np.zeros(len(tree)), where=graded > 0)

    return SimpleVerifier("oracle", "probability", lambda tree, node: float(score(tree)[node]))
