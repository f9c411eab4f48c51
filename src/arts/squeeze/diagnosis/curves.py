"""pass@k of both models, where the curves cross, and what is lost and gained at equal k."""

import numpy as np

from arts.arrays import Floats
from arts.evaluation.intervals import mean, paired_difference
from arts.evaluation.resampling import CONFIDENCE, RESAMPLES
from arts.squeeze.diagnosis.pairs import Pair, drawn, per_kind, reached
from arts.squeeze.diagnosis.parts import ByK, Crossing, Curves

ROUNDING = 1e-12


def curves(pair: Pair, seed: int) -> Curves:
    """Estimates by k, over the problems that have the largest k on both sides.

    ``lost`` is the share of problems that k samples of the base model solve and k of the other do not, the mean of
    pass@k_base (1 − pass@k_rl): unbiased, as the two sets of samples are independent. ``gained`` is the reverse.
    ``room`` is pass@k of the base model minus pass@1 of the other: what a perfect verifier on k base samples wins.
    """
    ks, kept = reached(np.minimum(pair.base.n, pair.rl.n))
    base, rl = (
        per_kind(lambda c, n: [drawn(c, n, k) for k in ks], s.c[kept], s.n[kept]) for s in (pair.base, pair.rl)
    )  # (P, K)

    def means(values: Floats) -> ByK:
        return {k: mean(values[:, i], seed) for i, k in enumerate(ks)}

    def differences(a: Floats, b: Floats) -> ByK:
        return {k: paired_difference(a[:, i], b[:, i], seed) for i, k in enumerate(ks)}

    return Curves(
        ks=ks,
        top_k=ks[-1],
        problems=int(kept.sum()),
        left_out=int((~kept).sum()),
        base=means(base),
        rl=means(rl),
        difference=differences(rl, base),
        lost=means(base * (1 - rl)),
        gained=means(rl * (1 - base)),
        room=differences(base, np.broadcast_to(rl[:, :1], base.shape)),
        crossing=crossing(rl - base, ks, seed) if len(ks) > 1 else None,
    )


def crossing(difference: Floats, ks: list[int], seed: int) -> Crossing:
    """From which k on the base model stays ahead, up to the largest k.

    ``difference`` (P, K) is pass@k of the other model minus that of the base model. ``value`` is interpolated in
    log k between two of the ``ks``; 1 where base is ahead at every k, None where it is not ahead at the largest.
    ``low`` and ``high`` are quantiles over resamples of problems, all of them: one in which base does not end ahead
    counts as later than every k (None). ``share_crossing``, ``share_base_throughout`` and ``share_not_ahead`` of the
    resamples cross after k = 1, begin with base ahead, or do not end so.
    """
    problems = len(difference)
    weights = np.random.default_rng(seed).multinomial(problems, np.full(problems, 1 / problems), size=RESAMPLES)
    found = stays_ahead(weights @ difference / problems, ks)
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    low, high = np.quantile(found, tails, method="inverted_cdf") if problems > 1 else (np.nan, np.nan)
    value = float(stays_ahead(difference.mean(axis=0)[None], ks)[0])
    return Crossing(
        value=_finite(value),
        low=_finite(low),
        high=_finite(high),
        n=problems,
        method="problem bootstrap, percentile",
        share_crossing=float(((found > 1) & np.isfinite(found)).mean()),
        share_base_throughout=float((found == 1).mean()),
        share_not_ahead=float(np.isinf(found).mean()),
    )


def stays_ahead(difference: Floats, ks: list[int]) -> Floats:
    """The k after which each row of differences (R, K) is negative to its end; 1 if all of it is, ∞ if the end is not.

    Between two ks the difference is taken as linear in log k.
    """
    logs = np.log(ks)
    ahead = difference >= -ROUNDING
    last = len(ks) - 1 - np.argmax(ahead[:, ::-1], axis=1)  # the last k at which base is not ahead
    after = np.minimum(last + 1, len(ks) - 1)
    rows = np.arange(len(difference))
    before_value, after_value = difference[rows, last], difference[rows, after]
    part = np.divide(before_value, before_value - after_value, out=np.zeros(len(rows)), where=after > last)
    found = np.exp(logs[last] + part * (logs[after] - logs[last]))
    found[ahead[:, -1]] = np.inf
    found[~ahead.any(axis=1)] = 1.0
    return np.asarray(found)


def _finite(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None
