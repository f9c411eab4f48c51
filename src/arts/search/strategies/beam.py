"""Step beam search under a verifier (Snell et al. 2024, https://arxiv.org/abs/2408.03314)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from arts.search.base import Expansion, Grown, Needs, Strategy, finished, order
from arts.trees.tree import ROOT, Tree


@final
@dataclass(kw_only=True)
class Beam(Strategy):
    """Of ``n`` next steps the best n/width states are kept, and each is continued ``width`` times.

    Finished solutions compete with open states: one among the best takes a place of the beam for good. All solutions
    that finish are candidates. With n/width at least the number of states that are ever open nothing is dropped.
    """

    n: int = 16
    """Draws in a round."""
    width: int = 4
    """Draws from each kept state; 4 is the published default."""

    needs: ClassVar[Needs] = "order"
    """States are only compared."""

    def __post_init__(self) -> None:
        self.candidates: list[int] = []
        self._places = max(1, self.n // max(1, self.width))
        self._next = [Expansion(node=ROOT)] * self.n

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """All draws of the next depth."""
        return self._next

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """Keep the best states, each once."""
        self.candidates += finished(results)
        distinct = {g.node: g for g in results if g.status in ("open", "finished")}
        best = sorted(distinct.values(), key=order, reverse=True)[: self._places]
        kept = [g.node for g in best if g.status == "open"]
        self._places -= len(best) - len(kept)
        self._next = [Expansion(node=node) for node in kept for _ in range(self.width)]
