"""An audit of the grading: what could not be graded, where graders disagree, keys that fail themselves, speed."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from arts.arrays import Bools, Ints
from arts.estimate import Estimate
from arts.evaluation import optional_parts as parts
from arts.evaluation.intervals import mean
from arts.problems.base import Grade, Grader, Problem, Verdict
from arts.problems.check import ANOTHER, failing_keys
from arts.problems.graders import make_grader
from arts.trees.tree import Outcome, Tree

LOGGED = "logged"
"""The judge whose verdicts came with the samples."""
EXAMPLES = 8
"""Cases of each kind that are shown."""
SHOWN = 200
"""Characters of an answer or a key that are shown."""
_WARM_UP = [(f"x + {i}", f"y + {i}") for i in range(8)]
"""Pairs that no spelling settles, so that a grader starts its processes."""
_NOTHING = Outcome(answer=None, verdict=Verdict.UNGRADED, reason="not graded")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """All samples with what is known of their answers; ``owner`` (S,) says of which of the problems each is."""

    problems: Sequence[Problem]
    owner: Ints
    outcomes: Sequence[Outcome]

    @property
    def pairs(self) -> list[tuple[str, str | None]]:
        """Key and answer of each sample."""
        return [(self.problems[p].answer, o.answer) for p, o in zip(self.owner, self.outcomes, strict=True)]

    def share(self, part: Bools, seed: int, whole: Bools | None = None) -> Estimate:
        """Mean over problems of the share of ``part`` in ``whole`` or in all, both marks of the samples."""
        whole = np.ones_like(part) if whole is None else whole
        marks = (part & whole, whole)
        parts, wholes = (np.bincount(self.owner, weights=x, minlength=len(self.problems)) for x in marks)
        return mean(parts[wholes > 0] / wholes[wholes > 0], seed)


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
    judges: dict[str, Sequence[Verdict | None]] = {LOGGED: [o.verdict for o in answers.outcomes]}
    if logged is not None:
        judges[LOGGED] = [verdict for p, _ in keyed for verdict in logged[p.id]]
    grades, golds, throughput = {}, {}, {}
    for name in graders:
        grades[name], golds[name], throughput[name] = _grade(name, answers)
        judges[name] = [g.verdict for g in grades[name]]
    judges = {name: verdicts for name, verdicts in judges.items() if any(verdicts)}
    without_answer = np.array([o.answer is None for o in answers.outcomes], dtype=bool)
    ungraded = np.array([o.verdict is Verdict.UNGRADED for o in answers.outcomes], dtype=bool)
    return parts.Audit(
        problems=len(keyed),
        samples=len(answers.outcomes),
        without_key=len(problems) - len(keyed),
        without_answer=parts.CountedShare(count=int(without_answer.sum()), share=answers.share(without_answer, seed)),
        ungraded=parts.Ungraded(
            count=int(ungraded.sum()),
            share=answers.share(ungraded, seed),
            reasons=_reasons(answers.outcomes),
        ),
        judges={name: _tally(verdicts, grades.get(name)) for name, verdicts in judges.items()},
        disagreements=[_disagreement(answers, judges, pair, seed) for pair in combinations(judges, 2)],
        golds=golds,
        failed_rollouts=_failed(trees),
        longest_answers=_longest(answers),
        throughput=throughput,
    )


def _collect(keyed: Sequence[tuple[Problem, Tree]]) -> _Answers:
    found = [(i, t.outcomes.get(r.leaf, _NOTHING)) for i, (_, t) in enumerate(keyed) for r in t.backbones]
    owner = np.array([i for i, _ in found], dtype=np.int64)
    return _Answers(problems=[p for p, _ in keyed], owner=owner, outcomes=[o for _, o in found])


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
    others = grader.grade([(p.answer, ANOTHER) for p in problems])
    unread = [(p, g) for p, g in zip(problems, others, strict=True) if g.verdict is Verdict.UNGRADED]
    return parts.OddKeys(failing=_keys((f.problem, f.grade) for f in failing), only_by_spelling=_keys(unread))


def _keys(of: Iterable[tuple[Problem, Grade]]) -> list[parts.OddKey]:
    return [parts.OddKey(id=p.id, key=p.answer[:SHOWN], verdict=g.verdict, reason=g.reason) for p, g in of]


def _tally(verdicts: Sequence[Verdict | None], grades: Sequence[Grade] | None) -> parts.Tally:
    """How often a judge gave each verdict, and why none."""
    counts = Counter(verdicts)
    return parts.Tally(
        correct=counts[Verdict.CORRECT],
        incorrect=counts[Verdict.INCORRECT],
        ungraded=counts[Verdict.UNGRADED],
        no_verdict=counts[None],
        reasons=None if grades is None else _reasons(grades),
    )


def _reasons(judged: Sequence[Grade] | Sequence[Outcome]) -> list[parts.Reason]:
    """Why samples are ungraded, the most frequent reasons first."""
    return _frequent(Counter(x.reason for x in judged if x.verdict is Verdict.UNGRADED))


def _frequent(counts: Counter[str], most: int | None = None) -> list[parts.Reason]:
    """The most frequent reasons, of each the first ``most`` characters."""
    return [parts.Reason(reason=reason[:most], count=count) for reason, count in counts.most_common(EXAMPLES)]


def _disagreement(
    answers: _Answers, judges: Mapping[str, Sequence[Verdict | None]], pair: tuple[str, str], seed: int
) -> parts.Disagreement:
    said = list(zip(*(judges[name] for name in pair), strict=True))
    both = np.array([None not in verdicts for verdicts in said], dtype=bool)
    differ = both & np.array([a is not b for a, b in said], dtype=bool)
    counts = Counter(said)
    where = np.flatnonzero(differ).tolist()
    cases = Counter((int(answers.owner[i]), answers.outcomes[i].answer, said[i]) for i in where)
    return parts.Disagreement(
        judges=pair,
        samples=int(both.sum()),
        count=int(differ.sum()),
        problems=len({owner for owner, *_ in cases}),
        share=answers.share(differ, seed, both),
        kappa=kappa(np.array([[counts[a, b] for b in Verdict] for a in Verdict])),
        table={a: {b: counts[a, b] for b in Verdict} for a in Verdict},
        examples=[
            parts.Example(
                id=answers.problems[owner].id,
                key=answers.problems[owner].answer[:SHOWN],
                answer=None if answer is None else answer[:SHOWN],
                verdicts={name: v for name, v in zip(pair, verdicts, strict=True) if v is not None},
                samples=count,
            )
            for (owner, answer, verdicts), count in cases.most_common(EXAMPLES)
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
    different = {(int(p), o.answer) for p, o in zip(answers.owner, answers.outcomes, strict=True) if o.answer}
    longest = sorted(different, key=lambda case: (-len(case[1]), case))[:EXAMPLES]
    return [parts.LongAnswer(id=answers.problems[p].id, answer=a[:SHOWN], characters=len(a)) for p, a in longest]
