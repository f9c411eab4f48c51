import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arts.evaluation.statistics import CONFIDENCE, gap_closed, mean, paired_difference

ROUNDING = 1e-12
VALUES = st.lists(st.floats(0, 1), min_size=2, max_size=40).map(np.array)


def accuracies(problems, seed=0):
    return np.random.default_rng(seed).beta(0.5, 0.5, problems)


def width(estimate):
    return estimate.high - estimate.low


def test_a_seed_gives_one_interval():
    first, again = ([mean(accuracies(50), seed) for seed in range(10)] for _ in range(2))
    assert first == again
    assert len({(e.low, e.high) for e in first}) == 10
    assert len({e.value for e in first}) == 1


@given(VALUES)
def test_the_interval_holds_the_mean(values):
    estimate = mean(values)
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.low - ROUNDING <= estimate.value <= estimate.high + ROUNDING
    assert values.min() - ROUNDING <= estimate.low and estimate.high <= values.max() + ROUNDING


@given(st.floats(0, 1), st.integers(2, 60))
def test_problems_that_agree_leave_no_width(value, problems):
    estimate = mean(np.full(problems, value))
    assert [estimate.low, estimate.value, estimate.high] == pytest.approx([value] * 3, abs=ROUNDING)


@given(VALUES)
def test_equal_methods_differ_by_exactly_nothing(values):
    estimate = paired_difference(values, values.copy())
    assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)
    assert not estimate.excludes_zero


def test_differences_are_taken_within_problems():
    values = accuracies(50)
    estimate = paired_difference(values + 0.1, values)
    assert estimate.value == pytest.approx(0.1)
    assert width(estimate) < ROUNDING < width(mean(values))
    assert estimate.excludes_zero


@given(VALUES)
def test_a_difference_turns_round_with_its_sides(values):
    other = values[::-1]
    there, back = paired_difference(values, other), paired_difference(other, values)
    assert [there.value, there.low, there.high] == pytest.approx([-back.value, -back.high, -back.low], abs=ROUNDING)


def test_the_width_is_that_of_the_normal_theory():
    values = accuracies(400)
    assert width(mean(values)) == pytest.approx(2 * 1.96 * values.std() / math.sqrt(400), rel=0.1)


def test_problems_without_a_number_are_left_out():
    values, other = accuracies(20), accuracies(20, seed=1)
    holes = values.copy()
    holes[[3, 7]] = math.nan
    kept = ~np.isnan(holes)
    assert mean(holes) == mean(values[kept])
    assert paired_difference(holes, other) == paired_difference(values[kept], other[kept])
    assert mean(holes).n == 18


def test_no_problem_has_no_value_and_one_has_no_interval():
    none, one = mean(np.array([math.nan])), mean(np.array([0.25]))
    assert none.n == 0 and math.isnan(none.value)
    assert one.value == 0.25 and math.isnan(one.low) and math.isnan(one.high)
    assert not none.excludes_zero and not one.excludes_zero


def test_numerator_and_denominator_of_the_gap_are_resampled_together():
    single, room = accuracies(50), 1 + accuracies(50, seed=1)
    estimate = gap_closed(single + 0.3 * room, single, single + room)
    assert [estimate.low, estimate.value, estimate.high] == pytest.approx([0.3] * 3)


def test_a_gap_without_room_has_neither_value_nor_interval():
    estimate = gap_closed(*[accuracies(10)] * 3)
    assert np.isnan([estimate.value, estimate.low, estimate.high]).all()


@pytest.mark.slow
def test_the_interval_covers_the_truth_as_often_as_it_says():
    """Problems differ, samples of a problem are alike, and two methods see the same problems."""
    rng = np.random.default_rng(0)
    simulations, problems, effect = 1_000, 40, 0.08

    def covers():
        easy = 0.9 * rng.beta(0.5, 0.5, problems)
        a, b = (rng.binomial(8, p) / 8 for p in (easy + effect, easy))
        estimate = paired_difference(a, b, seed=int(rng.integers(2**31)))
        return estimate.low <= effect <= estimate.high

    coverage = np.mean([covers() for _ in range(simulations)])
    noise = math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / simulations)
    assert coverage == pytest.approx(CONFIDENCE, abs=4 * noise)
