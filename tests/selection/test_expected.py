import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from arts.evaluation import compare
from arts.evaluation.candidates import Candidates, CandidateScores, collect
from arts.evaluation.intervals import gap_closed
from arts.problems.base import Problem, Verdict
from arts.problems.graders import make_grader
from arts.selection import expected as metrics
from arts.selection.expected import DRAWN, best_of_k, g_pass_at_k, pass_at_k, subsets, subsets_at, vote_at_k
from arts.trees.tree import Outcome, Step, Tree

NAN = math.nan
RIGHT = 0
"""The class of the correct answer; −1 states none, the others are wrong."""
SAMPLES = st.lists(
    st.tuples(st.sampled_from([-1, RIGHT, RIGHT, 1, 2]), st.sampled_from([NAN, 0.0, 0.5, 0.5, 2.0, 4.0])),
    min_size=1,
    max_size=6,
)


def arrays(samples):
    """``correct, classes, scores`` of one problem, each (1, N)."""
    classes, scores = (np.array([column]) for column in zip(*samples, strict=True))
    return classes == RIGHT, classes, scores


def over_all_subsets(samples, k, accuracy):
    """The definition: the mean accuracy of a decision between k of the samples."""
    return np.mean([accuracy(chosen) for chosen in combinations(samples, k)])


def solved(chosen):
    return any(c == RIGHT for c, _ in chosen)


def best_is_right(chosen):
    known = [-math.inf if math.isnan(s) else s for _, s in chosen]
    return np.mean([c == RIGHT for (c, _), s in zip(chosen, known, strict=True) if s == max(known)])


def vote_is_right(chosen):
    totals = {c: sum(np.nan_to_num(w) for d, w in chosen if d == c) for c, _ in chosen if c >= 0}
    if not any(totals.values()):
        totals = {c: sum(d == c for d, _ in chosen) for c in totals}  # no weight at all: votes are counted
    winners = [c for c, total in totals.items() if total == max(totals.values())]
    return winners.count(RIGHT) / len(winners) if winners else 0.0


def majority_is_right(chosen):
    return vote_is_right([(c, 1.0) for c, _ in chosen])


def three_quarters_are_right(chosen):
    return sum(c == RIGHT for c, _ in chosen) >= max(1, math.ceil(0.75 * len(chosen)))


METRICS = {
    "g-pass": (three_quarters_are_right, lambda correct, classes, scores, k: g_pass_at_k(correct, k, 0.75)),
    "pass": (solved, lambda correct, classes, scores, k: pass_at_k(correct, k)),
    "best": (best_is_right, lambda correct, classes, scores, k: best_of_k(correct, scores, k)),
    "vote": (vote_is_right, lambda correct, classes, scores, k: vote_at_k(correct, classes, scores, k)),
    "majority": (
        majority_is_right,
        lambda correct, classes, scores, k: vote_at_k(correct, classes, np.ones(scores.shape), k),
    ),
}


@pytest.mark.parametrize("name", METRICS)
@given(samples=SAMPLES)
def test_a_metric_is_its_definition_over_all_subsets(name, samples):
    definition, metric = METRICS[name]
    for k in range(1, len(samples) + 1):
        (value,) = metric(*arrays(samples), k)
        assert value == pytest.approx(over_all_subsets(samples, k, definition), abs=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=9))
def test_pass_at_k_is_the_rational_number_of_all_subsets(correct):
    for k in range(1, len(correct) + 1):
        chosen = list(combinations(correct, k))
        exact = Fraction(sum(map(any, chosen)), len(chosen))
        (value,) = pass_at_k(np.array([correct]), k)
        assert abs(Fraction(float(value)) - exact) < Fraction(1, 10**15)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=9))
