import json
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from arts.documents.data import as_json
from arts.evaluation import resampling
from arts.evaluation.intervals import (
    bootstrap,
    bootstrap_observations,
    gap_closed,
    mean,
    paired_difference,
    ratio,
)
from arts.evaluation.resampling import CONFIDENCE, FEW, RESAMPLES, interval, problem_weights

ROUNDING = 1e-12
VALUES = st.lists(st.floats(0, 1), min_size=2, max_size=40).map(np.array)


def accuracies(problems, seed=0):
    return np.random.default_rng(seed).beta(0.5, 0.5, problems)


def width(estimate):
    return estimate.high - estimate.low


def ends(estimate):
    return [estimate.low, estimate.high]


# over problems


def test_a_seed_gives_one_interval():
    first, again = ([mean(accuracies(50), seed) for seed in range(10)] for _ in range(2))
    assert first == again
    assert len({(e.low, e.high) for e in first}) == 10
    assert len({e.value for e in first}) == 1


@given(VALUES)
def test_the_interval_holds_the_mean_and_stays_where_means_can_be(values):
    estimate = mean(values)
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.low - ROUNDING <= estimate.value <= estimate.high + ROUNDING
    assert estimate.low >= -ROUNDING and estimate.high <= 1 + ROUNDING
    if len(values) >= FEW and np.ptp(values) > 1e-9:
        assert values.min() - ROUNDING <= estimate.low and estimate.high <= values.max() + ROUNDING


def test_every_resample_draws_as_many_problems_as_there_are():
    counts = problem_weights(7, 0) * 7
    assert counts.shape == (RESAMPLES, 7)
    assert (np.rint(counts) == pytest.approx(counts)) and (counts.sum(axis=1) == pytest.approx(7))
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.1)
    assert counts.var() == pytest.approx(6 / 7, abs=0.03)


@pytest.mark.parametrize("skew", [(0.3, 3.0), (3.0, 0.3), (0.5, 0.5)])
def test_the_interval_is_scipys_at_a_level_that_grants_for_few_problems(skew):
    """Ours uses wider quantiles; with scipy's level set so that its normal quantiles are ours, both are one."""
    values = np.random.default_rng(0).beta(*skew, 40)
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, 39) * math.sqrt(40 / 39)
    level = 2 * stats.norm.cdf(reach) - 1
    many = stats.bootstrap((values,), np.mean, confidence_level=level, n_resamples=40_000, rng=np.random.default_rng(1))
    spread = values.std() / math.sqrt(40)
    assert ends(mean(values)) == pytest.approx(list(many.confidence_interval), abs=0.2 * spread)
    assert level > CONFIDENCE and mean(values).method == "problem bootstrap, BCa"


def test_many_ties_of_resamples_with_the_value_favour_neither_side():
    """Five of ten: a resample is the value as often as not; counted on one side it would shift the interval."""
    half = mean(np.repeat([0.0, 1.0], 5))
    assert half.low + half.high == pytest.approx(1, abs=0.05)
    share = np.mean(problem_weights(10, 0) @ np.repeat([0.0, 1.0], 5) == 0.5)
    assert share > 0.2


def test_skewed_problems_have_a_skewed_interval():
    values = np.random.default_rng(0).beta(0.1, 2, 60)
    rare, common = mean(values), mean(1 - values)
    assert rare.high - rare.value > 1.2 * (rare.value - rare.low)
    assert [rare.low, rare.high] == pytest.approx([1 - common.high, 1 - common.low], abs=ROUNDING)


@given(VALUES)
def test_a_difference_turns_round_with_its_sides(values):
    other = values[::-1]
    there, back = paired_difference(values, other), paired_difference(other, values)
    assert [there.value, there.low, there.high] == pytest.approx([-back.value, -back.high, -back.low], abs=1e-9)


def test_differences_are_taken_within_problems():
    values, easier = accuracies(50), np.tile([0.05, 0.15], 25)
    estimate = paired_difference(values + easier, values)
    assert estimate.value == pytest.approx(0.1)
    assert width(estimate) < 0.2 * width(mean(values))
    assert estimate.excludes_zero and not paired_difference(values, values[::-1]).excludes_zero


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


def test_numerator_and_denominator_of_the_gap_are_resampled_together():
    single, room = accuracies(50), 1 + accuracies(50, seed=1)
    estimate = gap_closed(single + 0.3 * room, single, single + room)
    assert [estimate.low, estimate.value, estimate.high] == pytest.approx([0.3] * 3)


def test_a_gap_without_room_has_neither_value_nor_interval():
    estimate = gap_closed(*[accuracies(10)] * 3)
    assert np.isnan([estimate.value, estimate.low, estimate.high]).all()
    assert estimate.method == "undefined"
    assert json.loads(as_json(estimate))["low"] is None


# where a bootstrap has little to go by


@given(st.sampled_from([0.0, 1.0]), st.integers(2, 200))
def test_all_right_or_all_wrong_is_the_exact_binomial_interval(value, problems):
    found = mean(np.full(problems, value))
    exact = stats.binomtest(int(value * problems), problems).proportion_ci(CONFIDENCE, method="exact")
    assert ends(found) == pytest.approx([exact.low, exact.high])
    assert found.method == "all problems alike, exact bound"


