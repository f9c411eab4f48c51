"""Best-first search over steps (Koh et al. 2024, https://arxiv.org/abs/2407.01476, for language model agents)."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from arts.search.base import Expansion, Grown, Needs, Strategy, finished, order
from arts.trees.tree import ROOT, Tree


@final
@dataclass(kw_only=True)
class BestFirst(Strategy):
    """Continues the best open state of the tree until ``n`` distinct solutions have finished or it is out of turns.

    Scored by likelihood it is uniform-cost search: the likeliest solutions first.
    """

    n: int = 4
    """Distinct solutions after which the search ends."""
    children: int = 5
    """Draws from a state; 5 is the published default."""
    expansions: int = 20
    """States that are continued at most; 20 is the published default."""
    parallel: int = 1
    """States that are continued in one round."""

    needs: ClassVar[Needs] = "order"
    """States are only compared."""

    def __post_init__(self) -> None:
        self.candidates: list[int] = []
        self._open: list[tuple[float, int, int]] = [(0.0, 0, ROOT)]
        self._seen = {ROOT}
        self._turns = 0
        self._solutions: set[int] = set()

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """The best open states; of equal ones those that were found first."""
        if len(self._solutions) >= self.n:
            return []
        turns = min(self.parallel, len(self._open), self.expansions - self._turns)
        self._turns += turns
        best = [heapq.heappop(self._open)[2] for _ in range(turns)]
        return [Expansion(node=node) for node in best for _ in range(self.children)]

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """Open what is new."""
        done = finished(results)
        self.candidates += done
        self._solutions.update(done)
        for grown in results:
            if grown.status == "open" and grown.node not in self._seen:
                self._seen.add(grown.node)
                heapq.heappush(self._open, (-order(grown), len(self._seen), grown.node))
