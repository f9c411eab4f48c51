import numpy as np
import pytest

from arts.evaluation.candidates import NodeScores, collect
from arts.evaluation.confidence import COVERAGES, confidence
from arts.evaluation.report.confidence import section
from arts.problems.base import Problem, Verdict
from arts.trees.tree import ROOT, Outcome, Step, Tree


def candidates_of(correct):
    trees, found = [], []
    for row in correct:
        tree = Tree(problem_id=str(len(trees)), question=f"q{len(trees)}")
        for i, right in enumerate(row):
            rollout = tree.add_rollout([Step(text=f"{i}\n", tokens=1)], "stop", start=ROOT, backbone=i, tokens=1)
            verdict = Verdict.CORRECT if right else Verdict.INCORRECT
            tree.outcomes[rollout.leaf] = Outcome(answer=str(i), verdict=verdict, reason="")
        trees.append(tree)
        found.append(Problem(id=tree.problem_id, question=tree.question, answer="0"))
    n = len(correct[0])
    return collect(found, trees, n, {p.id: list(range(n)) for p in found})


def scorer_of(candidates, values, *, success=True):
    columns = {}
    for (tree, leaves), row in zip(candidates.paths, values, strict=True):
        columns[tree] = np.full(len(tree), np.nan)
        columns[tree][leaves] = row
    nothing = {tree: np.full(len(tree), np.nan) for tree in columns}
    return NodeScores(
        name="v", unit="probability", stepwise=False, columns=columns, success=columns if success else nothing
    )


def test_a_calibrated_verifier_knows_when_it_is_right():
    rng = np.random.default_rng(0)
    best = rng.random(500)
    values = np.column_stack([best * share for share in (1.0, 0.5, 0.1)])
    candidates = candidates_of(rng.random(values.shape) < values)
    part = confidence(candidates, [scorer_of(candidates, values)], 0)["v"]
    assert part.predicted.value == pytest.approx(best.mean())
    assert part.accuracy.value == pytest.approx(candidates.correct[:, 0].mean())
    assert part.calibration_error.value < 0.08
    assert [p.coverage for p in part.curve] == list(COVERAGES)
    for p in part.curve:
        answered = best >= p.least
        assert answered.sum() == round(p.coverage * 500)
        assert p.accuracy.value == pytest.approx(candidates.correct[answered, 0].mean())
    accuracies = [p.accuracy.value for p in part.curve]
    assert accuracies == sorted(accuracies)


def test_it_goes_by_the_chosen_sample_and_what_has_no_score_is_not_chosen():
    candidates = candidates_of([[True, False, True], [False, True, False]])
    part = confidence(candidates, [scorer_of(candidates, [[0.2, np.nan, 0.6], [0.4, 0.1, np.nan]])], 0)["v"]
    assert part.accuracy.value == 0.5
    assert [p.least for p in part.curve] == [0.4, 0.4, 0.4, 0.6, 0.6, 0.6, 0.6]


def test_scores_that_say_nothing_of_success_have_no_confidence():
    candidates = candidates_of([[True, False]])
    assert confidence(candidates, [scorer_of(candidates, [[0.2, 0.3]], success=False)], 0) == {}
    assert confidence(candidates, [scorer_of(candidates, [[np.nan, np.nan]])], 0) == {}


def test_the_report_shows_the_curve_and_what_it_takes():
    candidates = candidates_of([[True], [False]] * 10)
    found = section(confidence(candidates, [scorer_of(candidates, [[0.9], [0.3]] * 10)], 0))
    (table,) = found.tables
    (row,) = table.rows
    assert row[0] == "v" and row[2].startswith("50.0") and row[-1].startswith("100.0") and row[-1].endswith("(≥ 90)")
    assert [x for x, *_ in found.figures[0].lines["v"]] == sorted(COVERAGES)
