"""Best-first search over sound steps that comes back to where it has been.

As best-first search it goes on from the best open state of the whole tree (Koh et al. 2024,
https://arxiv.org/abs/2407.01476). What is new: a state stays open after it was drawn from, worth a little less each
time, so that a search whose continuations all look wrong returns to an earlier step; and it ends when nothing open is
better than the best solution. For that, states must be comparable across depths: by the probability that all steps so
far are sound, which never rises along a path, rather than by the success that is expected of them.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from arts.errors import UsageError
from arts.search.base import Expansion, Grown, Needs, Strategy, finished
from arts.trees.tree import ROOT, Tree


@final
@dataclass(kw_only=True)
class GuidedSearch(Strategy):
    """Draws ``children`` next steps from the best open state, again and again, until the best solution is the best.

    The question is worth 1, any other state what the verifier gives it, and every time a state is drawn from it is
    worth ``discount`` times as much as before. The numbers were chosen on validation problems, docs/search.md.
    """

    n: int = 8
    """Draws from the question at first."""
    children: int = 2
    """Draws from a state."""
    parallel: int = 1
    """States of one round: more of them need fewer rounds and more tokens."""
    discount: float = 0.95
    """What a state is still worth after it was drawn from, as a share."""
    sure: float = 0.97
    """A solution worth so much ends the search."""
    least: float = 0.05
    """So does having nothing left that is worth more than this."""

    needs: ClassVar[Needs] = "value"
    """Worth is a probability."""
    soundness: ClassVar[bool] = True
    """That the steps so far are sound, where the verifier reads steps."""
    selector: ClassVar[str] = "best_of_n"
    """It ends as soon as one solution is better than all that is open; how often others were reached says little."""

    def __post_init__(self) -> None:
        if not self.discount < 1:
            raise UsageError(f"discount is {self.discount:g}; use a share below 1, so that the search comes to an end")
        self.candidates: list[int] = []
        self._best = 0.0
        self._open: list[tuple[float, int, int]] = [(-1.0, 0, ROOT)]
        self._seen = {ROOT}
        self._drawn_from: list[tuple[float, int, int]] | None = None

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """The best open states; of equal ones those that were found first."""
        draws = self.n if self._drawn_from is None else self.children
        self._drawn_from = []
        while len(self._drawn_from) < draws * self.parallel and not self.settled(()):
            self._drawn_from += [heapq.heappop(self._open)] * draws
        return [Expansion(node=node) for *_, node in self._drawn_from]

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """Open what is new, and again what was drawn from, unless all its draws have failed."""
        self.candidates += finished(results)
        drawn = zip(self._drawn_from or (), results, strict=True)
        for worth, found, node in {state for state, grown in drawn if grown.status != "failed"}:
            heapq.heappush(self._open, (worth * self.discount, found, node))
        for grown in results:
            worth = 0.0 if np.isnan(grown.value) else grown.value
            if grown.status == "finished":
                self._best = max(self._best, worth)
            elif grown.status == "open" and grown.node not in self._seen:
                self._seen.add(grown.node)
                heapq.heappush(self._open, (-worth, len(self._seen), grown.node))

    def settled(self, results: Sequence[Grown]) -> bool:
        """Whether the best solution is sure, or better than all that could be gone on from."""
        open_worth = -self._open[0][0] if self._open else 0.0
        return self._best >= self.sure or open_worth <= max(self._best, self.least)
