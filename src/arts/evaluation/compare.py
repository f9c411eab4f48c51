"""The whole comparison: every way of deciding, on the same samples of the same problems, as one plain result.

``docs/report.md`` describes the result field by field.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from arts.evaluation.candidates import Candidates, Selector
from arts.evaluation.cassette import Settings
from arts.evaluation.comparisons import comparisons, power
from arts.evaluation.intervals import gap_closed, mean, paired_difference, plain
from arts.evaluation.methods import MAJORITY, ORACLE, RANDOM, Method, methods
from arts.evaluation.solve_rates import solve_rates
from arts.evaluation.subsets import subset_panel
from arts.problems.base import question_key
from arts.selection import expected as metrics

SCHEMA_VERSION = 2


def compare(
    candidates: Candidates,
    selectors: Sequence[Selector],
    settings: Settings,
    policy: Mapping[str, Sequence[bool]] | None = None,
) -> dict[str, Any]:
    """Everything a report shows of decisions, JSON-able; estimates are objects ``{value, low, high, n, method}``.

    ``policy``: verdicts on samples of another policy by problem id, whose unsolved problems make a subset.

    Raises:
        UsageError: ``settings.against`` is no method, or an expression of ``settings.where`` cannot be read.
    """
    ks, seed = settings.ks, settings.seed
    table = methods(candidates, selectors, ks, seed)
    top = max(ks)
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
        "vote_subsets": {
            str(k): dict(zip(("count", "all"), metrics.subsets_at(candidates.n, k), strict=True)) for k in ks
        },
        "methods": {m.name: _summary(m, table, settings, _tokens(candidates)) for m in table},
        "comparisons": comparisons(table, settings),
        "power": power(table, settings),
        "solve_rates": solve_rates(candidates.correct, seed),
        "subsets": subset_panel(candidates, selectors, table, top, policy=policy, where=settings.where, seed=seed),
        "cost": _cost(candidates),
        "problem_table": _problem_table(candidates, table),
    }


def _summary(m: Method, table: Sequence[Method], settings: Settings, tokens: float) -> dict[str, Any]:
    """One row of the main table."""
    top, seed = max(settings.ks), settings.seed
    by_name = {m.name: m for m in table}
    single, best = by_name[RANDOM].per_problem[top], by_name[ORACLE].per_problem[top]
    drawn = {k: 1 if m.rule == "one sample" else k for k in settings.ks}
    return {
        "rule": m.rule,
        "seeds": m.seeds,
        "accuracy": {str(k): plain(mean(m.per_problem[k], seed)) for k in settings.ks},
        "tokens": {str(k): tokens * count for k, count in drawn.items()},
        "minus_majority": plain(paired_difference(m.per_problem[top], by_name[MAJORITY].per_problem[top], seed)),
        "minus_random": plain(paired_difference(m.per_problem[top], single, seed)),
        "gap_closed": plain(gap_closed(m.per_problem[top], single, best, seed)),
    }


def _ladder(n: int) -> list[int]:
    return [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256) if k <= n]


def _tokens(candidates: Candidates) -> float:
    """Mean generated tokens of a candidate."""
    return float(np.mean([r.tokens for t in candidates.trees for r in t.backbones[: candidates.n]]))


def _cost(candidates: Candidates) -> dict[str, float]:
    count = candidates.leaves.size
    each = _tokens(candidates)
    return {"candidates": count, "generated_tokens": round(each * count), "tokens_per_candidate": each}


def _problem_table(candidates: Candidates, table: Sequence[Method]) -> dict[str, Any]:
    """What two runs need to be compared problem by problem."""
    return {
        "ids": [p.id for p in candidates.problems],
        "questions": [_digest([question_key(p.question)]) for p in candidates.problems],
        "samples": [_digest(texts) for texts in _solutions(candidates)],
        "solved": candidates.correct.sum(axis=1).tolist(),
        "accuracy": {m.name: {str(k): m.mean(k).round(6).tolist() for k in m.per_problem} for m in table},
    }


def _solutions(candidates: Candidates) -> Iterator[list[str]]:
    """Texts of each problem's samples."""
    for tree, leaves in zip(candidates.trees, candidates.leaves, strict=True):
        yield [tree.solution(int(leaf)) for leaf in leaves]


def _digest(texts: Sequence[str]) -> str:
    """Of texts, whatever their order."""
    hashed = hashlib.blake2b(digest_size=8)
    for text in sorted(texts):
        encoded = text.encode("utf-8", "surrogatepass")
        hashed.update(len(encoded).to_bytes(8, "big") + encoded)
    return hashed.hexdigest()
