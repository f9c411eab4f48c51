"""Best-of-N: independent whole solutions, all at once (Cobbe et al. 2021, https://arxiv.org/abs/2110.14168)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from arts.search.base import Expansion, Grown, Needs, Strategy, finished
from arts.trees.tree import ROOT, Tree


@final
@dataclass(kw_only=True)
class BestOfN(Strategy):
    """``n`` solutions; the default is that of arXiv 2602.12846."""

    n: int = 16
    """Solutions."""

    needs: ClassVar[Needs] = "nothing"
    """Whatever the selector needs."""

    def __post_init__(self) -> None:
        self.candidates: list[int] = []
        self._asked = False

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """Everything in the first round."""
        asked, self._asked = self._asked, True
        return [] if asked else [Expansion(node=ROOT, whole=True)] * self.n

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """Take what has finished."""
        self.candidates += finished(results)
