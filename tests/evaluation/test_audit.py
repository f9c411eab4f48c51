"""The audit of the grading, on answers whose faults are known."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from arts.documents.data import as_json
from arts.evaluation import audit as module
from arts.evaluation.audit import LOGGED, audit, kappa
from arts.evaluation.optional_parts import Example, Failures, LongAnswer, OddKey, OddKeys, Reason, Tally
from arts.logs.samples import read_samples
from arts.problems.base import Grade, Problem, Verdict
from arts.problems.graders import ExactGrader, make_grader
from arts.trees.tree import Outcome, Step, Tree

FILES = Path(__file__).parents[2] / "benchmarks" / "recorded"
RIGHT, WRONG, UNGRADED = Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNGRADED


def tree(name, *samples, failed=()):
    """A tree with one node per sample of (answer, verdict, reason)."""
    made = Tree(problem_id=name, question=name)
    for i, (answer, verdict, reason) in enumerate(samples):
        outcome = Outcome(answer=answer, verdict=verdict, reason=reason) if verdict else None
        made.add_rollout([Step(text=str(i))], outcome=outcome)
    for error in failed:
        made.add_rollout(stop="error", error=error)
    return made


class Lenient:
    """Calls every answer of one character correct, and has no verdict where the key is a word."""

    name = "lenient"
    extract = staticmethod(ExactGrader().extract)

    def grade(self, pairs):
        return [self._one(key, answer) for key, answer in pairs]

    @staticmethod
    def _one(key, answer):
        if key.isalpha() and key != answer:
            return Grade(verdict=UNGRADED, reason="a word")
        right = answer is not None and (len(answer) == 1 or answer == key)
        return Grade(verdict=RIGHT if right else WRONG)

    def close(self):
        pass


@pytest.fixture
def graders(monkeypatch):
    """The exact grader and one that is wrong in a known way, without processes."""
    monkeypatch.setattr(module, "make_grader", lambda name: Lenient() if name == "lenient" else make_grader(name))
    return ("exact", "lenient")


PROBLEMS = [
    Problem(id="a", question="a", answer="4"),
    Problem(id="b", question="b", answer="east"),
    Problem(id="c", question="c", answer=""),
    Problem(id="d", question="d", answer="{12"),
]
TREES = [
    tree("a", ("4", RIGHT, ""), ("5", WRONG, ""), ("5", WRONG, ""), (None, WRONG, "no answer"), failed=["down"] * 2),
    tree("b", ("east", RIGHT, ""), ("west", UNGRADED, "slow"), failed=["up"]),
    tree("c", ("1", RIGHT, "")),
    tree("d", ("12345", WRONG, ""), ("3", None, "")),
]


@pytest.fixture
def found(graders):
    return audit(PROBLEMS, TREES, graders=graders)


def pair(found, first, second):
    return next(d for d in found.disagreements if d.judges == (first, second))


def test_it_is_of_the_whole_solutions_of_problems_with_keys(found):
    assert (found.problems, found.samples, found.without_key) == (3, 8, 1)


def test_samples_without_answer_and_without_verdict_are_counted(found):
    assert found.without_answer.count == 2
    assert found.without_answer.share.value == pytest.approx((1 / 4 + 0 + 1 / 2) / 3)
    assert found.ungraded.count == 2
    assert found.ungraded.share.value == pytest.approx((0 + 1 / 2 + 1 / 2) / 3)
    assert found.ungraded.reasons == [Reason(reason="slow", count=1), Reason(reason="not graded", count=1)]


def test_every_judge_is_tallied(found):
    assert found.judges[LOGGED] == Tally(correct=2, incorrect=4, ungraded=2, no_verdict=0)
    assert found.judges["exact"] == Tally(correct=2, incorrect=6, ungraded=0, no_verdict=0, reasons=[])
    reasons = [Reason(reason="a word", count=1)]
    assert found.judges["lenient"] == Tally(correct=4, incorrect=3, ungraded=1, no_verdict=0, reasons=reasons)


def test_disagreements_are_counted_with_examples(found):
    both = pair(found, "exact", "lenient")
    assert (both.samples, both.count, both.problems) == (8, 3, 2)
    assert both.share.value == pytest.approx((2 / 4 + 1 / 2 + 0) / 3)
    assert both.table["incorrect"] == {"correct": 2, "incorrect": 3, "ungraded": 1}
    said = [{"exact": WRONG, "lenient": RIGHT}, {"exact": WRONG, "lenient": UNGRADED}]
    assert both.examples == [
        Example(id="a", key="4", answer="5", verdicts=said[0], samples=2),
        Example(id="b", key="east", answer="west", verdicts=said[1], samples=1),
    ]


def test_a_problem_with_several_odd_answers_is_one_problem(graders):
    odd = tree("a", ("5", WRONG, ""), ("6", WRONG, ""), ("44", WRONG, ""))
    both = pair(audit(PROBLEMS[:1], [odd], graders=graders), "exact", "lenient")
    assert (both.count, both.problems, len(both.examples)) == (2, 1, 2)


def test_what_came_with_the_samples_is_a_judge_of_those_it_has_judged(graders):
    given = {"a": [WRONG, None, None, None], "b": [RIGHT, None], "c": [RIGHT], "d": [None, None]}
    both = pair(audit(PROBLEMS, TREES, graders=graders, logged=given), LOGGED, "exact")
    assert (both.samples, both.count) == (2, 1)
    assert both.share.value == 0.5 and both.share.n == 2
    assert (both.examples[0].id, both.examples[0].verdicts) == ("a", {LOGGED: WRONG, "exact": RIGHT})


def test_a_log_without_verdicts_is_no_judge(graders):
    nothing = {p.id: [None] * len(t.backbones) for p, t in zip(PROBLEMS, TREES, strict=True)}
    found = audit(PROBLEMS, TREES, graders=graders, logged=nothing)
    assert list(found.judges) == list(graders)
    assert [d.judges for d in found.disagreements] == [graders]


def test_keys_are_held_against_themselves_and_against_another_answer(found):
    golds = found.golds
    assert [k.id for k in golds["exact"].failing] == ["d"]  # its brace is not closed, so no box holds it
    assert golds["exact"].failing[0].key == "{12"
    assert golds["exact"].only_by_spelling == []
    assert golds["lenient"].only_by_spelling == [OddKey(id="b", key="east", verdict=UNGRADED, reason="a word")]


def test_failed_rollouts_and_the_longest_answers_are_named(found):
    reasons = [Reason(reason="down", count=2), Reason(reason="up", count=1)]
    assert found.failed_rollouts == Failures(count=3, reasons=reasons)
    assert found.longest_answers[0] == LongAnswer(id="d", answer="12345", characters=5)
    assert [row.characters for row in found.longest_answers] == [5, 4, 4, 1, 1]


def test_only_different_pairs_are_timed_the_first_time(found):
    times = found.throughput["exact"]
    assert (times.pairs, times.samples) == (7, 8)
    assert times.pairs_per_second > 0 and times.again_per_second > 0


def test_texts_are_bounded_and_the_whole_is_json(graders):
    long = "7" * 5000
    problems = [Problem(id="x", question="x", answer=long)]
    found = audit(problems, [tree("x", (long + "1", WRONG, ""), failed=["e" * 5000])], graders=graders)
    assert len(as_json(found)) < 6000
    assert found.longest_answers[0].characters == 5001


def test_nothing_at_all_can_be_audited(graders):
    found = audit([], [], graders=graders)
    json.loads(as_json(found), parse_constant=pytest.fail)
    assert (found.samples, found.disagreements) == (0, []) and not found.without_answer.share.defined


tables = st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=3, max_size=3).map(np.array)


@given(tables)
def test_kappa_is_the_agreement_beyond_chance(table):
    total = int(table.sum())
    if total == 0:
        assert kappa(table) is None
        return
    observed = Fraction(int(np.trace(table)), total)
    chance = sum(Fraction(int(table[i].sum() * table[:, i].sum()), total**2) for i in range(3))
    expected = None if chance == 1 else float((observed - chance) / (1 - chance))
    assert kappa(table) == (None if expected is None else pytest.approx(expected))
    assert kappa(table.T) == (None if expected is None else pytest.approx(expected))


def test_kappa_of_perfect_agreement_is_one_and_of_chance_zero():
    assert kappa(np.diag([3, 4, 5])) == 1
    assert kappa(np.outer([1, 2], [3, 4])) == pytest.approx(0)


def test_the_audit_of_recorded_samples_finds_what_their_authors_graded_otherwise():
    """Verdicts of the file: the box equals the key; 15 samples state the key outside a box."""
    grader = make_grader("exact")
    found = read_samples(FILES / "math500_qwen1.5b_prm.jsonl.gz", splitter="paragraph", grader=grader)
    report = audit(found.problems, found.trees, logged=found.logged)
    assert report.judges[LOGGED].correct == 142
    against = pair(report, LOGGED, "math")
    assert (against.table["incorrect"]["correct"], against.table["correct"]["incorrect"]) == (15, 0)
    assert [d.count for d in report.disagreements] == [15, 15, 0]
    assert report.golds["math"] == OddKeys(failing=[], only_by_spelling=[])