def test_best_of_k_is_the_rational_number_of_all_subsets(samples):
    """Equal scores share the choice: a subset counts for the share of its best that is correct."""
    correct, scores = (np.array([column]) for column in zip(*samples, strict=True))
    for k in range(1, len(samples) + 1):
        chosen = [[c for c, s in of if s == max(s for _, s in of)] for of in combinations(samples, k)]
        exact = sum((Fraction(sum(best), len(best)) for best in chosen), Fraction()) / len(chosen)
        (value,) = best_of_k(correct, scores.astype(float), k)
        assert abs(Fraction(float(value)) - exact) < Fraction(1, 10**14)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(-1, 3), st.sampled_from([0.0, 0.0, 0.5, 1.0])), min_size=7, max_size=7),
        min_size=1,
        max_size=4,
    )
)
def test_a_vote_is_the_rational_number_of_all_subsets(problems):
    """Ties, weights of zero, no answer at all, and different numbers of answers beside each other."""
    classes, weights = np.array(problems).transpose(2, 0, 1)
    found = vote_at_k(classes == RIGHT, classes.astype(int), weights, 4)
    for samples, value in zip(problems, found, strict=True):
        chosen = list(combinations(samples, 4))
        exact = sum((Fraction(vote_is_right(of)).limit_denominator(8) for of in chosen), Fraction()) / len(chosen)
        assert abs(Fraction(float(value)) - exact) < Fraction(1, 10**14)


@pytest.mark.parametrize("name", METRICS)
@given(samples=SAMPLES)
def test_more_samples_than_there_are_give_no_number(name, samples):
    assert np.isnan(METRICS[name][1](*arrays(samples), len(samples) + 1)).all()


@given(st.integers(1, 300), st.data())
def test_the_products_are_the_binomials(n, data):
    k, right = data.draw(st.integers(1, n)), data.draw(st.integers(0, n))
    least = data.draw(st.integers(1, k))
    correct = np.arange(n)[None] < right
    none = Fraction(math.comb(n - right, k), math.comb(n, k))
    assert pass_at_k(correct, k)[0] == pytest.approx(float(1 - none), abs=1e-12)
    hits = sum(math.comb(right, j) * math.comb(n - right, k - j) for j in range(least, min(right, k) + 1))
    assert g_pass_at_k(correct, k, least / k)[0] == pytest.approx(hits / math.comb(n, k), abs=1e-12)


def test_ten_thousand_samples_need_no_binomials():
    correct = np.arange(10_000)[None] < np.array([[0], [3], [5_000], [10_000]])
    assert pass_at_k(correct, 5_000) == pytest.approx([0, 0.875, 1, 1], abs=1e-3)
    assert g_pass_at_k(correct, 5_000, 1.0) == pytest.approx([0, 0, 0, 1])
    assert g_pass_at_k(correct, 5_001, 0.5) == pytest.approx([0, 0, 0.5, 1], abs=0.01)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.5, NAN])
def test_a_threshold_is_a_share(threshold):
    with pytest.raises(ValueError, match="give a share above 0 and at most 1"):
        g_pass_at_k(np.array([[True]]), 1, threshold)


@given(SAMPLES)
def test_choosing_by_the_key_is_pass_at_k(samples):
    correct, _, _ = arrays(samples)
    for k in range(1, len(samples) + 1):
        assert best_of_k(correct, correct.astype(float), k) == pytest.approx(pass_at_k(correct, k))


@given(SAMPLES)
def test_one_sample_leaves_nothing_to_score(samples):
    correct, _, scores = arrays(samples)
    assert best_of_k(correct, scores, 1) == pytest.approx(correct.mean(axis=1))
    assert pass_at_k(correct, 1) == pytest.approx(correct.mean(axis=1))


def test_problems_do_not_touch_each_other(monkeypatch):
    rng = np.random.default_rng(0)
    classes, scores = rng.integers(-1, 4, (60, 5)), rng.integers(0, 3, (60, 5)).astype(float)
    monkeypatch.setattr(metrics, "TOTALS_AT_ONCE", 100)  # a few at once, and not all
    for _, metric in METRICS.values():
        apart = [metric(c[None] == RIGHT, c[None], s[None], 3)[0] for c, s in zip(classes, scores, strict=True)]
        assert metric(classes == RIGHT, classes, scores, 3) == pytest.approx(apart)


