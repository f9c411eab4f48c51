"""Particle filtering: sequential Monte Carlo over steps (Puri et al. 2025, https://arxiv.org/abs/2502.01618).

Weights are incremental, as in twisted SMC (Zhao et al. 2024, https://arxiv.org/abs/2404.17546).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from arts.arrays import Floats, Ints
from arts.search.base import Expansion, Grown, Needs, Strategy
from arts.trees.tree import ROOT, Tree


@final
@dataclass(kw_only=True)
class ParticleFilter(Strategy):
    """``n`` particles take a step each and are weighed by F(s') / F(s).

    When few of them carry the weight they are resampled.

    A finished particle stays where it is with its weight (absorbing) and takes part in resampling; when all have
    finished they are resampled once more. Candidates are the finished particles of the last population that has any, so
    that a majority of them is a majority under π · F; a flow vote would count the flow twice.
    """

    n: int = 16
    """Particles."""
    threshold: float = 0.5
    """Resample when the effective number of particles is less than this share of them."""

    needs: ClassVar[Needs] = "flow"
    """Weights are ratios of flows."""
    selector: ClassVar[str] = "majority"
    """Flows have been counted already."""

    def __post_init__(self) -> None:
        self.candidates: list[int] = []
        self._nodes = np.full(self.n, ROOT)
        self._flows = np.zeros(self.n)
        self._weights = np.zeros(self.n)
        self._moving = np.ones(self.n, dtype=bool)

    def ask(self, tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        """A step of every particle that has not finished."""
        self._resample(rng)
        return [Expansion(node=int(node)) for node in self._nodes[self._moving]]

    def tell(self, tree: Tree, results: Sequence[Grown]) -> None:
        """Move the particles; one whose draw failed or was cut has no weight any more."""
        for particle, grown in zip(np.flatnonzero(self._moving), results, strict=True):
            flow = grown.log_flow if np.isfinite(grown.log_flow) else -np.inf
            alive = grown.status in ("open", "finished")
            self._weights[particle] += flow - self._flows[particle] if alive else -np.inf
            self._nodes[particle], self._flows[particle] = grown.node, flow
            self._moving[particle] = grown.status == "open"
        self._moving &= np.isfinite(self._weights)
        done = np.isfinite(self._weights) & np.logical_not(self._moving)
        self.candidates = [int(node) for node in self._nodes[done]] or self.candidates

    def _resample(self, rng: np.random.Generator) -> None:
        weights = np.exp(self._weights - self._weights.max()) if np.isfinite(self._weights).any() else np.zeros(self.n)
        if not weights.any():
            return
        effective = weights.sum() ** 2 / (weights**2).sum()
        if effective >= (self.threshold * self.n if self._moving.any() else self.n - 0.5):
            return
        chosen = systematic(weights / weights.sum(), rng)
        self._nodes, self._flows, self._moving = (a[chosen] for a in (self._nodes, self._flows, self._moving))
        self._weights = np.zeros(self.n)
        self.candidates = [int(node) for node in self._nodes[np.logical_not(self._moving)]] or self.candidates


def systematic(weights: Floats, rng: np.random.Generator) -> Ints:
    """Indices in proportion to ``weights``, which sum to 1: each comes up as often as expected, to within one."""
    places = (rng.random() + np.arange(len(weights))) / len(weights)
    return np.minimum(np.searchsorted(np.cumsum(weights), places), len(weights) - 1)
