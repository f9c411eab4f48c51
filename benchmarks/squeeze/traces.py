"""Exact probabilities of the base model's correct solutions, before and after RL."""

from itertools import pairwise
from typing import Any

import numpy as np
from _study import Arrays, Floats
from numpy.typing import NDArray

from arts.estimate import Estimate
from arts.evaluation.intervals import bootstrap_observations, ratio

EDGES = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Of the probability under the base model."""
FOLD = np.log(10)


def traces(base: Arrays, after: list[Floats]) -> list[dict[str, Any]]:
    """By base probability: how many fell or rose more than tenfold, the typical change, and the mass they hold.

    Solutions are those that the base samples showed, so which ones there are depends on the base model alone.
    Shares and medians weigh every solution the same; means over seeds, intervals over problems.
    """
    before = base["logprob"]
    change = np.stack([one - before for one in after])
    rows = []
    for low, high in pairwise(EDGES):
        of = (before > np.log(max(low, 1e-300))) & (before <= np.log(high))
        if of.any():
            rows.append({"low": low, "high": high, **_row(base["problem"][of], before[of], change[:, of])})
            if high * np.exp(FOLD) > 1:
                rows[-1]["rose_tenfold"] = None  # a probability cannot
    return rows


def _row(problem: NDArray[np.int64], before: Floats, change: Floats) -> dict[str, Any]:
    names, owner = np.unique(problem, return_inverse=True)

    def share(hits: Floats) -> Estimate:
        """Of solutions, by problem."""
        return ratio(np.bincount(owner, weights=hits), np.bincount(owner).astype(np.float64))

    def mass(values: Floats) -> Floats:
        return np.bincount(owner, weights=values)

    now = np.exp(before + change).mean(axis=0)
    return {
        "solutions": len(problem),
        "problems": len(names),
        "fell_tenfold": share((change < -FOLD).mean(axis=0)),
        "fell": share((change < 0).mean(axis=0)),
        "rose_tenfold": share((change > FOLD).mean(axis=0)),
        "median_ratio": bootstrap_observations(lambda w: _median(w, np.median(change, axis=0)), problem),
        "mass_ratio": ratio(mass(now), mass(np.exp(before))),
    }


def _median(weights: Floats, values: Floats) -> Floats:
    """Weighted medians of the ratios, for weights (..., S)."""
    order = np.argsort(values)
    sums = np.cumsum(weights[..., order], axis=-1)
    place = (sums >= sums[..., -1:] / 2).argmax(axis=-1)
    return np.exp(values[order][place])