@pytest.mark.parametrize("n, k, count, complete", [(16, 8, 12_870, True), (16, 16, 1, True), (17, 8, DRAWN, False)])
def test_votes_of_up_to_sixteen_samples_are_of_all_subsets(n, k, count, complete):
    assert subsets_at(n, k) == (count, complete)
    assert subsets(n, k).shape == (count, k)


def test_few_subsets_are_all_taken_and_many_are_drawn():
    assert subsets(6, 3).tolist() == [list(c) for c in combinations(range(6), 3)]
    drawn = subsets(32, 8, seed=1)
    assert drawn.shape == (DRAWN, 8)
    assert (np.diff(drawn, axis=1) > 0).all()  # no sample twice
    assert np.bincount(drawn.ravel(), minlength=32) == pytest.approx(np.full(32, DRAWN / 4), rel=0.25)
    assert (drawn == subsets(32, 8, seed=1)).all()
    assert (drawn != subsets(32, 8, seed=2)).any()


def test_drawn_subsets_estimate_what_all_of_them_give(monkeypatch):
    rng = np.random.default_rng(0)
    samples = list(zip(rng.integers(-1, 3, 12).tolist(), rng.random(12).tolist(), strict=True))
    monkeypatch.setattr(metrics, "ENUMERATED", 900)
    metrics._inside.cache_clear()
    assert not subsets_at(12, 6)[1]
    (value,) = vote_at_k(*arrays(samples), 6)
    metrics._inside.cache_clear()
    assert value == pytest.approx(over_all_subsets(samples, 6, vote_is_right), abs=4 * 0.5 / math.sqrt(DRAWN))


def test_only_the_ratio_of_weights_matters():
    rng = np.random.default_rng(0)
    classes, weights = rng.integers(0, 4, (5, 16)), rng.random((5, 16))
    first, scaled = (vote_at_k(classes == RIGHT, classes, w, 8) for w in (weights, 1e-6 * weights))
    assert first == pytest.approx(scaled)


def test_ungraded_samples_are_not_correct_and_are_reported():
    tree = Tree(problem_id="p", question="q")
    for index, verdict in enumerate(["correct", "ungraded", "incorrect", None]):
        outcome = Outcome(answer=str(index), verdict=Verdict(verdict)) if verdict else None
        tree.add_rollout([Step(text=str(index))], outcome=outcome)
    found = collect([Problem(id="p", question="q", answer="0")], [tree], 4, make_grader("exact"))
    assert found.correct.tolist() == [[True, False, False, False]]
    assert found.ungraded.tolist() == [[False, True, False, True]]
    assert found.classes.tolist() == [[0, 1, 2, -1]]
    assert pass_at_k(found.correct, 1) == pytest.approx(1 / 4)


def test_a_sample_without_a_score_votes_with_the_lowest_weight_of_its_problem():
    classes = np.array([[0, 0, 1], [0, 1, 1]])
    scores = np.log([[NAN, 2, 3], [5, NAN, 2]])  # votes 4 : 3 and 5 : 4 once the gaps are filled
    scored = CandidateScores(verifier="v", aggregation="last", unit="log_flow", scores=scores)
    methods = compare.methods(candidates(classes), [scored], [3], seed=0)
    found = {m.name: m.per_problem[3].tolist() for m in methods}
    assert found["v vote"] == [1, 1]
    assert found["v best-of-N"] == [0, 1]
    assert found["majority"] == [1, 0]


def candidates(classes):
    return Candidates(
        problems=list(classes),
        trees=[],
        leaves=classes,
        correct=classes == RIGHT,
        ungraded=classes < 0,
        classes=classes,
        left_out=0,
    )


def test_a_sample_without_a_score_is_behind_an_impossible_one():
    assert best_of_k(np.array([[True, False]]), np.array([[-math.inf, NAN]]), 2) == [1]


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=2, max_size=20))
def test_gap_closed_is_the_share_of_the_mean_room(rows):
    method, single, spread = np.array(rows).T
    best = np.minimum(single + 0.01 + spread, 2.0)
    estimate = gap_closed(method, single, best)
    assert estimate.value == pytest.approx((method - single).mean() / (best - single).mean())
    assert gap_closed(single, single, best).value == 0
    assert gap_closed(best, single, best).value == pytest.approx(1)
