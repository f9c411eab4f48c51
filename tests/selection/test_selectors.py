import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from arts.errors import UsageError
from arts.selection.base import Choice, Pool, Selector
from arts.selection.decide import decide
from arts.selection.selectors import SELECTORS, find_selector

WEIGHTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""No two sums of them are equal, so that no vote is tied."""


@st.composite
def pools(draw, problems=2):
    n = draw(st.integers(2, 6))
    scores = [draw(st.permutations(WEIGHTS))[:n] for _ in range(problems)]
    classes = [draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n)) for _ in range(problems)]
    right = [draw(st.integers(0, 2)) for _ in range(problems)]
    correct = [[c == r for c in row] for row, r in zip(classes, right, strict=True)]
    return Pool.of((problems, n), classes=classes, scores=np.log(scores), correct=correct, unit="log_flow")


@pytest.mark.parametrize("name", ["best_of_n", "flow_vote", "oracle"])
@given(pool=pools(), data=st.data())
def test_the_expected_accuracy_is_that_of_its_choices(name, pool, data):
    k = data.draw(st.integers(1, pool.correct.shape[1]))
    selector = SELECTORS[name]
    np.testing.assert_allclose(selector.expected(pool, k), Selector.expected(selector, pool, k), atol=1e-9)


@given(pool=pools(), data=st.data())
def test_one_sample_is_right_as_often_as_samples_are(pool, data):
    k = data.draw(st.integers(1, pool.correct.shape[1]))
    np.testing.assert_allclose(SELECTORS["random"].expected(pool, k), pool.correct.mean(axis=1))


@pytest.mark.parametrize("name", SELECTORS)
def test_more_candidates_than_there_are_have_no_accuracy(name):
    pool = Pool.of((3, 2), classes=[[0, 1]] * 3, scores=[[0.0, 1.0]] * 3, correct=[[True, False]] * 3)
    assert np.isnan(SELECTORS[name].expected(pool, 3)).all()


@pytest.mark.parametrize("name", SELECTORS)
def test_every_selector_says_what_it_does(name):
    assert SELECTORS[name].title and SELECTORS[name].about


def test_titles_tell_selectors_apart():
    assert len({s.title for s in SELECTORS.values()}) == len(SELECTORS)


class Shortest(Selector):
    title, about, needs = "shortest", "the candidate with the lowest score", frozenset({"scores"})

    def choose(self, pool):
        return Choice(int(np.argmin(pool.scores)))


def test_a_selector_of_ones_own_is_found_by_module_and_attribute():
    assert isinstance(find_selector(f"{__name__}:Shortest"), Shortest)


def test_a_selector_that_only_chooses_is_averaged_over_all_subsets():
    pool = Pool.of((1, 3), scores=[[3.0, 1.0, 2.0]], correct=[[True, False, False]])
    assert [Shortest().expected(pool, k)[0] for k in (1, 2, 3)] == [pytest.approx(1 / 3), 0, 0]
    assert SELECTORS["best_of_n"].expected(pool, 2)[0] == pytest.approx(2 / 3)


def test_an_unknown_selector_is_named_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'majority'"):
        find_selector("majorty")


TEXTS = ["6 * 7 is 42\nthe answer is 42", "the answer is 41", "it is 42.0, so the answer is 42.0"]


def test_texts_are_decided_by_majority_without_scores():
    decision = decide(TEXTS)
    assert (decision.answer, decision.selector, decision.candidate) == ("42", "majority", 0)
    assert decision.share == pytest.approx(2 / 3)


def test_texts_are_decided_by_flow_with_scores():
    decision = decide(TEXTS, np.log([1.0, 5.0, 3.0]))
    assert (decision.answer, decision.selector) == ("41", "flow_vote")
    assert decision.shares == pytest.approx((4 / 9, 5 / 9))
    assert decide(TEXTS, [0.5, 0.3, 0.3], unit="probability").answer == "42"


def test_the_best_scored_text_needs_no_vote():
    decision = decide(TEXTS, [0.0, 0.0, 1.0], selector="best_of_n")
    assert (decision.answer, decision.candidate, math.isnan(decision.share)) == ("42.0", 2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "no candidates"),
        ((TEXTS, [1.0]), "1 scores for 3 candidates"),
        ((TEXTS, None, "best_of_n"), "needs scores"),
        ((TEXTS, None, "oracle"), "needs the answer key"),
        ((TEXTS, None, "luck"), "no selector 'luck'"),
    ],
)
def test_what_cannot_be_decided_is_said(arguments, message):
    texts, scores, selector = (*arguments, None, "")[:3]
    with pytest.raises(UsageError, match=message):
        decide(texts, scores, selector=selector or "")
