"""The headline: deciding between samples of the frozen model, against RL, and RL with the same verifiers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from _study import Arrays, Floats
from msgspec import structs
from squeeze.methods import METHODS, ORACLE, RANDOM, Method

from arts.estimate import Estimate
from arts.evaluation.intervals import gap_closed, mean, paired_difference

TOP = 16
MARGIN = 0.03
"""Accuracies whose difference lies within this, interval included, are called equivalent."""


def decisions(base: Arrays, runs: list[Arrays], base_scores: list[Arrays], rl_scores: list[Arrays]) -> dict[str, Any]:
    """Accuracy by number of samples on both models, tokens per sample, and the comparisons at equal generated tokens.

    Seed s of RL goes with the verifiers of seed s; per problem the seeds' mean, intervals over problems.
    """
    ks = [k for k in (1, 4, 16, 64) if k <= base["correct"].shape[1] // 2]
    tokens = float(base["tokens"].mean()), float(np.mean([r["tokens"].mean() for r in runs]))
    equal = max(1, int(TOP * tokens[0] / tokens[1]))
    by_seed = _accuracies([base] * len(runs), base_scores, ks), _accuracies(runs, rl_scores, sorted({*ks, equal}))
    frozen, reinforced = ({n: {k: v.mean(axis=0) for k, v in of.items()} for n, of in s.items()} for s in by_seed)
    single, best = frozen[RANDOM][TOP], frozen[ORACLE][TOP]
    hardest = base["level"] == base["level"].max()

    def at_top(estimate: Callable[[str, Floats], Any]) -> dict[str, Any]:
        return {name: estimate(name, values[TOP]) for name, values in frozen.items()}

    return {
        "ks": ks,
        "tokens_per_sample": {"base": tokens[0], "rl": tokens[1]},
        "equal_k": equal,
        "margin": MARGIN,
        "base": {name: {str(k): mean(v[k]) for k in ks} for name, v in frozen.items()},
        "rl": {name: {str(k): mean(v[k]) for k in v} for name, v in reinforced.items()},
        "base_by_seed": {name: v[TOP].mean(axis=1).tolist() for name, v in by_seed[0].items()},
        "rl_by_seed": {name: v[equal].mean(axis=1).tolist() for name, v in by_seed[1].items()},
        "gap_closed": at_top(lambda _, v: gap_closed(v, single, best)),
        "hardest": at_top(lambda _, v: mean(v[hardest])),
        "minus_rl_single": at_top(lambda _, v: _verdict(paired_difference(v, reinforced[RANDOM][TOP]))),
        "minus_rl_same": at_top(lambda name, v: _verdict(paired_difference(v, reinforced[name][equal]))),
    }


def _verdict(difference: Estimate) -> dict[str, Any]:
    """The difference and what may be said of it."""
    if difference.low > -MARGIN and difference.high < MARGIN:
        verdict = "equivalent"
    elif not difference.excludes_zero:
        verdict = "open"
    else:
        verdict = "better" if difference.value > 0 else "worse"
    return {**structs.asdict(difference), "verdict": verdict}


def _accuracies(runs: list[Arrays], scores: list[Arrays], ks: list[int]) -> dict[str, dict[int, Floats]]:
    """By method and k the accuracy of each problem with each seed, (seeds, P)."""

    def each(method: Method, k: int) -> Floats:
        if not method.verified and all(run is runs[0] for run in runs):
            return np.broadcast_to(method.decide(runs[0], scores[0], k), (len(runs), len(runs[0]["correct"])))
        return np.stack([method.decide(run, seen, k) for run, seen in zip(runs, scores, strict=True)])

    return {m.name: {k: each(m, k) for k in ks} for m in METHODS}
