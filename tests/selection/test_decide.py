import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from arts.problems.graders import MathGrader, equivalence_classes, make_grader
from arts.selection.base import Pool
from arts.selection.decide import decided
from arts.selection.scores import aggregate, best, ranked, voting_weights
from arts.selection.vote import vote
from arts.verifiers.base import Unit, flow_weights

INF, NAN = math.inf, math.nan
RULES = ("best_of_n", "majority", "flow_vote")
EXACT = make_grader("exact")
CANDIDATES = st.lists(
    st.tuples(st.sampled_from(["1/2", "0.5", "7", "seven", None]), st.floats(-30, 30)),
    min_size=1,
    max_size=8,
    unique_by=lambda c: c[1],
)


def choose(rule, answers, scores=None, unit="log_flow", grader=EXACT):
    classes = equivalence_classes(grader, answers)
    return decided(rule, answers, Pool.of(len(answers), classes=classes, scores=scores, unit=unit))


@pytest.fixture(scope="module")
def mathematics():
    grader = MathGrader(workers=1, deadline_s=10.0)
    yield grader
    grader.close()


@pytest.mark.parametrize("half", ["0.5", "\\frac12", "\\dfrac{2}{4}"])
@pytest.mark.parametrize("rule", ["majority", "flow_vote"])
def test_equal_answers_vote_together_however_they_are_written(mathematics, rule, half):
    decision = choose(rule, ["3", "1/2", half], [0.3, 0.0, 0.1], grader=mathematics)
    assert (decision.answer, decision.candidate) == (half, 2)  # the best-scored of the winners stands for them
    assert decision.share > 1 / 2


def test_answers_equal_only_by_mathematics_vote_together(mathematics):
    decision = choose("majority", ["3", "2\\sqrt{3}", "\\sqrt{12}"], grader=mathematics)
    assert (decision.answer, decision.share) == ("2\\sqrt{3}", pytest.approx(2 / 3))


def test_each_rule_has_its_own_choice():
    answers, scores = ["a", "a", "a", "b", "b", "c"], [0.0, 0.1, 0.2, 1.5, 1.4, 1.6]
    assert {rule: choose(rule, answers, scores).answer for rule in RULES} == {
        "best_of_n": "c",
        "majority": "a",
        "flow_vote": "b",
    }


@given(CANDIDATES)
def test_the_share_of_a_flow_vote_is_the_share_of_the_flow(candidates):
    answers, scores = zip(*candidates, strict=True)
    classes = equivalence_classes(EXACT, answers)
    decision = choose("flow_vote", list(answers), scores)
    flow = {c: sum(math.exp(s) for d, s in zip(classes, scores, strict=True) if d == c) for c in set(classes) - {-1}}
    if not flow:
        assert decision.answer is None and math.isnan(decision.share)
    else:
        assert decision.share == pytest.approx(max(flow.values()) / sum(flow.values()))
        assert flow[classes[decision.candidate]] == pytest.approx(max(flow.values()))


@pytest.mark.parametrize("rule", RULES)
@given(candidates=CANDIDATES, data=st.data())
def test_the_order_of_candidates_decides_nothing(rule, candidates, data):
    order = data.draw(st.permutations(range(len(candidates))))
    answers, scores = map(list, zip(*candidates, strict=True))
    classes = np.array(equivalence_classes(EXACT, answers))
    weights = np.ones(len(classes)) if rule == "majority" else flow_weights(np.array(scores), "log_flow")
    shares = np.sort(vote(classes, weights)[1])
    assume(len(shares) > 0 and (len(shares) == 1 or shares[-1] > shares[-2] * (1 + 1e-9)))
    here = choose(rule, answers, scores)
    there = choose(rule, [answers[i] for i in order], [scores[i] for i in order])
    assert (here.answer, here.candidate) == (there.answer, order[there.candidate])
    assert here.share == pytest.approx(there.share, nan_ok=True)


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=8), st.data())
def test_shares_of_a_vote_add_up_to_one(classes, data):
    weights = data.draw(st.lists(st.floats(0, 1), min_size=len(classes), max_size=len(classes)))
    winner, shares = vote(np.array(classes), np.array(weights))
    if max(classes) < 0:
        assert winner == -1 and len(shares) == 0
    else:
        assert shares.sum() == pytest.approx(1)
        assert shares[winner] == shares.max()


@pytest.mark.parametrize("rule", RULES)
def test_of_equals_the_first_is_chosen(rule):
    assert choose(rule, ["b", "a", "b", "a"], [1.0] * 4).candidate == 0


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("score", [0.0, -1e300, 1e300])
def test_a_single_candidate_is_chosen(rule, score):
    decision = choose(rule, ["7"], [score])
    assert (decision.answer, decision.candidate) == ("7", 0)
    assert rule == "best_of_n" or decision.share == 1


