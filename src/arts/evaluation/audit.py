"""An audit of the grading: what could not be graded, where graders disagree, keys that fail themselves, speed."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from arts.arrays import Bools, Ints
from arts.estimate import Estimate
from arts.evaluation import optional_parts as parts
from arts.evaluation.intervals import mean
from arts.problems.base import Grade, Grader, Problem, Verdict
from arts.problems.check import failing_keys
from arts.problems.graders import make_grader
from arts.trees.tree import Tree

LOGGED = "logged"
"""The judge whose verdicts came with the samples."""
EXAMPLES = 8
"""Cases of each kind that are shown."""
SHOWN = 200
"""Characters of an answer or a key that are shown."""
_WARM_UP = [(f"x + {i}", f"y + {i}") for i in range(8)]
"""Pairs that no spelling settles, so that a grader starts its processes."""
_ANOTHER = "0.31830988"
"""An answer that no key has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """All samples with their answers; ``owner`` (S,) says whose, and ``reason`` why the outcome has no verdict."""

    problems: Sequence[Problem]
    owner: Ints
    answer: Sequence[str | None]
    verdict: Sequence[Verdict]
    reason: Sequence[str]

    @property
    def pairs(self) -> list[tuple[str, str | None]]:
        """Key and answer of each sample."""
        return [(self.problems[p].answer, a) for p, a in zip(self.owner, self.answer, strict=True)]


def audit(
    problems: Sequence[Problem],
    trees: Sequence[Tree],
    *,
    graders: Sequence[str] = ("exact", "math"),
    logged: Mapping[str, Sequence[Verdict | None]] | None = None,
    seed: int = 0,
) -> parts.Audit:
    """What the graders say of the whole solutions in ``trees``; problems without a key are left out.

    ``logged`` has by the id of the problem the verdict that came with each backbone, None where there was none; it is
    one judge beside the ``graders``, which grade the answers again. None: the outcomes of the trees are that judge.
    Of every two judges the samples are counted on which their verdicts differ, with Cohen's kappa (1960, doi
    10.1177/001316446002000104) and examples. Shares are means over problems, with their intervals. ``golds`` names keys
    that are not correct when a solution states them, and keys that are right only in their own spelling, as a grader
    cannot read them. ``throughput`` holds measured times and differs from run to run.
    """
    keyed = [(p, t) for p, t in zip(problems, trees, strict=True) if p.answer]
    answers = _collect(keyed)
    judges: dict[str, list[Verdict | None]] = {LOGGED: _logged(keyed, answers, logged)}
    reasons: dict[str, list[str]] = {}
    golds, throughput = {}, {}
    for name in graders:
        grades, golds[name], throughput[name] = _grade(name, answers)
        judges[name] = [g.verdict for g in grades]
        reasons[name] = [g.reason for g in grades]
    judges = {name: verdicts for name, verdicts in judges.items() if any(verdicts)}
    without_answer = [a is None for a in answers.answer]
    ungraded = [v is Verdict.UNGRADED for v in answers.verdict]
    return parts.Audit(
        problems=len(keyed),
        samples=len(answers.answer),
        without_key=len(problems) - len(keyed),
        without_answer=parts.CountedShare(count=sum(without_answer), share=_share(answers, without_answer, seed)),
        ungraded=parts.Ungraded(
            count=sum(ungraded),
            share=_share(answers, ungraded, seed),
            reasons=_reasons(answers.reason, answers.verdict),
        ),
        judges={name: _tally(verdicts, reasons.get(name)) for name, verdicts in judges.items()},
        disagreements=[_disagreement(answers, judges, pair, seed) for pair in combinations(judges, 2)],
        golds=golds,
        failed_rollouts=_failed(trees),
        longest_answers=_longest(answers),
        throughput=throughput,
    )


def _collect(keyed: Sequence[tuple[Problem, Tree]]) -> _Answers:
    found = [(i, t.outcomes.get(r.leaf)) for i, (_, t) in enumerate(keyed) for r in t.backbones]
    return _Answers(
        problems=[p for p, _ in keyed],
        owner=np.array([i for i, _ in found], dtype=np.int64),
        answer=[o.answer if o else None for _, o in found],
        verdict=[o.verdict if o else Verdict.UNGRADED for _, o in found],
        reason=[o.reason if o else "not graded" for _, o in found],
    )


def _logged(
    keyed: Sequence[tuple[Problem, Tree]], answers: _Answers, logged: Mapping[str, Sequence[Verdict | None]] | None
) -> list[Verdict | None]:
    if logged is None:
        return list(answers.verdict)
    return [verdict for p, _ in keyed for verdict in logged[p.id]]


def _grade(name: str, answers: _Answers) -> tuple[list[Grade], parts.OddKeys, parts.Speed]:
    """Grades of the samples, what is wrong with keys, and times of a first pass and of one that finds all known."""
    pairs = answers.pairs
    different = list(dict.fromkeys(pairs))
    grader = make_grader(name)
    try:
        start = _timed(grader, _WARM_UP)[1]
        first = _timed(grader, different)[1]
        grades, again = _timed(grader, pairs)
        golds = _golds(grader, answers.problems)
    finally:
        grader.close()
    times = parts.Speed(
        start_seconds=start,
        pairs=len(different),
        pairs_per_second=_rate(len(different), first),
        samples=len(pairs),
        again_per_second=_rate(len(pairs), again),
    )
    return grades, golds, times


