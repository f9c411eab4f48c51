"""The whole comparison: every way of deciding, on the same samples of the same problems."""

import hashlib
from collections.abc import Sequence

import numpy as np

from arts.evaluation.candidates import Candidates, NodeScores, candidate_scores, collect
from arts.evaluation.cassette import Cassette, Settings
from arts.evaluation.comparisons import comparisons, power
from arts.evaluation.confidence import confidence
from arts.evaluation.drill_down import drill_down
from arts.evaluation.intervals import gap_closed, mean, paired_difference
from arts.evaluation.methods import MAJORITY, ORACLE, RANDOM, Method, methods
from arts.evaluation.parts import Cost, MethodResult, ProblemTable, VoteSubsets
from arts.evaluation.reach import g_pass_at_k, pass_at_k, ungraded_share
from arts.evaluation.results import SCHEMA_VERSION, Evaluation
from arts.evaluation.solve_rates import solve_rates
from arts.evaluation.steps import calibration
from arts.evaluation.subsets import subset_panel
from arts.problems.base import question_key
from arts.selection import expected as metrics

STABLE = (0.5, 1.0)
"""Shares of k samples that must be correct, for G-Pass@k."""


def compare(cassette: Cassette) -> Evaluation:
    """Everything that a report shows: a pure function of the cassette.

    Raises:
        UsageError: ``settings.against`` is no method, or an expression of ``settings.where`` cannot be read.
    """
    settings, reference = cassette.settings, cassette.reference
    ks, seed, top = settings.ks, settings.seed, max(settings.ks)
    candidates = collect(cassette.problems, cassette.trees, top, cassette.classes)
    hows = list(dict.fromkeys(settings.aggregations))
    scored = [s for scorer in cassette.scorers for s in candidate_scores(candidates, scorer, hows)]
    table = methods(candidates, scored, ks, seed)
    return Evaluation(
        schema=SCHEMA_VERSION,
        problems=len(candidates.problems),
        samples_per_problem=candidates.n,
        left_out_problems=candidates.left_out,
        unused_samples=candidates.unused,
        ungraded_share=ungraded_share(cassette.trees),
        last_numbers=candidates.last_numbers,
        ks=list(ks),
        top_k=top,
        pass_at_k=dict(pass_at_k(cassette.trees, ks, seed)),
        g_pass_at_k={f"{t:g}": dict(g_pass_at_k(cassette.trees, ks, t, seed)) for t in STABLE},
        vote_subsets={k: _vote_subsets(candidates.n, k) for k in ks},
        table={m.name: _summary(m, table, settings, _tokens(candidates)) for m in table},
        comparisons=comparisons(table, settings),
        power=power(table, settings),
        solve_rates=solve_rates(candidates.correct, seed),
        subsets=subset_panel(candidates, scored, table, top, policy=cassette.policy, where=settings.where, seed=seed),
        cost=_cost(candidates),
        problem_table=_problem_table(candidates, table),
        unscored={s.label: n for s in cassette.scorers if (n := _unscored(s, candidates))},
        confidence=confidence(candidates, cassette.scorers, seed),
        calibration=None if reference is None else calibration(cassette.scorers, cassette.trees, reference, seed),
        audit=cassette.audit,
        drill_down=drill_down(candidates, scored, settings.drill_down),
        about=cassette.about,
    )


def _summary(m: Method, table: Sequence[Method], settings: Settings, tokens: float) -> MethodResult:
    """One row of the main table."""
    top, seed = max(settings.ks), settings.seed
    by_name = {m.name: m.per_problem[top] for m in table}
    own, single = m.per_problem[top], by_name[RANDOM]
    drawn = {k: 1 if m.selector == "random" else k for k in settings.ks}
    return MethodResult(
        selector=m.selector,
        scorer=m.scorer,
        aggregation=m.aggregation,
        seeds=m.seeds,
        accuracy={k: mean(m.per_problem[k], seed) for k in settings.ks},
        tokens={k: tokens * count for k, count in drawn.items()},
        minus_majority=paired_difference(own, by_name[MAJORITY], seed),
        minus_random=paired_difference(own, single, seed),
        gap_closed=gap_closed(own, single, by_name[ORACLE], seed),
    )


def _vote_subsets(n: int, k: int) -> VoteSubsets:
    count, every = metrics.subsets_at(n, k)
    return VoteSubsets(count=count, all=every)


def _unscored(scorer: NodeScores, candidates: Candidates) -> int:
    """How many of the candidates have no score."""
    return sum(int(np.isnan(scorer.columns[tree][leaves]).sum()) for tree, leaves in candidates.paths)


def _tokens(candidates: Candidates) -> float:
    """Mean generated tokens of a candidate."""
    return float(np.mean([r.tokens for t in candidates.trees for r in t.backbones[: candidates.n]]))


def _cost(candidates: Candidates) -> Cost:
    count = candidates.leaves.size
    each = _tokens(candidates)
    return Cost(candidates=count, generated_tokens=round(each * count), tokens_per_candidate=each)


def _problem_table(candidates: Candidates, table: Sequence[Method]) -> ProblemTable:
    return ProblemTable(
        ids=[p.id for p in candidates.problems],
        questions=[_digest([question_key(p.question)]) for p in candidates.problems],
        samples=[_digest([tree.solution(leaf) for leaf in leaves.tolist()]) for tree, leaves in candidates.paths],
        solved=candidates.correct.sum(axis=1).tolist(),
        accuracy={m.name: {k: m.mean(k).round(6).tolist() for k in m.per_problem} for m in table},
    )


def _digest(texts: Sequence[str]) -> str:
    """Of texts, whatever their order."""
    hashed = hashlib.blake2b(digest_size=8)
    for text in sorted(texts):
        encoded = text.encode("utf-8", "surrogatepass")
        hashed.update(len(encoded).to_bytes(8, "big") + encoded)
    return hashed.hexdigest()