@pytest.mark.parametrize("rule", ["majority", "flow_vote"])
def test_no_answer_does_not_vote(rule):
    scores = [9.0, 8.0, 0.0]
    assert choose(rule, [None, None, "7"], scores).answer == "7"
    assert choose(rule, [None, None, "7"], scores).share == 1
    nobody = choose(rule, [None, None, None], scores)
    assert nobody.answer is None and math.isnan(nobody.share)


def test_extreme_scores_neither_overflow_nor_vanish():
    assert choose("flow_vote", ["a", "b", "b"], [1e300, -1e300, 0.0]).share == 1
    assert choose("flow_vote", ["a", "b", "b"], [-5000.0, -5000.0, -5000.0]).share == pytest.approx(2 / 3)
    assert choose("flow_vote", ["a", "b", "b"], [5000.0, 5001.0, -INF]).answer == "b"


def test_an_impossible_candidate_has_no_weight():
    decision = choose("flow_vote", ["a", "a", "b"], [-INF, -INF, -50.0])
    assert (decision.answer, decision.share) == ("b", 1)
    assert choose("best_of_n", ["a", "b"], [-INF, -50.0]).answer == "b"


def test_a_candidate_without_a_score_comes_last():
    assert best(np.array([NAN, -3.0, -2.0])) == 2
    assert best(np.array([-5.0, NAN])) == 0
    assert choose("flow_vote", ["a", "b", "b"], [NAN, 0.0, 1.0]).share == pytest.approx((1 + math.e) / (2 + math.e))


def test_no_score_is_below_every_score():
    ascending = ranked(np.array([NAN, -INF, 0.0, INF]))
    assert (ascending[1:] > ascending[:-1]).all()
    assert best(np.array([NAN, -INF])) == 1


@pytest.mark.parametrize("unit", get_args(Unit))
def test_where_nothing_has_a_score_all_weigh_the_same(unit):
    without, others = voting_weights(np.array([[NAN] * 3, [0.2, NAN, 0.5]]), unit)
    assert np.ptp(without) == 0
    assert others[0] == others[1] < others[2]


def test_infinite_scores_weigh_everything_or_nothing():
    assert voting_weights(np.array([INF, 0.0, -INF, INF]), "log_flow").tolist() == [1, 0, 0, 1]
    assert choose("flow_vote", ["a", "b", "b"], [INF, INF, 9.0]).share == pytest.approx(1 / 2)


def test_without_any_score_a_flow_vote_is_the_majority():
    decision = choose("flow_vote", ["a", "b", "b"], [NAN] * 3)
    assert (decision.answer, decision.candidate, decision.share) == ("b", 1, pytest.approx(2 / 3))


def test_answers_without_any_weight_are_counted():
    assert choose("flow_vote", ["a", "b", "b"], [0.0, 0.0, 0.0], unit="probability").answer == "b"


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=6).map(np.array), st.floats(-1000, 1000))
def test_a_constant_in_all_log_flows_changes_no_weight(scores, constant):
    weights = flow_weights(scores, "log_flow")
    assert weights == pytest.approx(flow_weights(scores + constant, "log_flow"))
    assert weights == pytest.approx(np.exp(scores) / np.exp(scores).max())


def test_weights_of_the_other_units():
    chances = np.array([0.2, 0.5, 0.8])
    odds = chances / (1 - chances)
    assert (flow_weights(chances, "probability") == chances).all()
    assert flow_weights(np.log(odds), "logit") == pytest.approx(odds / odds.max())
    assert flow_weights(chances[::-1], "rank").tolist() == [3, 2, 1]


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6).map(np.array))
def test_aggregations_of_steps(steps):
    found = {how: aggregate(steps, how, "probability") for how in ("last", "min", "mean", "product")}
    assert found == pytest.approx(
        {"last": steps[-1], "min": min(steps), "mean": sum(steps) / len(steps), "product": math.prod(steps)}
    )
    assert math.exp(aggregate(np.log(steps), "product", "log_flow")) == pytest.approx(found["product"])


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=8).map(np.array))
def test_a_product_of_log_odds_is_that_of_their_probabilities(steps):
    product = aggregate(steps, "product", "logit")
    assert -math.log1p(math.exp(-product)) == pytest.approx(-np.logaddexp(0, -steps).sum(), rel=1e-6)
    assert product <= steps.min() + 1e-6  # no step makes a solution likelier
    assert aggregate(steps, "mean", "logit") == pytest.approx(steps.mean())


def test_a_product_of_extreme_log_odds():
    assert aggregate(np.array([INF, INF]), "product", "logit") == INF
    assert aggregate(np.array([1e6, -1e6]), "product", "logit") == pytest.approx(-1e6)
    assert aggregate(np.array([0.0, -INF]), "product", "logit") == -INF
    assert math.isnan(aggregate(np.array([0.0, NAN]), "product", "logit"))
    assert aggregate(np.array([50.0]), "product", "logit") == pytest.approx(50)


@pytest.mark.parametrize("how", ["last", "min", "mean", "product"])
def test_no_steps_have_no_score(how):
    assert math.isnan(aggregate(np.zeros(0), how, "log_flow"))
