import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from arts.evaluation import paired
from arts.evaluation.intervals import paired_difference
from arts.evaluation.paired import DRAWS, EXACT, equivalence, holm, paired_test

DECISIONS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40)


def of(wins, losses, same=0):
    """Decisions of two methods."""
    a = [1.0] * wins + [0.0] * losses + [1.0] * same
    return np.array(a), np.array([0.0] * wins + [1.0] * losses + [1.0] * same)


def fractions(problems, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    b = rng.uniform(0.3, 0.6, problems)
    return b + rng.uniform(-0.2, 0.2, problems) + shift, b


# is there a difference


@given(DECISIONS)
def test_decisions_are_tested_by_a_fair_coin_over_the_problems_that_differ(pairs):
    a, b = np.array(pairs, dtype=float).T
    found = paired_test(a, b)
    wins, losses = int((a > b).sum()), int((a < b).sum())
    tail = sum(math.comb(wins + losses, i) for i in range(min(wins, losses) + 1)) / 2 ** (wins + losses)
    assert (found.test, found.wins, found.losses) == ("exact McNemar", wins, losses)
    assert found.p == pytest.approx(min(1, 2 * tail))


@given(DECISIONS)
def test_what_wins_one_way_loses_the_other(pairs):
    a, b = np.array(pairs, dtype=float).T
    there, back = paired_test(a, b), paired_test(b, a)
    assert (there.wins, there.losses, there.p) == (back.losses, back.wins, back.p)


@given(st.lists(st.sampled_from([-0.7, -0.5, -0.25, 0.0, 0.1, 0.5, 1.0]), min_size=1, max_size=8).map(np.array))
def test_fractions_are_tested_by_every_choice_of_signs(difference):
    found = paired_test(np.maximum(difference, 0), np.maximum(-difference, 0))
    sums = [abs(np.dot(signs, difference)) for signs in product([-1, 1], repeat=len(difference))]
    assert found.p == pytest.approx(np.mean(np.array(sums) >= abs(difference.sum()) - 1e-9))
    assert (found.wins, found.losses) == ((difference > 0).sum(), (difference < 0).sum())


def test_the_sign_flip_is_scipys():
    for problems, name in ((EXACT, "exact sign-flip"), (60, "sign-flip")):
        a, b = fractions(problems, shift=0.03)
        found = paired_test(a, b)
        theirs = stats.permutation_test(
            (a - b,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(1)
        )
        assert found.test == name
        assert found.p == pytest.approx(theirs.pvalue, abs=0.02)


def test_the_sign_flip_of_decisions_is_mcnemar():
    for wins, losses in ((9, 2), (7, 0), (60, 40)):
        difference = np.array([1.0] * wins + [-1.0] * losses)
        expected = stats.binomtest(wins, wins + losses).pvalue
        assert paired._sign_flip(difference)[1] == pytest.approx(expected, abs=0.02 if wins + losses > EXACT else 1e-12)
        assert paired_test(*of(wins, losses)).p == pytest.approx(expected)


def test_many_random_signs_give_one_p_value_and_never_nothing():
    a, b = fractions(200, shift=0.2)
    assert paired_test(a, b).p == 1 / (1 + DRAWS)
    assert paired_test(*fractions(50)) == paired_test(*fractions(50))


def test_draws_in_parts_are_all_draws(monkeypatch):
    a, b = fractions(50, shift=0.02)
    whole, same = paired_test(a, b).p, equivalence(a, b, 0.1)
    monkeypatch.setattr(paired, "NUMBERS_AT_ONCE", 12_345)
    assert sum(paired._parts(50)) == DRAWS
    assert paired_test(a, b).p == pytest.approx(whole, abs=0.02)
    assert equivalence(a, b, 0.1).low == pytest.approx(same.low, abs=0.005)


def test_fractions_equal_but_for_rounding_are_ties():
    a, b = fractions(20)
    found = paired_test(np.append(a, 0.1 + 0.2), np.append(b, 0.3))
    assert found.wins + found.losses == 20
    assert paired_test(np.array([1 + 2**-50, 1.0]), np.array([0.0, 1.0])).test == "exact McNemar"


def test_methods_that_never_differ_are_not_told_apart():
    for a in (np.ones(10), np.full(10, 0.3)):
        found = paired_test(a, a.copy())
        assert (found.wins, found.losses, found.p) == (0, 0, 1.0)


def test_problems_without_a_number_are_left_out_of_the_test():
    a, b = of(8, 1, 5)
    holes = np.append(a, [math.nan, 1.0]), np.append(b, [1.0, math.nan])
    assert paired_test(*holes) == paired_test(a, b)
    assert equivalence(*holes, 0.1) == equivalence(a, b, 0.1)
    nothing = paired_test(np.array([math.nan]), np.array([1.0]))
    assert nothing.test == "no problems" and math.isnan(nothing.p)
    assert equivalence(np.array([math.nan]), np.array([1.0]), 0.1).p is None


def test_seeds_that_agree_are_as_one():
    a, b = fractions(60, shift=0.03)
    one, three = paired_test(a, b), paired_test(np.tile(a, (3, 1)), b)
    assert three.test == "sign-flip, t over 3 seeds" and (three.wins, three.losses) == (one.wins, one.losses)
    assert three.p == pytest.approx(max(one.p, stats.ttest_rel(a, b).pvalue))


def test_seeds_that_disagree_are_no_evidence():
    a, b = fractions(60)
    seeds = b + 0.01 * (a - b) + np.array([-0.05, 0.03, 0.12])[:, None]
    assert paired_test(seeds.mean(axis=0), b).p < 0.001
    found = paired_test(seeds, b)
    assert 0.5 < found.p < 0.7 and found.p == pytest.approx(
        stats.ttest_1samp((seeds - b).mean(axis=1), 0).pvalue, rel=0.01
    )


def test_the_p_value_of_seeds_is_where_the_interval_ends():
    rng = np.random.default_rng(0)
    b = rng.uniform(0.3, 0.6, 300)
    a = b + rng.normal(0, 0.1, 300) + np.array([0.02, 0.035, 0.05])[:, None]
    found, interval = paired_test(a, b), paired_difference(a, b)
    shifted = paired_test(a - interval.low, b)
    assert found.p < 0.2 and shifted.p == pytest.approx(0.05, abs=0.004)


def test_one_problem_tells_nothing_however_many_seeds():
    assert paired_test(np.array([[1.0], [0.8]]), np.array([0.0])).p == 1
    assert not equivalence(np.array([[0.5], [0.5]]), np.array([0.5]), 0.3).equivalent


# is there none that matters


def test_methods_that_never_differed_are_equal_up_to_the_exact_bound():
    """Of n problems without a difference a share of losses of 1 − α^(1/n) is as likely as α."""
    a = np.ones(100)
    found = equivalence(a, a, 0.05)
    assert found.high == pytest.approx(1 - 0.05**0.01, abs=0.001) and found.low == pytest.approx(-found.high, abs=0.001)
    assert found.p == pytest.approx(0.95**100, abs=0.002) and found.equivalent
    assert not equivalence(a, a, 0.02).equivalent


@pytest.mark.parametrize("losses", [1, 5])
def test_losses_alone_have_the_exact_binomial_bound(losses):
    found = equivalence(*of(0, losses, 50 - losses), 0.3)
    exact = stats.binomtest(losses, 50).proportion_ci(0.90, method="exact").high
    assert found.low == pytest.approx(-exact, abs=0.005)
    assert found.p == pytest.approx(stats.binom.cdf(losses, 50, 0.3), abs=0.003)


def test_of_many_problems_the_interval_is_that_of_student():
    a, b = fractions(2_000, shift=0.01)
    found = equivalence(a, b, 0.03)
    low, high = stats.t.interval(0.90, 1_999, (a - b).mean(), stats.sem(a - b))
    assert [found.low, found.high] == pytest.approx([low, high], abs=0.001)
    assert found.equivalent and found.p < 0.001 and found.margin == 0.03


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30), st.floats(0.01, 0.5))
def test_equal_enough_is_an_interval_within_the_margin(pairs, margin):
    a, b = np.array(pairs).T
    found = equivalence(a, b, margin)
    assert found.low <= (a - b).mean() + 0.01 and (a - b).mean() - 0.01 <= found.high
    assert found.equivalent == (found.p < 0.05)
    inside = min(found.low + margin, margin - found.high)
    assert abs(inside) < 0.005 or found.equivalent == (inside > 0)


