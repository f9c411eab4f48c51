"""A vote that stops early: once its leader cannot, or is not likely to, be overtaken by the samples that are left.

Early stopping of a majority by a posterior over its shares is Adaptive-Consistency (Aggarwal et al. 2023,
https://arxiv.org/abs/2305.11860). Here the question is not who leads in the limit but who leads after ``n`` samples,
and votes may weigh differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from arts.search.base import Expansion, Grown, Needs, Strategy, finished
from arts.trees.tree import ROOT, Tree

SIMULATIONS = 500
"""Completions of the vote that are simulated for one check."""


@dataclass(kw_only=True)
class _AdaptiveVote(Strategy):
    n: int = 16
    """Samples at most."""
    first: int = 4
    """Samples of the first round."""
    wave: int = 2
    """Samples of each further round; as many as ``n`` sends all of them at once and cancels those not needed."""
    error: float = 0.05
    """Probability, at each check, that the leader after ``n`` samples would be another one; 0: it cannot be."""

    weighted: ClassVar[bool]

    def __post_init__(self) -> None:
        self.candidates: list[int] = []
        self._votes: list[tuple[int, float]] = []
        self._asked = 0

    @property
    def needs(self) -> Needs:
        """Flows where they are the votes' weights."""
        return "flow" if self.weighted else "nothing"

    @property
    def answers(self) -> bool:
        """Votes are for answers."""
        return True

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """The next wave, unless the vote is decided."""
        size = min(self.wave if self._asked else max(self.first, self.wave), self.n - self._asked)
        if size <= 0 or self.settled(()):
            return []
        self._asked += size
        return [Expansion(node=ROOT, whole=True)] * size

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """Count the votes; who fails or gives no answer has voted for nobody."""
        self.candidates += finished(results)
        self._votes += self._of(results)

    def settled(self, results: Sequence[Grown]) -> bool:
        """Whether the leader is safe although there are samples left."""
        votes = [*self._votes, *self._of(results)]
        if len(votes) >= self.n or sum(answer >= 0 for answer, _ in votes) < min(self.first, self.n):
            return False
        classes, flows = (np.array(column) for column in zip(*votes, strict=True))
        known = flows[classes >= 0]
        weights = np.where(classes >= 0, np.exp(flows - known.max()), 0.0)
        return overtaken(classes, weights, self.n - len(votes)) <= self.error

    def _of(self, results: Sequence[Grown]) -> list[tuple[int, float]]:
        usable = [not self.weighted or np.isfinite(g.log_flow) for g in results]
        return [
            (g.answer, g.log_flow if self.weighted else 0.0) if ok else (-1, 0.0)
            for g, ok in zip(results, usable, strict=True)
        ]


@final
class AdaptiveMajority(_AdaptiveVote):
    """Majority vote of at most ``n`` samples."""

    weighted = False


@final
class AdaptiveFlowVote(_AdaptiveVote):
    """Flow vote of at most ``n`` samples."""

    weighted = True


def overtaken(classes: NDArray[np.int64], weights: NDArray[np.float64], left: int) -> float:
    """Probability that ``left`` more samples change the winner of a vote; class −1 votes for nobody.

    0 when even ``left`` votes of the largest weight seen, all for the runner-up, could not. Otherwise the coming
    samples are drawn from the Bayesian bootstrap of those seen (Rubin 1981), with one sample of the largest weight for
    an answer not seen yet among them, in ``SIMULATIONS`` simulations of fixed seed.
    """
    totals = np.bincount(classes[classes >= 0], weights=weights[classes >= 0])
    second, first = np.sort(np.append(totals, 0.0))[-2:]
    if first - second > left * weights.max():
        return 0.0
    rng = np.random.default_rng(len(classes))
    unseen = len(totals)
    targets = np.append(np.where(classes < 0, unseen + 1, classes), unseen)
    worth = np.append(weights, weights.max())
    chances = rng.dirichlet(np.ones(len(targets)), size=SIMULATIONS)
    drawn = rng.multinomial(left, chances) * worth
    coming = np.stack([drawn[:, targets == c].sum(axis=1) for c in range(unseen + 1)], axis=1)
    final = coming + np.append(totals, 0.0)
    return float((final.argmax(axis=1) != totals.argmax()).mean())
