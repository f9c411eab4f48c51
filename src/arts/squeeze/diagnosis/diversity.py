"""How many different things k samples say: expected over all k-subsets, so that sides of different sizes compare."""

from collections.abc import Callable
from functools import partial
from math import comb, log

import numpy as np

from arts.arrays import Bools, Floats, Ints
from arts.evaluation.intervals import mean, paired_difference
from arts.selection.expected import vote_at_k
from arts.squeeze.diagnosis.pairs import NO_ANSWER, Pair, Side, drawn, per_kind, reached
from arts.squeeze.diagnosis.parts import Contrast, Diversity


def diversity(pair: Pair, seed: int) -> Diversity:
    """Means over problems of both models and paired differences, over the problems that have the largest k.

    Distinct answers are by k, all else is of the largest k. ``entropy`` is that of the shares of answers in k samples
    (nats; no answer counts as one). ``majority_share`` and ``majority_correct`` are of the first k samples.
    """
    ks, kept = reached(np.minimum(pair.base.n, pair.rl.n))
    top = ks[-1]

    def both(measure: Callable[[Side], Floats]) -> Contrast:
        base, rl = (measure(s)[kept] for s in (pair.base, pair.rl))
        return Contrast(base=mean(base, seed), rl=mean(rl, seed), difference=paired_difference(rl, base, seed))

    several = pair.base.steps and pair.rl.steps
    return Diversity(
        ks=ks,
        top_k=top,
        problems=int(kept.sum()),
        answers={k: both(partial(_answers, k=k)) for k in ks},
        entropy=both(partial(_entropy, k=top)),
        majority_share=both(partial(_majority, k=top, correct=False)),
        majority_correct=both(partial(_majority, k=top, correct=True)),
        texts=both(lambda s: distinct(s, s.text, _all(s), top)),
        correct_texts=both(lambda s: distinct(s, s.text, s.correct, top)),
        first_steps=both(lambda s: distinct(s, s.first, _all(s), top)) if several else None,
    )


def _all(side: Side) -> Bools:
    return np.ones(len(side.owner), dtype=np.bool_)


def distinct(side: Side, classes: Ints, among: Bools, k: int) -> Floats:
    """Expected number of different classes in k of each problem's samples, (P,), those not ``among`` left uncounted.

    Σ over classes of 1 − C(n − n_j, k)/C(n, k): rarefaction (Hurlbert 1971, doi 10.2307/1934145). NaN where n < k.
    """
    return _over_classes(side, classes, among, k, lambda n, size: drawn(size, n, k))


def _answers(side: Side, k: int) -> Floats:
    return distinct(side, side.answer, side.answer != NO_ANSWER, k)


def _entropy(side: Side, k: int) -> Floats:
    """Expected entropy of the shares of answers in k of each problem's samples, (P,), in nats."""

    def term(n: int, size: int) -> float:
        counts = range(max(1, size - n + k), min(size, k) + 1)
        return sum(-x / k * log(x / k) * comb(size, x) * comb(n - size, k - x) / comb(n, k) for x in counts)

    return _over_classes(side, side.answer, _all(side), k, term)


def _over_classes(side: Side, classes: Ints, among: Bools, k: int, term: Callable[[int, int], float]) -> Floats:
    """Sum over the classes of each problem of a term of its samples and the class's, (P,)."""
    n = side.n
    pairs, size = np.unique(np.stack([side.owner[among], classes[among]], axis=1), axis=0, return_counts=True)
    of = pairs[:, 0]
    enough = n[of] >= k
    sums = np.zeros(len(n))
    if enough.any():
        np.add.at(sums, of[enough], per_kind(term, n[of[enough]], size[enough]))
    return np.where(n >= k, sums, np.nan)


def _majority(side: Side, k: int, correct: bool) -> Floats:
    """Share of the most frequent answer in the first k samples, or whether it is correct, (P,); NaN where n < k."""
    n = side.n
    starts = np.cumsum(n) - n
    of = n >= k
    first = starts[of, None] + np.arange(k)
    answer, right = side.answer[first], side.correct[first]
    out = np.full(len(n), np.nan)
    if correct:
        classes = np.where(answer == NO_ANSWER, -1, answer - answer.min() + 1)
        out[of] = vote_at_k(right, classes, np.ones(classes.shape), k)
    else:
        same = (answer[:, :, None] == answer[:, None, :]) & (answer != NO_ANSWER)[:, :, None]
        out[of] = same.sum(axis=2).max(axis=1) / k
    return out
