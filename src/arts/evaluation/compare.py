"""The whole comparison: every way of deciding, on the same samples of the same problems, as one plain result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arts.evaluation import metrics
from arts.evaluation.candidates import Candidates, Selector, groups, leading
from arts.evaluation.statistics import Estimate, gap_closed, mean, paired_difference, plain, ratio
from arts.search.decide import voting_weights

SCHEMA_VERSION = 1
RARE_SHARE = 2 / 16
"""A problem is rare when some, but at most this share, of its samples is correct (arXiv 2602.12846)."""
SPLITS = 20
"""Random halvings of the samples over which the rare subset is averaged."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way of deciding; ``per_problem[k]`` is its expected accuracy with k samples, shape (P,)."""

    name: str
    per_problem: Mapping[int, Floats]


def methods(candidates: Candidates, selectors: Sequence[Selector], ks: Sequence[int], seed: int) -> list[Method]:
    """Random choice, majority, every selector as best-of-N and as vote, and the oracle, in this order.

    The vote of a verifier uses the first of its selectors. Random choice is pass@1 at every k.
    """
    correct, classes = candidates.correct, candidates.classes
    ones = np.ones(correct.shape)
    single = metrics.pass_at_k(correct, 1)
    found = [
        Method(name="random", per_problem={k: single if k <= candidates.n else single * np.nan for k in ks}),
        Method(name="majority", per_problem={k: metrics.vote_at_k(correct, classes, ones, k, seed) for k in ks}),
    ]
    for s in selectors:
        best = {k: metrics.best_of_k(correct, s.scores, k) for k in ks}
        found.append(Method(name=_name(s, "best-of-N"), per_problem=best))
    for s in leading(selectors):
        if s.unit != "rank":
            weights = voting_weights(s.scores, s.unit)
            votes = {k: metrics.vote_at_k(correct, classes, weights, k, seed) for k in ks}
            found.append(Method(name=_name(s, "vote"), per_problem=votes))
    found.append(Method(name="oracle (pass@N)", per_problem={k: metrics.pass_at_k(correct, k) for k in ks}))
    return found


def _name(s: Selector, rule: str) -> str:
    return f"{s.verifier} {rule}" if s.aggregation == "last" else f"{s.verifier} {rule}, {s.aggregation}"


def compare(candidates: Candidates, selectors: Sequence[Selector], ks: Sequence[int], seed: int = 0) -> dict[str, Any]:
    """Everything a report shows, JSON-able; estimates are objects ``{value, low, high, n, method}``."""
    table = methods(candidates, selectors, ks, seed)
    by_name = {m.name: m for m in table}
    top = max(k for k in ks if k <= candidates.n)
    single, best = by_name["random"].per_problem[top], by_name["oracle (pass@N)"].per_problem[top]
    return {
        "schema": SCHEMA_VERSION,
        "problems": len(candidates.problems),
        "samples_per_problem": candidates.n,
        "left_out_problems": candidates.left_out,
        "ungraded_share": float(candidates.ungraded.mean()),
        "ks": list(ks),
        "top_k": top,
        "pass_at_k": {
            str(k): plain(mean(metrics.pass_at_k(candidates.correct, k), seed)) for k in _ladder(candidates.n)
        },
        "methods": {
            m.name: {
                "accuracy": {str(k): plain(mean(m.per_problem[k], seed)) for k in ks},
                "minus_majority": plain(_difference(m, by_name["majority"], top, seed)),
                "minus_random": plain(_difference(m, by_name["random"], top, seed)),
                "gap_closed": plain(gap_closed(m.per_problem[top], single, best, seed)),
            }
            for m in table
        },
        "groups": {
            label: {m.name: plain(mean(m.per_problem[top][mask], seed)) for m in table}
            for label, mask in groups(candidates.problems).items()
        },
        "rare": rare_subset(candidates, selectors, seed),
        "cost": _cost(candidates),
    }


def rare_subset(candidates: Candidates, selectors: Sequence[Selector], seed: int) -> dict[str, Any]:
    """Accuracy on rare problems, labelled on one half of the samples and evaluated on the other.

    Labels made with the same samples that are evaluated would be biased, so each of ``SPLITS`` random halvings is used
    in both directions, and the mean is over all the times that a problem is labelled rare: one that is found rare by
    chance only counts little. The interval is over problems.
    """
    half = candidates.n // 2
    if half < 2:
        return {"half": half, "problems": 0, "methods": {}}
    rng = np.random.default_rng(seed)
    sums: dict[str, Floats] = {}
    times = np.zeros(len(candidates.problems))
    for _ in range(SPLITS):
        order = rng.permutation(candidates.n)
        for label, rest in ((order[:half], order[half : 2 * half]), (order[half : 2 * half], order[:half])):
            share = candidates.correct[:, label].mean(axis=1)
            rare = (share > 0) & (share <= max(RARE_SHARE, 1 / half))
            times += rare
            for m in methods(_part(candidates, rest), [_part_scores(s, rest) for s in selectors], [len(rest)], seed):
                total = sums.setdefault(m.name, np.zeros(len(rare)))
                total += np.where(rare, m.per_problem[len(rest)], 0.0)
    found = times > 0
    return {
        "half": half,
        "problems": int(found.sum()),
        "methods": {name: plain(ratio(total[found], times[found], seed)) for name, total in sums.items()},
    }


def _part(c: Candidates, columns: NDArray[np.int64]) -> Candidates:
    return Candidates(
        problems=c.problems,
        trees=c.trees,
        leaves=c.leaves[:, columns],
        correct=c.correct[:, columns],
        ungraded=c.ungraded[:, columns],
        classes=c.classes[:, columns],
        left_out=c.left_out,
    )


def _part_scores(s: Selector, columns: NDArray[np.int64]) -> Selector:
    return Selector(verifier=s.verifier, aggregation=s.aggregation, unit=s.unit, scores=s.scores[:, columns])


def _difference(a: Method, b: Method, k: int, seed: int) -> Estimate:
    return paired_difference(a.per_problem[k], b.per_problem[k], seed)


def _ladder(n: int) -> list[int]:
    return [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256) if k <= n]


def _cost(candidates: Candidates) -> dict[str, float]:
    tokens = [r.tokens for t in candidates.trees for r in t.backbones[: candidates.n]]
    return {"candidates": len(tokens), "generated_tokens": sum(tokens), "tokens_per_candidate": float(np.mean(tokens))}
