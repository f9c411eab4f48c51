"""Verifiers without parameters: the baselines that every learned one has to beat."""

import hashlib
from collections.abc import Callable, Sequence
from typing import final

import numpy as np

from arts.arrays import Floats
from arts.trees.splitting import SplitterName
from arts.trees.tree import ROOT, Tree
from arts.verifiers.base import Unit, Verifier
from arts.verifiers.calibration import success_probability


@final
class SimpleVerifier(Verifier):
    """Scores by a function of the tree that gives one number per node, whatever its steps."""

    splitter: SplitterName | None = "newline"

    def __init__(self, name: str, unit: Unit, of_tree: Callable[[Tree], Floats], needs: str = "") -> None:
        self.name, self.unit, self._of_tree, self.needs = name, unit, of_tree, needs

    def score(self, batch: Sequence[tuple[Tree, Sequence[int]]]) -> list[Floats]:
        """Scores per tree, shape ``(len(nodes),)``."""
        return [self._of_tree(tree)[list(nodes)] for tree, nodes in batch]

    def values(self, scores: Floats) -> Floats:
        """Only the oracle's scores are probabilities."""
        return success_probability(scores, self.unit)


def random_verifier(seed: int = 0) -> Verifier:
    """Uniform numbers that depend on the state's text and ``seed`` only, not on the order of calls."""

    def draw(tree: Tree, node: int) -> float:
        text = f"{seed}\x1f{tree.problem_id}\x1f{tree.solution(node)}"
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2.0**64

    return SimpleVerifier("random", "rank", lambda tree: np.array([draw(tree, n) for n in range(len(tree))]))


@final
class LikelihoodVerifier(Verifier):
    """Log-probability of the path under the proposer, in nats; NaN where the backend gave none."""

    name: str = "likelihood"
    unit: Unit = "log_probability"
    needs: str = "the proposer's log-probabilities"

    def score(self, batch: Sequence[tuple[Tree, Sequence[int]]]) -> list[Floats]:
        """Scores per tree, shape ``(len(nodes),)``; looks at no other nodes than those and their ancestors."""
        return [np.array([self._of(tree, node) for node in nodes], dtype=np.float64) for tree, nodes in batch]

    def values(self, scores: Floats) -> Floats:
        """A likelihood says nothing of success."""
        return success_probability(scores, self.unit)

    @staticmethod
    def _of(tree: Tree, node: int) -> float:
        return sum(tree.logprob[i] for i in tree.path(node))


def length_verifier() -> Verifier:
    """Shorter is better: minus the tokens of the path (characters where the tree has no token counts)."""

    def of_tree(tree: Tree) -> Floats:
        counted = tree.tokens if any(tree.tokens) else [len(text) for text in tree.text]
        return -_along_paths(tree, counted)

    return SimpleVerifier("length", "rank", of_tree)


def oracle_verifier() -> Verifier:
    """The outcome labels of the tree: success rate of the graded rollouts at or below a node; 0 without any.

    An upper bound for every verifier, for tests and reports; it reads labels, never the answer key.
    """

    def of_tree(tree: Tree) -> Floats:
        graded, correct = tree.success_counts()
        return np.divide(correct, graded, out=np.zeros(len(tree)), where=graded > 0)

    return SimpleVerifier("oracle", "probability", of_tree, needs="graded rollouts")


def _along_paths(tree: Tree, values: Sequence[float]) -> Floats:
    """Per node the sum of ``values`` over its path; parents come before their children."""
    total = np.zeros(len(tree))
    for node in range(ROOT + 1, len(tree)):
        total[node] = total[tree.parent[node]] + values[node]
    return total
