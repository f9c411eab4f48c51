"""Votes for answers: every candidate counts the same, or by the flow into it."""

from typing import final

import numpy as np

from arts.arrays import Floats, Ints
from arts.selection.base import Choice, Needs, Pool, Selector
from arts.selection.expected import vote_at_k
from arts.selection.scores import best, voting_weights


@final
class Majority(Selector):
    """The answer that most candidates give; of equally frequent ones the first."""

    title = "majority"
    about = "the most frequent answer"
    needs: frozenset[Needs] = frozenset({"answers"})

    def choose(self, pool: Pool) -> Choice:
        """The best-scored candidate of the winning answer, without scores the first."""
        return elected(pool, np.ones(pool.classes.shape))

    def expected(self, pool: Pool, k: int, seed: int = 0) -> Floats:
        """See :func:`arts.selection.expected.vote_at_k`."""
        return vote_at_k(pool.correct, pool.classes, np.ones(pool.classes.shape), k, seed)


@final
class FlowVote(Selector):
    """The answer with the most flow: answers are what is decided on, so the flows of equal ones add up."""

    title = "vote"
    about = "the answer with the most flow: the scores of equal answers add up"
    needs: frozenset[Needs] = frozenset({"answers", "weights"})

    def choose(self, pool: Pool) -> Choice:
        """The best-scored candidate of the winning answer."""
        return elected(pool, voting_weights(pool.scores, pool.unit))

    def expected(self, pool: Pool, k: int, seed: int = 0) -> Floats:
        """See :func:`arts.selection.expected.vote_at_k`."""
        return vote_at_k(pool.correct, pool.classes, voting_weights(pool.scores, pool.unit), k, seed)


def elected(pool: Pool, weights: Floats) -> Choice:
    """The best-scored candidate of the answer with the most weight, (N,)."""
    winner, shares = vote(pool.classes, weights)
    if winner < 0:
        return Choice(-1)
    members = np.flatnonzero(pool.classes == winner)
    return Choice(int(members[best(pool.scores[members])]), tuple(shares.tolist()))


def vote(classes: Ints, weights: Floats) -> tuple[int, Floats]:
    """The answer class with the most weight, and the share of each class, shape ``(number of classes,)``.

    Candidates without an answer (class −1) do not vote; of equal classes the one that appeared first wins.
    Without any vote the class is −1.
    """
    voting = classes >= 0
    if not voting.any():
        return -1, np.zeros(0)
    totals = np.bincount(classes[voting], weights=np.nan_to_num(weights[voting]))
    if totals.sum() == 0:
        totals = np.bincount(classes[voting]).astype(np.float64)
    return int(np.argmax(totals)), totals / totals.sum()