def test_equivalence_does_not_depend_on_the_side():
    a, b = fractions(100, shift=0.02)
    there, back = equivalence(a, b, 0.05), equivalence(b, a, 0.05)
    assert [there.low, there.high, there.p] == pytest.approx([-back.high, -back.low, back.p], abs=0.004)


def test_a_level_is_kept_with_its_interval():
    a, b = fractions(100)
    strict, usual = equivalence(a, b, 0.05, alpha=0.01), equivalence(a, b, 0.05)
    assert strict.low < usual.low and usual.high < strict.high and strict.p == usual.p


def test_seeds_that_disagree_are_not_shown_to_be_equal():
    a, b = fractions(400)
    apart = a + np.array([-0.04, 0.0, 0.04])[:, None]
    one, many = equivalence(a, b, 0.03), equivalence(apart, b, 0.03)
    assert one.equivalent and not many.equivalent
    reach = math.hypot(stats.t.ppf(0.95, 399) * stats.sem(a - b), stats.t.ppf(0.95, 2) * stats.sem([-0.04, 0, 0.04]))
    assert [many.low, many.high] == pytest.approx([(a - b).mean() - reach, (a - b).mean() + reach])
    assert equivalence(apart, b, 0.03, alpha=0.25).p == many.p > 0.1
    wide = equivalence(apart, b, many.high, alpha=0.05)
    assert wide.p == pytest.approx(0.05, abs=0.001)


@pytest.mark.parametrize("margin", [0.0, -0.1, math.nan])
def test_equivalence_needs_a_margin(margin):
    with pytest.raises(ValueError, match="the margin is"):
        equivalence(*of(1, 1), margin)


def test_equivalence_is_of_accuracies():
    with pytest.raises(ValueError, match="accuracies are in"):
        equivalence(np.array([30.0]), np.array([20.0]), 0.1)


# among how many


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.2, 0.6, 0.9]) == pytest.approx([0.6, 1.0, 1.0])
    assert holm([]).shape == (0,)


def test_what_was_not_tested_counts_for_nothing():
    found = holm([math.nan, 0.02, math.nan, 0.01])
    assert found[[1, 3]] == pytest.approx([0.02, 0.02]) and np.isnan(found[[0, 2]]).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_holm_rejects_step_by_step(p_values, alpha):
    """The definition: from the smallest on, against α over the number that are left, until one is not below it."""
    rejected = set()
    for left, index in zip(range(len(p_values), 0, -1), np.argsort(p_values), strict=True):
        if p_values[index] * left > alpha:
            break
        rejected.add(int(index))
    adjusted = holm(p_values)
    assert {i for i in range(len(p_values)) if adjusted[i] <= alpha} == rejected
    assert (adjusted >= np.array(p_values)).all() and (adjusted <= 1).all()
