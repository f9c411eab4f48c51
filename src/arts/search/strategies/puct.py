"""Monte Carlo tree search with PUCT (Silver et al. 2017, https://arxiv.org/abs/1712.01815).

For reasoning steps, with a value model instead of rollouts: AlphaMath (Chen et al. 2024,
https://arxiv.org/abs/2405.03553).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from arts.search.base import Expansion, Grown, Needs, Strategy, finished
from arts.trees.tree import NO_PARENT, ROOT, Tree


@final
@dataclass(kw_only=True)
class Puct(Strategy):
    """``n`` simulations, each of which draws ``children`` steps from a leaf and backs up the value of each.

    The leaf is found by the largest Q + c · P · √N / (1 + N(child)); P is the proposer's probability of a step among
    its siblings, values are the verifier's success probabilities. A subtree in which everything has ended is not
    entered again, so that every descent comes to something new. All solutions that finish are candidates.
    """

    n: int = 40
    """Simulations; 40, 5 and 1.25 are AlphaMath's defaults."""
    children: int = 5
    """Draws from a leaf."""
    c: float = 1.25
    """Weight of exploration."""
    parallel: int = 1
    """Leaves of one round; each descent sees those before it as lost."""

    needs: ClassVar[Needs] = "value"
    """Values are averaged."""

    def __post_init__(self) -> None:
        self.candidates: list[int] = []
        self._left = self.n
        self._below: dict[int, list[int]] = {}
        self._priors: dict[int, list[float]] = {}
        self._visits: dict[int, int] = {ROOT: 0}
        self._total: dict[int, float] = {ROOT: 0.0}
        self._closed: set[int] = set()
        self._leaves: list[int] = []

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """Draws from the next leaves."""
        self._leaves = []
        while self._left > 0 and len(self._leaves) < self.parallel and ROOT not in self._closed:
            node = self._descend()
            if node in self._leaves:
                break
            self._left -= 1
            self._leaves.append(node)
            self._back_up(tree, node, 0.0)
        return [Expansion(node=node) for node in self._leaves for _ in range(self.children)]

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """Take the descents' losses back and back up what was found instead."""
        self.candidates += finished(results)
        for leaf in self._leaves:
            self._back_up(tree, leaf, 0.0, visits=-1)
        for i, leaf in enumerate(self._leaves):
            drawn = [g for g in results[i * self.children : (i + 1) * self.children] if g.status != "failed"]
            self._attach(tree, leaf, {g.node: g for g in drawn})
            for grown in drawn:
                self._back_up(tree, grown.node, self._value(grown))

    def _attach(self, tree: Tree, leaf: int, found: dict[int, Grown]) -> None:
        logprobs = np.nan_to_num(np.array([tree.logprob[node] for node in found]), nan=0.0)
        priors = np.exp(logprobs - logprobs.max(initial=-np.inf))
        self._below[leaf], self._priors[leaf] = list(found), (priors / priors.sum()).tolist()
        self._visits |= dict.fromkeys(found, 0)
        self._total |= dict.fromkeys(found, 0.0)
        self._closed.update(node for node, grown in found.items() if grown.status != "open")
        node = leaf
        while node != NO_PARENT and self._closed.issuperset(self._below[node]):
            self._closed.add(node)
            node = tree.parent[node]

    @staticmethod
    def _value(grown: Grown) -> float:
        return 0.0 if grown.status == "cut" or math.isnan(grown.value) else grown.value

    def _descend(self) -> int:
        node = ROOT
        while node in self._below:
            scale = self.c * math.sqrt(self._visits[node])
            best, highest = node, -math.inf
            for child, prior in zip(self._below[node], self._priors[node], strict=True):
                if child in self._closed:
                    continue
                visits = self._visits[child]
                bound = self._total[child] / max(1, visits) + scale * prior / (1 + visits)
                if bound > highest:
                    best, highest = child, bound
            node = best
        return node

    def _back_up(self, tree: Tree, node: int, value: float, visits: int = 1) -> None:
        while node != NO_PARENT:
            self._visits[node] += visits
            self._total[node] += value
            node = tree.parent[node]
