"""Which problems have changed: an exact test for each, false discoveries controlled over all."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gammaln
from scipy.stats import binomtest, false_discovery_control

from arts.arrays import Bools, Floats, Ints
from arts.squeeze.diagnosis.pairs import Pair, per_kind
from arts.squeeze.diagnosis.parts import Change, McNemar

CHANGES: tuple[Change, ...] = ("gained", "squeezed", "extinct", "unresolved")

TIE = 1e-7
"""Tables whose probabilities differ by less, relatively, are equally likely."""


def fisher(c: Ints, n: Ints, d: Ints, m: Ints) -> Floats:
    """Two-sided p-values of Fisher's exact test of c of n against d of m, (P,).

    Valid at every sample size, conditionally on c + d: the null probability of p ≤ x is at most x. p is the summed
    probability of all tables with these margins that are no likelier than the observed one.
    """
    return per_kind(lambda c, n, d, m: by_count(n, m, c + d)[c - max(0, c + d - m)], c, n, d, m)


def least_p(n: Ints, m: Ints, total: Ints) -> Floats:
    """The smallest p-value that tables of n and m samples, ``total`` of them correct, can have, (P,)."""
    return per_kind(lambda n, m, total: by_count(n, m, total).min(), n, m, total)


@lru_cache(maxsize=1 << 16)
def by_count(n: int, m: int, total: int) -> Floats:
    """p-values of all tables with ``total`` correct, by the first side's count from its least, max(0, total − m)."""
    c = np.arange(max(0, total - m), min(n, total) + 1)
    logs = -(gammaln(c + 1) + gammaln(n - c + 1) + gammaln(total - c + 1) + gammaln(m - total + c + 1))
    weight = np.exp(logs - logs.max())
    order = np.sort(weight)
    sums = np.cumsum(order) / order.sum()
    return np.asarray(np.minimum(sums[np.searchsorted(order, weight * (1 + TIE), side="right") - 1], 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The classes of P problems and how they were found.

    ``tested`` (P,) are the problems that some outcome with these margins could show. ``p`` and ``adjusted`` (NaN where
    untested) are (P,). ``level`` is the p-value up to which the procedure rejects now, or would reject one
    problem where it rejects none.
    """

    rate: float
    p: Floats
    tested: Bools
    adjusted: Floats
    level: float
    change: list[Change]

    def counts(self) -> dict[Change, int]:
        """Problems of each class."""
        return {change: self.change.count(change) for change in CHANGES}


def find_changes(pair: Pair, rate: float) -> Changes:
    """Fisher's test of every problem, and Benjamini-Hochberg at ``rate`` over those that some outcome could show.

    Tested are the problems whose margins allow p ≤ ``rate`` at all. That depends on the margins only, on which the test
    conditions; so the expected share of false ones among the problems found stays at most ``rate``, and problems that
    no outcome could show do not weaken the procedure (after Gilbert 2005, doi 10.1111/j.1467-9876.2005.00475.x).
    """
    (c, n), (d, m) = (pair.base.c, pair.base.n), (pair.rl.c, pair.rl.n)
    p = fisher(c, n, d, m)
    least = least_p(n, m, c + d)
    tested = least <= rate
    adjusted = np.full(len(n), np.nan)
    if tested.any():
        adjusted[tested] = false_discovery_control(p[tested])
    found = adjusted <= rate
    level = rate * max(int(found.sum()), 1) / (int(tested.sum()) or len(n))
    change: list[Change] = [
        "unresolved" if not f else "gained" if not low else "extinct" if none else "squeezed"
        for f, low, none in zip(found, d * n < c * m, d == 0, strict=True)
    ]
    return Changes(
        rate=rate,
        p=p,
        tested=tested,
        adjusted=adjusted,
        level=level,
        change=change,
    )


def upper_bound(n: int) -> float:
    """The largest success rate that n failures in a row do not refute at 5 %: 1 − 0.05^(1/n)."""
    return float(1 - 0.05 ** (1 / n))


def mcnemar(pair: Pair) -> McNemar | None:
    """McNemar's exact test on the discordant pairs, where both models have one sample of every problem; else None.

    It asks whether the models differ over the set, not on which problems.
    """
    if max(pair.base.n.max(), pair.rl.n.max()) > 1:
        return None
    lost = int(((pair.base.c == 1) & (pair.rl.c == 0)).sum())
    gained = int(((pair.base.c == 0) & (pair.rl.c == 1)).sum())
    p = float(binomtest(lost, lost + gained).pvalue) if lost + gained else 1.0
    return McNemar(base_only=lost, rl_only=gained, p=p)
