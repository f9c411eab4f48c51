"""Tests between two methods on the same problems: is there a difference, is there none that matters, among how many.

``a`` and ``b`` are accuracies in [0, 1] of the two methods on each problem, (P,), or (S, P) of S trained seeds, which
are paired in their order. Problems with a NaN are left out. Tests are two-sided.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtrit
from scipy.stats import binomtest

from arts.arrays import Floats
from arts.evaluation.parts import Equivalence

DRAWS = 9_999
"""Random draws of a Monte-Carlo p-value, which is therefore no smaller than 0.0001."""
EXACT = 13
"""Up to this many differing problems every choice of signs is enumerated."""
NUMBERS_AT_ONCE = 2_000_000
"""Random numbers that are looked at together; bounds the memory."""
LEAST_P = 1e-12
"""No p-value of a t is looked for below this."""
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """Whether two methods differ: on how many problems a is above b and below it, and ``p``, by which ``test``.

    ``wins`` and ``losses`` are None where problems are not paired.
    """

    test: str
    wins: int | None
    losses: int | None
    p: float


def paired_test(a: Floats, b: Floats) -> PairedTest:
    """The test of no difference that the numbers allow; p is NaN where no problem is left.

    - Decisions (differences −1, 0, 1): exact McNemar (1947, doi 10.1007/BF02295996), binomial over the problems that
      differ.
    - Fractions, as of ties or averages over subsets: sign-flip. Under the hypothesis each difference is as likely
      with either sign: all choices of signs up to ``EXACT`` differing problems, else ``DRAWS`` random ones with a
      fixed seed, to which the observed one is added, so that p is valid. For decisions it is McNemar's test.
    - Several seeds: the same on the means over seeds, and Student's t with the errors over problems and over seeds
      added as in :func:`arts.evaluation.intervals.bootstrap`; the larger p of both.

    Exact where differences are symmetric about 0; where only their mean is 0 the sign-flip needs many problems.
    """
    seeds, difference = _differences(a, b)
    if not len(difference):
        return PairedTest(test="no problems", wins=0, losses=0, p=np.nan)
    wins, losses = int((difference > ROUNDING).sum()), int((difference < -ROUNDING).sum())
    if (np.abs(difference - np.rint(difference)) <= ROUNDING).all():
        test, p = "exact McNemar", float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
    else:
        test, p = _sign_flip(difference[np.abs(difference) > ROUNDING])
    if len(seeds) > 1:
        test, p = f"{test}, t over {len(seeds)} seeds", max(p, 2 * _beyond(seeds, abs(difference.mean())))
    return PairedTest(test=test, wins=wins, losses=losses, p=p)


def equivalence(a: Floats, b: Floats, margin: float, alpha: float = 0.05) -> Equivalence:
    """Do the methods differ by less than ``margin``? Two one-sided tests, Schuirmann 1987 (doi 10.1007/BF01068419).

    Each side is the bound of Gaffke 2005 on the mean of differences in [−1, 1]: they and one more problem, lost or
    won altogether, are given uniformly random weights that sum to 1 (``DRAWS`` times, fixed seed). It holds for any
    number of problems, also where the methods never differed: for differences 0 and ±1 on one side it is Clopper
    and Pearson's (Learned-Miller and Thomas 2019, arXiv 1905.06208); for many problems it is Student's t. With several
    seeds Student's t over problems and seeds must agree: the wider end and the larger p are given.

    Raises ValueError for a margin that is not positive and for numbers outside [0, 1].
    """
    seeds, difference = _differences(a, b)
    if not margin > 0:
        raise ValueError(f"the margin is {margin}: give a positive difference of accuracies")
    if not len(difference):
        return Equivalence(margin=margin, low=None, high=None, p=None, equivalent=False)
    if np.abs(difference).max() > 1 + ROUNDING:
        raise ValueError("accuracies are in [0, 1]")
    low, high, p = _bounded(difference, margin, alpha)
    if len(seeds) > 1:
        reach = _reach(seeds, alpha)
        low, high = min(low, seeds.mean() - reach), max(high, seeds.mean() + reach)
        p = max(p, _beyond(seeds, margin - abs(difference.mean())))
    return Equivalence(margin=margin, low=low, high=high, p=p, equivalent=p < alpha)


def holm(p_values: Sequence[float] | Floats) -> Floats:
    """The same number of adjusted p-values, Holm 1979: all below α are wrong together with probability α at most.

    NaN, where there was no test, stays and counts for nothing.
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _differences(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Differences a − b of every seed (S, P), and its mean over seeds (P,)."""
    seeds = np.atleast_2d(a) - np.atleast_2d(b)
    seeds = seeds[:, ~np.isnan(seeds).any(axis=0)]
    return seeds, seeds.mean(axis=0)


def _sign_flip(difference: Floats) -> tuple[str, float]:
    """Test and p-value for differences none of which is 0."""
    n = len(difference)
    least = abs(difference.sum()) - ROUNDING * np.abs(difference).sum()
    if n <= EXACT:
        plus = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return "exact sign-flip", float(np.mean(np.abs((2 * plus - 1) @ difference) >= least))
    rng = np.random.default_rng(0)
    as_large = 0
    for rows in _parts(n):
        plus = rng.integers(2, size=(rows, n), dtype=np.int8).astype(np.float64)
        as_large += int((np.abs(2 * (plus @ difference) - difference.sum()) >= least).sum())
    return "sign-flip", (1 + as_large) / (1 + DRAWS)


def _bounded(difference: Floats, margin: float, alpha: float) -> tuple[float, float, float]:
    """Interval and p-value by random weights of the differences and of one more, −1 or 1."""
    rng = np.random.default_rng(0)
    known = difference.astype(np.float32)
    means, extras = [], []
    for rows in _parts(len(known)):
        weights = rng.standard_exponential((rows, len(known) + 1), dtype=np.float32)
        total = weights.sum(axis=1)
        means.append(weights[:, :-1] @ known / total)
        extras.append(weights[:, -1] / total)
    mean, extra = np.concatenate(means), np.concatenate(extras)
    lost, won = mean - extra, mean + extra
    p = (1 + max(int((lost <= -margin).sum()), int((won >= margin).sum()))) / (1 + DRAWS)
    return float(np.quantile(lost, alpha)), float(np.quantile(won, 1 - alpha)), p


def _parts(n: int) -> Iterator[int]:
    """Numbers of draws that sum to ``DRAWS``, each draw being of n numbers."""
    size = max(1, NUMBERS_AT_ONCE // n)
    return (min(size, DRAWS - start) for start in range(0, DRAWS, size))


def _reach(seeds: Floats, alpha: float) -> float:
    """How far the difference (S, P) reaches to one side with error α: over problems and over seeds, as squares."""
    count, problems = seeds.shape
    of_problems = seeds.mean(axis=0).std(ddof=1) / np.sqrt(problems) if problems > 1 else np.inf
    of_seeds = seeds.mean(axis=1).std(ddof=1) / np.sqrt(count)
    return float(np.hypot(stdtrit(problems - 1, 1 - alpha) * of_problems, stdtrit(count - 1, 1 - alpha) * of_seeds))


def _beyond(seeds: Floats, distance: float) -> float:
    """One-sided p-value of a mean difference (S, P) so far on the right side of a limit; 1/2 where it is not."""
    if distance <= 0 or seeds.shape[1] < 2:
        return 0.5
    if _reach(seeds, LEAST_P) <= distance:
        return LEAST_P
    return float(brentq(lambda alpha: _reach(seeds, alpha) - distance, LEAST_P, 0.5))
