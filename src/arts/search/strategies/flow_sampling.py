"""Flow-proportional sampling: the GFlowNet reading of the method (Bengio et al. 2021, https://arxiv.org/abs/2106.04399).

A child is chosen with probability F(s') / Σ F over the children that were drawn, so that trajectories end in solutions
in proportion to their flow.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from arts.search.base import Expansion, Grown, Needs, Strategy, finished
from arts.trees.tree import ROOT, Tree


@final
@dataclass(kw_only=True)
class FlowSampling(Strategy):
    """``n`` trajectories through one tree.

    A state is drawn from when trajectories first stand there: ``children`` times, or once for each of them if they
    are more. All of them, and those that come later, choose among these draws. All solutions that finish are
    candidates, also those that no trajectory has chosen.
    """

    n: int = 16
    """Trajectories."""
    children: int = 4
    """Draws from a state at least."""

    needs: ClassVar[Needs] = "flow"
    """Children are weighed by their flows."""

    def __post_init__(self) -> None:
        self.candidates: list[int] = []
        self._walkers = [ROOT] * self.n
        self._drawn: dict[int, list[Grown]] = {}
        self._waiting: list[int] = []

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """Walk on until every trajectory has ended or stands at a state that was never drawn from."""
        standing = Counter(node for walker in self._walkers if (node := self._walk(walker, rng)) is not None)
        self._walkers = list(standing.elements())
        self._waiting = [node for node, count in standing.items() for _ in range(max(count, self.children))]
        return [Expansion(node=node) for node in self._waiting]

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """Note what was drawn where."""
        self.candidates += finished(results)
        for node, grown in zip(self._waiting, results, strict=True):
            self._drawn.setdefault(node, []).append(grown)

    def _walk(self, node: int, rng: np.random.Generator) -> int | None:
        """The state without draws that a trajectory comes to; None when it has ended."""
        while node in self._drawn:
            grown = choose(self._drawn[node], rng)
            if grown is None or grown.status != "open":
                return None
            node = grown.node
        return node


def choose(drawn: Sequence[Grown], rng: np.random.Generator) -> Grown | None:
    """One of the draws that did not fail, in proportion to its flow; evenly where no flow is known."""
    usable = [g for g in drawn if g.status != "failed"]
    if not usable:
        return None
    flows = np.nan_to_num(np.array([g.log_flow for g in usable]), nan=-np.inf, posinf=1e300)
    weights = np.exp(flows - flows.max()) if np.isfinite(flows.max()) else np.ones(len(usable))
    return usable[int(rng.choice(len(usable), p=weights / weights.sum()))]
