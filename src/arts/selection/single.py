"""Decisions for one candidate as it is: the best-scored one, any, or one that is known to be right."""

from typing import final

import numpy as np

from arts.arrays import Floats
from arts.selection.base import Choice, Needs, Pool, Selector
from arts.selection.expected import best_of_k, pass_at_k
from arts.selection.scores import best


@final
class BestOfN(Selector):
    """The candidate with the highest score (Cobbe et al. 2021, arXiv 2110.14168; arXiv 2602.12846)."""

    title = "best-of-N"
    about = "the candidate with the highest score"
    needs: frozenset[Needs] = frozenset({"scores"})

    def choose(self, pool: Pool) -> Choice:
        """The first of equally scored ones; without any score the first."""
        return Choice(best(pool.scores))

    def expected(self, pool: Pool, k: int, seed: int = 0) -> Floats:
        """See :func:`arts.selection.expected.best_of_k`."""
        return best_of_k(pool.correct, pool.scores, k)


@final
class OneSample(Selector):
    """One candidate, whichever: what the model gives without any decision."""

    title = "random"
    about = "any one candidate"
    needs: frozenset[Needs] = frozenset()

    def choose(self, pool: Pool) -> Choice:
        """The first, as candidates are exchangeable."""
        return Choice(0)

    def expected(self, pool: Pool, k: int, seed: int = 0) -> Floats:
        """pass@1, whatever k."""
        return pass_at_k(pool.correct, 1) if k <= pool.correct.shape[1] else np.full(len(pool.correct), np.nan)


@final
class Oracle(Selector):
    """A correct candidate wherever there is one: the limit of every decision."""

    title = "oracle (pass@N)"
    about = "a correct candidate wherever there is one; needs the answer key"
    needs: frozenset[Needs] = frozenset({"key"})

    def choose(self, pool: Pool) -> Choice:
        """The first correct candidate."""
        return Choice(int(np.argmax(pool.correct)))

    def expected(self, pool: Pool, k: int, seed: int = 0) -> Floats:
        """See :func:`arts.selection.expected.pass_at_k`."""
        return pass_at_k(pool.correct, k)
