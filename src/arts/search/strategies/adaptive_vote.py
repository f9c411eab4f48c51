"""A vote that stops early: once its leader cannot, or is not likely to, be overtaken by the samples that are left.

Early stopping of a majority by a posterior over its shares is Adaptive-Consistency (Aggarwal et al. 2023,
https://arxiv.org/abs/2305.11860). Here the question is not who leads in the limit but who leads after ``n`` samples,
and votes may weigh differently: then a leader of little value is not safe from one good solution.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from arts.arrays import Floats, Ints
from arts.search.base import Expansion, Grown, Needs, Strategy, finished
from arts.trees.tree import ROOT, Tree

LEAST_VALUE, SIMULATIONS = 0.02, 500
"""No success probability is taken for less; completions of the vote that are simulated for one check."""


@dataclass(kw_only=True)
class _AdaptiveVote(Strategy):
    n: int = 16
    """Samples at most."""
    first: int = 3
    """Samples of the first round."""
    wave: int = 2
    """Samples of each further round; as many as ``n`` sends all of them at once and cancels those not needed."""
    error: float = 0.2
    """Probability, at each check, that the leader after ``n`` samples would be another one; 0: it cannot be."""

    needs: ClassVar[Needs]
    """Flows where they are the votes' weights."""
    answers: ClassVar[bool] = True
    """Votes are for answers."""

    def __post_init__(self) -> None:
        self.candidates: list[int] = []
        self._votes: list[Grown] = []
        self._asked = 0

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """The next wave, unless the vote is decided."""
        wanted = self.wave if self._asked else max(self.first, self.wave)
        size = 0 if self.settled(()) else min(wanted, self.n - self._asked)
        self._asked += size
        return [Expansion(node=ROOT, whole=True)] * size

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """Count the votes; who fails or gives no answer has voted for nobody."""
        self.candidates += finished(results)
        self._votes += self._of(results)

    def settled(self, results: Sequence[Grown]) -> bool:
        """Whether the leader is safe although there are samples left."""
        votes = [*self._votes, *self._of(results)]
        cast = [vote for vote in votes if vote.answer >= 0]
        if (results and self.wave < self.n) or len(votes) >= self.n or len(cast) < min(self.first, self.n):
            return False
        best = max(cast, key=lambda vote: vote.log_flow)
        classes = np.array([vote.answer for vote in votes])
        weights = np.array([np.exp(vote.log_flow - best.log_flow) if vote.answer >= 0 else 0.0 for vote in votes])
        return overtaken(classes, weights, self.n - len(votes), 1 / max(best.value, LEAST_VALUE)) <= self.error

    def _of(self, results: Sequence[Grown]) -> list[Grown]:
        """Votes: without weights every log-flow is 0 and every value 1."""
        if self.needs == "nothing":
            return [g._replace(log_flow=0.0, value=1.0) for g in results]
        usable = [g if np.isfinite(g.log_flow) else g._replace(answer=-1, log_flow=0.0) for g in results]
        return [g._replace(value=1.0) if np.isnan(g.value) else g for g in usable]


@final
class AdaptiveMajority(_AdaptiveVote):
    """Majority vote of at most ``n`` samples."""

    needs = "nothing"


@final
class AdaptiveFlowVote(_AdaptiveVote):
    """Flow vote of at most ``n`` samples."""

    needs = "flow"


def overtaken(classes: Ints, weights: Floats, left: int, sure: float) -> float:
    """Probability that ``left`` more samples change the winner of a vote; class −1 votes for nobody.

    ``sure`` is the weight of a sample that is sure to be right. 0 when even ``left`` of those, all for the runner-up,
    could not. Otherwise the coming samples are drawn from the Bayesian bootstrap of those seen (Rubin 1981), among them
    one sure sample for an answer not seen yet, in ``SIMULATIONS`` simulations of fixed seed; not less than one of them.
    """
    totals = np.bincount(classes[classes >= 0], weights=weights[classes >= 0])
    second, first = np.sort(np.append(totals, 0.0))[-2:]
    if first - second > left * max(sure, weights.max()):
        return 0.0
    rng = np.random.default_rng(len(classes))
    unseen = len(totals)
    targets = np.append(np.where(classes < 0, unseen + 1, classes), unseen)
    chances = rng.dirichlet(np.ones(len(targets)), size=SIMULATIONS)
    drawn = rng.multinomial(left, chances) * np.append(weights, sure)
    coming = np.stack([drawn[:, targets == c].sum(axis=1) for c in range(unseen + 1)], axis=1)
    changed = (coming + np.append(totals, 0.0)).argmax(axis=1) != totals.argmax()
    return float(max(changed.mean(), 1 / SIMULATIONS))