def _timed(grader: Grader, pairs: Sequence[tuple[str, str | None]]) -> tuple[list[Grade], float]:
    started = time.perf_counter()
    return grader.grade(pairs), time.perf_counter() - started


def _rate(count: int, seconds: float) -> float | None:
    return count / seconds if count and seconds > 0 else None


def _golds(grader: Grader, problems: Sequence[Problem]) -> parts.OddKeys:
    """Keys that are not correct when a solution states them, and keys against which another answer has no verdict."""
    failing = failing_keys(problems, grader)
    others = grader.grade([(p.answer, _ANOTHER) for p in problems])
    return parts.OddKeys(
        failing=_keys([f.problem for f in failing], [f.grade for f in failing], [True] * len(failing)),
        only_by_spelling=_keys(problems, others, [g.verdict is Verdict.UNGRADED for g in others]),
    )


def _keys(problems: Sequence[Problem], grades: Sequence[Grade], marked: Sequence[bool]) -> list[parts.OddKey]:
    return [
        parts.OddKey(id=p.id, key=p.answer[:SHOWN], verdict=g.verdict, reason=g.reason)
        for p, g, mark in zip(problems, grades, marked, strict=True)
        if mark
    ]


def _share(answers: _Answers, marked: Sequence[bool], seed: int) -> Estimate:
    """Mean over problems of the share of the marked samples."""
    return _mean(answers, np.array(marked, dtype=bool), np.ones(len(marked), dtype=bool), seed)


def _mean(answers: _Answers, part: Bools, whole: Bools, seed: int) -> Estimate:
    """Mean over problems of the share of ``part`` in ``whole``, both marks of the samples."""
    parts, wholes = (
        np.bincount(answers.owner, weights=x, minlength=len(answers.problems)) for x in (part & whole, whole)
    )
    return mean(parts[wholes > 0] / wholes[wholes > 0], seed)


def _tally(verdicts: Sequence[Verdict | None], reasons: Sequence[str] | None) -> parts.Tally:
    """How often a judge gave each verdict, and why none."""
    counts = Counter(verdicts)
    return parts.Tally(
        correct=counts[Verdict.CORRECT],
        incorrect=counts[Verdict.INCORRECT],
        ungraded=counts[Verdict.UNGRADED],
        no_verdict=counts[None],
        reasons=None if reasons is None else _reasons(reasons, verdicts),
    )


def _reasons(reasons: Sequence[str], verdicts: Sequence[Verdict | None]) -> list[parts.Reason]:
    """Why samples are ungraded, the most frequent reasons first."""
    return _frequent(Counter(r for r, v in zip(reasons, verdicts, strict=True) if v is Verdict.UNGRADED))


def _frequent(counts: Counter[str], most: int | None = None) -> list[parts.Reason]:
    """The most frequent reasons, of each the first ``most`` characters."""
    return [parts.Reason(reason=reason[:most], count=count) for reason, count in counts.most_common(EXAMPLES)]


def _disagreement(
    answers: _Answers, judges: Mapping[str, Sequence[Verdict | None]], pair: tuple[str, str], seed: int
) -> parts.Disagreement:
    first, second = (judges[name] for name in pair)
    both = np.array([a is not None and b is not None for a, b in zip(first, second, strict=True)], dtype=bool)
    differ = both & np.array([a is not b for a, b in zip(first, second, strict=True)], dtype=bool)
    counts = Counter((a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None)
    table = np.array([[counts[a, b] for b in Verdict] for a in Verdict])
    cases = Counter(
        (int(answers.owner[i]), answers.answer[i], first[i], second[i]) for i in np.flatnonzero(differ).tolist()
    )
    return parts.Disagreement(
        judges=pair,
        samples=int(both.sum()),
        count=int(differ.sum()),
        problems=len({owner for owner, *_ in cases}),
        share=_mean(answers, differ, both, seed),
        kappa=kappa(table),
        table={a: {b: counts[a, b] for b in Verdict} for a in Verdict},
        examples=[
            parts.Example(
                id=answers.problems[owner].id,
                key=answers.problems[owner].answer[:SHOWN],
                answer=None if answer is None else answer[:SHOWN],
                verdicts={name: v for name, v in zip(pair, (a, b), strict=True) if v is not None},
                samples=count,
            )
            for (owner, answer, a, b), count in cases.most_common(EXAMPLES)
        ],
    )


def kappa(table: Ints) -> float | None:
    """Cohen's kappa of a square table of counts, one judge by rows; None where chance alone must agree."""
    total = table.sum()
    if total == 0:
        return None
    agreed, by_chance = np.trace(table) / total, float(table.sum(axis=1) @ table.sum(axis=0)) / total**2
    return None if by_chance == 1 else float((agreed - by_chance) / (1 - by_chance))


def _failed(trees: Sequence[Tree]) -> parts.Failures:
    found = Counter(r.error for t in trees for r in t.rollouts if r.stop == "error")
    return parts.Failures(count=found.total(), reasons=_frequent(found, SHOWN))


def _longest(answers: _Answers) -> list[parts.LongAnswer]:
    """The longest different answers: what a grader meets there is often no answer."""
    lengths = {(int(p), a): len(a) for p, a in zip(answers.owner, answers.answer, strict=True) if a is not None}
    longest = sorted(lengths, key=lambda case: (-lengths[case], case))[:EXAMPLES]
    return [
        parts.LongAnswer(id=answers.problems[p].id, answer=a[:SHOWN], characters=lengths[p, a]) for p, a in longest if a
    ]
