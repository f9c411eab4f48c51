"""Best-of-N that stops early: as soon as a solution is sure to be right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from arts.search.base import Expansion, Grown, Needs, Strategy, finished
from arts.trees.tree import ROOT, Tree


@final
@dataclass(kw_only=True)
class AdaptiveBestOfN(Strategy):
    """At most ``n`` solutions in waves, until the verifier gives one of them at least ``sure``."""

    n: int = 64
    """Solutions at most."""
    wave: int = 2
    """Solutions of a round; as many as ``n`` sends all of them at once."""
    sure: float = 0.97
    """A solution worth so much ends the search."""

    needs: ClassVar[Needs] = "value"
    """Worth is a probability."""
    selector: ClassVar[str] = "best_of_n"
    """The sure solution is the answer."""

    def __post_init__(self) -> None:
        self.candidates: list[int] = []
        self._asked, self._best = 0, 0.0

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """The next wave, unless a solution is sure."""
        size = 0 if self.settled(()) else min(self.wave, self.n - self._asked)
        self._asked += size
        return [Expansion(node=ROOT, whole=True)] * size

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """Take what has finished."""
        self.candidates += finished(results)
        values = [g.value for g in results if g.status == "finished"]
        self._best = float(np.nanmax([self._best, *values]))

    def settled(self, results: Sequence[Grown]) -> bool:
        """Whether a solution is sure although more could be drawn."""
        return self._best >= self.sure and self._asked < self.n