def test_all_right_but_for_rounding_is_all_right():
    assert mean(np.full(20, 1 + 2**-50)).low == pytest.approx(mean(np.ones(20)).low)


@given(st.floats(0, 1), st.integers(2, 60))
def test_a_share_that_all_problems_have_may_be_another_elsewhere(value, problems):
    found = mean(np.full(problems, value))
    unlike = 1 - 0.025 ** (1 / problems)
    assert ends(found) == pytest.approx([value * (1 - unlike), value + unlike * (1 - value)])


@given(VALUES)
def test_methods_that_never_differed_may_differ_elsewhere(values):
    found = paired_difference(values, values.copy())
    unlike = 1 - 0.025 ** (1 / len(values))
    assert [found.value, *ends(found)] == pytest.approx([0, -unlike, unlike], abs=ROUNDING)
    assert not found.excludes_zero


def test_a_method_beside_itself_does_not_differ():
    values = accuracies(30)
    found = paired_difference(values, values)
    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert found.method == "by definition"


@pytest.mark.parametrize("values", [[300.0] * 12, [-1.0] * 12])
def test_numbers_that_are_no_shares_have_no_bound(values):
    found = mean(np.array(values))
    assert ends(found) == [found.value] * 2
    assert found.method == "problem bootstrap without variation"


def test_a_few_gaps_that_are_alike_have_no_interval():
    single, best, method = np.array([0.0, 0.5]), np.array([1.0, 1.0]), np.array([1.0, 1.0])
    found = gap_closed(method, single, best)
    assert found.value == 1 and math.isnan(found.low) and found.method == "all problems alike, too few for an interval"
    assert ends(gap_closed(best, single, best)) == [1, 1] and ends(gap_closed(single, single, best)) == [0, 0]


def test_differences_of_numbers_that_are_no_shares_have_no_bound():
    assert width(paired_difference(np.full(9, 300.0), np.full(9, 0.5))) == 0
    assert width(paired_difference(np.full(9, 0.5), np.full(9, 300.0))) == 0


def test_no_problem_has_no_value_and_one_has_no_interval():
    none, one = mean(np.array([math.nan])), mean(np.array([0.25]))
    assert none.n == 0 and math.isnan(none.value) and none.method == "no problems"
    assert one.value == 0.25 and math.isnan(one.low) and math.isnan(one.high)
    assert one.method == "one problem, no interval"
    assert not none.excludes_zero and not one.excludes_zero
    assert math.isnan(ratio(np.array([1.0]), np.array([2.0])).low)


@pytest.mark.parametrize("problems", range(2, FEW))
def test_few_problems_have_the_interval_of_student(problems):
    values = np.array([0.3, 0.5, 0.45, 0.35])[:problems]
    found = mean(values)
    low, high = stats.t.interval(0.95, problems - 1, values.mean(), stats.sem(values))
    assert ends(found) == pytest.approx([max(low, 0), min(high, 1)])
    assert found.method == "few problems, Student's t"
    assert mean(np.full(FEW, 0.1) + np.arange(FEW) / 10).method == "problem bootstrap, BCa"


def test_a_value_beside_all_its_resamples_is_not_corrected():
    """A distance from here: every resample is farther off than the sample itself."""
    values = accuracies(30)
    here = values.mean()
    found = bootstrap(lambda m: np.abs(m[..., 0] - here), values[:, None])
    assert found.method == "problem bootstrap, percentile"
    assert found.value == pytest.approx(0, abs=ROUNDING) and found.low < found.high


def test_resamples_without_a_value_are_left_out_and_counted():
    """Room in two problems of ten: a tenth of the resamples has none."""
    room = np.zeros(10)
    room[:2] = 0.5, 1.0
    found = gap_closed(room * np.linspace(0.2, 0.7, 10), np.zeros(10), room)
    known = np.sum(problem_weights(10, 0)[:, :2].sum(axis=1) > 0)
    assert found.method == f"problem bootstrap, BCa, {known} of {RESAMPLES} resamples"
    assert found.low < found.value < found.high


def test_a_leave_one_out_value_that_is_missing_leaves_no_acceleration():
    """Room in one problem only: without it there is no gap."""
    room = np.zeros(10)
    room[0] = 1.0
    found = bootstrap(lambda m: np.where(m[..., 0] > 0, m[..., 1], np.nan), np.column_stack([room, accuracies(10)]))
    assert np.isfinite(ends(found)).all() and "BCa" in found.method


def test_the_quantiles_are_shifted_as_efron_says():
    """By hand: bias and acceleration of a made-up statistic."""
    resampled = np.sort(np.random.default_rng(0).normal(0.3, 1, RESAMPLES))
    left_out = np.array([0.0] * 9 + [-1.0])
    low, high, _ = interval(0.0, resampled, left_out)
    bias = stats.norm.ppf(np.mean(resampled < 0))
    influence = left_out.mean() - left_out
    pull = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
    reach = stats.t.ppf(0.975, 9) * math.sqrt(10 / 9)
    levels = [stats.norm.cdf(bias + (bias + z) / (1 - pull * (bias + z))) for z in (-reach, reach)]
    assert pull > 0.1 and bias < -0.2
    assert [low, high] == pytest.approx(list(np.quantile(resampled, levels)))


