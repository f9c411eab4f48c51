"""Diverse verifier tree search: many greedy searches instead of one beam.

Beeching, Tunstall and Rush 2024, https://huggingface.co/spaces/HuggingFaceH4/blogpost-scaling-test-time-compute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from arts.search.base import Expansion, Grown, Needs, Strategy, finished, order
from arts.trees.tree import ROOT, Tree


@final
@dataclass(kw_only=True)
class DiverseTreeSearch(Strategy):
    """n/width subtrees that never compete: each draws ``width`` next steps and goes on from the best of them."""

    n: int = 16
    """Draws in a round."""
    width: int = 4
    """Draws of each subtree; 4 is the published default."""

    needs: ClassVar[Needs] = "order"
    """States are only compared."""

    def __post_init__(self) -> None:
        self.candidates: list[int] = []
        self._heads = [ROOT] * max(1, self.n // max(1, self.width))

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """The next step of every subtree."""
        return [Expansion(node=head) for head in self._heads for _ in range(self.width)]

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """Each subtree goes to the best of its draws and ends with it."""
        self.candidates += finished(results)
        groups = [results[i : i + self.width] for i in range(0, len(results), self.width)]
        drawn = [[g for g in group if g.status != "failed"] for group in groups]
        best = [max(group, key=order) for group in drawn if group]
        self._heads = [g.node for g in best if g.status == "open"]
