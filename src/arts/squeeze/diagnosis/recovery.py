"""What a verifier on base samples could recover at most, labelled and measured on different samples."""

from math import comb

import numpy as np

from arts.evaluation.intervals import ratio
from arts.squeeze.diagnosis.pairs import Pair, drawn, per_kind, reached
from arts.squeeze.diagnosis.parts import Recovery


def recovery(pair: Pair, seed: int) -> Recovery | None:
    """pass@k of both models on problems that the other has lost, or None where problems have fewer than two samples.

    A problem is lost when a random half of its base samples has a correct one and a random half of the other model's
    has none. pass@k is then taken of the remaining samples: of the base model it is what a perfect verifier that
    picks of k samples gets back, of the other model what k of its own samples solve. Both are exact means over all
    ways to halve the samples, hence in both directions, so no sample is used for label and measure at once; problems
    count by how often they are lost.
    """
    least = np.minimum(pair.base.n, pair.rl.n)
    enough = least >= 2
    if not enough.any():
        return None
    ks, kept = reached((least[enough] + 1) // 2)
    columns = [x[enough][kept] for x in (pair.base.c, pair.base.n, pair.rl.c, pair.rl.n)]
    sums = per_kind(lambda c, n, d, m: [_lost(c, n, d, m), *(x for k in ks for x in _solved(c, n, d, m, k))], *columns)
    times, base, rl = sums[:, 0], sums[:, 1::2], sums[:, 2::2]
    return Recovery(
        ks=ks,
        top_k=ks[-1],
        problems=int(kept.sum()),
        lost=float(times.sum()),
        base={k: ratio(base[:, i], times, seed) for i, k in enumerate(ks)},
        rl={k: ratio(rl[:, i], times, seed) for i, k in enumerate(ks)},
    )


def _lost(c: int, n: int, d: int, m: int) -> float:
    """Probability of the label: of n // 2 drawn of n base samples one is correct, of m // 2 of m others none."""
    return (1 - _halved(0, c, n)) * _halved(0, d, m)


def _solved(c: int, n: int, d: int, m: int, k: int) -> tuple[float, float]:
    """Expected pass@k of what is left on either side, times the label."""
    some = range(1, min(c, n // 2) + 1)
    base = sum(_halved(x, c, n) * drawn(c - x, n - n // 2, k) for x in some) * _halved(0, d, m)
    return base, _lost(c, n, d, m) * drawn(d, m - m // 2, k)


def _halved(x: int, c: int, n: int) -> float:
    """Probability that n // 2 of n samples, c of them correct, hold x correct ones."""
    half = n // 2
    return comb(c, x) * comb(n - c, half - x) / comb(n, half)