def test_a_reflected_interval_is_the_percentiles_turned_round():
    values = accuracies(50)
    resampled = problem_weights(50, 0) @ values
    found = bootstrap(lambda m: m[..., 0], values[:, None], reflect=True)
    assert ends(found) == pytest.approx(list(2 * values.mean() - np.quantile(resampled, [0.975, 0.025])))
    assert found.method == "problem bootstrap, reflected"
    near_zero = bootstrap(lambda m: m[..., 0], np.array([[0.0]] * 20 + [[1.0]]), reflect=True)
    assert near_zero.low == 0


def test_observations_of_problems_are_as_their_means():
    values, owner = accuracies(3 * 12), np.repeat(np.arange(12), 3)

    def weighted(w):
        return (w * values).sum(axis=-1) / w.sum(axis=-1)

    found, expected = bootstrap_observations(weighted, owner), mean(values.reshape(12, 3).mean(axis=1))
    assert [found.value, *ends(found)] == pytest.approx([expected.value, *ends(expected)])
    assert math.isnan(bootstrap_observations(weighted, np.zeros(36, dtype=int)).low)
    assert bootstrap_observations(weighted, np.array([], dtype=int)).n == 0


# over seeds


def test_one_trained_seed_is_as_none():
    values, other = accuracies(30), accuracies(30, 1)
    assert mean(values[None]) == mean(values)
    assert paired_difference(values[None], other) == paired_difference(values, other)


def test_seeds_that_agree_add_no_width():
    values, other = accuracies(30), accuracies(30, 1)
    for one, many in [
        (mean(values), mean(np.tile(values, (3, 1)))),
        (paired_difference(values, other), paired_difference(np.tile(values, (3, 1)), other)),
        (gap_closed(values, 0 * values, 1 + other), gap_closed(np.tile(values, (3, 1)), 0 * values, 1 + other)),
    ]:
        assert [many.value, *ends(many)] == pytest.approx([one.value, *ends(one)])
        assert many.method == f"{one.method}; t over 3 seeds" and many.n == one.n


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_distances_over_problems_and_over_seeds_add_as_squares(seeds):
    values = 0.5 * accuracies(40) + 0.02 * np.arange(seeds)[:, None]
    over_problems, both = mean(values.mean(axis=0)), mean(values)
    of_seeds = stats.t.ppf(0.975, seeds - 1) * stats.sem(values.mean(axis=1))
    assert both.value == pytest.approx(values.mean())
    for side in ("low", "high"):
        apart = getattr(over_problems, side) - both.value
        expected = both.value + math.copysign(math.hypot(apart, of_seeds), apart)
        assert getattr(both, side) == pytest.approx(expected)


def test_seeds_alone_have_the_interval_of_student():
    found = mean(np.tile([[0.4], [0.5], [0.54]], (1, 20)) + 100)
    expected = stats.t.interval(0.95, 2, 100.48, stats.sem([0.4, 0.5, 0.54]))
    assert ends(found) == pytest.approx(list(expected))


def test_an_accuracy_over_seeds_stays_an_accuracy():
    found = mean(np.stack([accuracies(30) ** power for power in (0.2, 5)]))
    assert ends(found) == [0, 1]
    apart = paired_difference(np.stack([np.zeros(30), np.ones(30)]), accuracies(30))
    assert ends(apart) == [-1, 1]


def test_a_problem_that_one_seed_lacks_is_left_out_of_all():
    values = np.stack([accuracies(20), accuracies(20, 1), accuracies(20, 2)])
    holes = values.copy()
    holes[1, 4] = math.nan
    assert mean(holes) == mean(np.delete(values, 4, axis=1))


def test_seeds_of_two_methods_are_paired_in_their_order():
    seeds = np.array([0.0, 0.1, 0.2])[:, None]
    first, second = accuracies(40) / 2 + seeds, accuracies(40, 1) / 2 + seeds
    assert width(paired_difference(first, second)) < width(paired_difference(first, second[::-1]))
    assert paired_difference(first, second).value == pytest.approx((first - second).mean())


def test_the_gap_of_seeds_is_that_of_their_means():
    single, best = 0.5 * accuracies(40), np.ones(40)
    seeds = single + np.array([0.1, 0.2, 0.3])[:, None] * (1 - single)
    found = gap_closed(seeds, single, best)
    assert found.value == pytest.approx(0.2)
    assert ends(found) == pytest.approx(list(stats.t.interval(0.95, 2, 0.2, stats.sem([0.1, 0.2, 0.3]))))


def test_resamples_are_drawn_once_for_a_number_of_problems():
    assert problem_weights(11, 3) is problem_weights(11, 3)
    assert not np.array_equal(resampling.problem_weights(11, 3), resampling.problem_weights(11, 4))
