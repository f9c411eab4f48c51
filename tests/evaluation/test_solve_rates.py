import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from msgspec import structs
from scipy.stats import beta, betabinom

from arts.documents.data import as_json
from arts.evaluation.solve_rates import (
    BINS,
    RARE,
    UNSOLVED,
    Zone,
    fit_beta,
    label_errors,
    shrunk,
    solve_rates,
    zone_probability,
)

COUNTS = st.lists(st.integers(0, 16), min_size=1, max_size=40)
NAMES = ("belong", "false", "missed")


def world(problems, n=16, a=0.5, b=0.8, seed=0):
    """True rates, and how many of n samples are correct."""
    rng = np.random.default_rng(seed)
    rates = rng.beta(a, b, problems)
    return rates, rng.binomial(n, rates), np.full(problems, n)


def inside(rates, zone):
    low, high = zone.rates
    return (low <= rates) & (rates < high)


def test_the_prior_is_the_likeliest():
    _, c, n = world(2_000, 12, 0.5, 1.5)
    a, b = fit_beta(c, n)
    assert (a, b) == pytest.approx((0.5, 1.5), rel=0.15)

    def likelihood(a, b):
        return betabinom.logpmf(c, n, a, b).sum()

    assert all(likelihood(a, b) > likelihood(x, y) for x, y in [(a * 1.1, b), (a / 1.1, b), (a, b * 1.1), (a, b / 1.1)])
    assert fit_beta(np.array([0, 1]), np.array([1, 1])) is None
    assert fit_beta(np.array([], dtype=int), np.array([], dtype=int)) is None


@pytest.mark.parametrize("shape", [(0.3, 0.6), (0.5, 0.5), (2.0, 5.0)])
def test_shrunk_rates_are_nearer_to_the_true_ones_than_counted_ones_and_the_errors_are_as_said(shape):
    rates, c, n = world(2_000, 8, *shape, seed=1)
    found = solve_rates(np.arange(8) < c[:, None])
    raw, better = (float(np.sqrt(((x - rates) ** 2).mean())) for x in (c / n, shrunk(c, n, fit_beta(c, n))))
    assert better < 0.97 * raw
    assert found.error.observed == pytest.approx(raw, rel=0.06) and found.error.shrunk == pytest.approx(
        better, rel=0.06
    )
    assert found.reliability == pytest.approx(rates.var() / (c / n).var(), abs=0.05)


def test_the_error_of_shrunk_rates_is_the_spread_of_their_posteriors():
    _, c, n = world(50, 4)
    found = solve_rates(np.arange(4) < c[:, None])
    a, b = found.prior
    assert found.error.shrunk == pytest.approx(np.sqrt(beta.var(a + c, b + n - c).mean()))


def test_a_shrunk_rate_is_the_posterior_mean():
    c, n = np.array([0, 3, 4]), np.array([4, 4, 4])
    assert shrunk(c, n, (1.0, 2.0)) == pytest.approx([1 / 7, 4 / 7, 5 / 7])
    assert shrunk(np.array([0]), np.array([0]), (1.0, 2.0)) == pytest.approx([1 / 3])


def test_zones_are_counts_and_the_rates_next_to_them():
    counts = np.arange(17)
    assert np.flatnonzero(RARE.labels(counts, 16)).tolist() == [1, 2]
    assert np.flatnonzero(UNSOLVED.labels(counts, 16)).tolist() == [0]
    assert RARE.rates == (1 / 32, 5 / 32) and UNSOLVED.rates == (0, 1 / 32)
    most = {n: np.flatnonzero(RARE.labels(np.arange(n + 1), n)).tolist() for n in (1, 4, 8, 15, 24, 32)}
    assert most == {1: [1], 4: [1], 8: [1], 15: [1], 24: [1, 2, 3], 32: [1, 2, 3, 4]}
    assert RARE.labels(np.array([1, 2, 2]), np.array([4, 16, 8])).tolist() == [True, True, False]


def test_the_probability_of_a_zone_is_the_mass_of_the_posterior_there():
    wide = Zone(name="wide", least=3, most=8)
    found = zone_probability(np.array([2]), np.array([6]), (0.5, 2.0), wide)
    assert found == pytest.approx(beta.cdf(8.5 / 16, 2.5, 6.0) - beta.cdf(2.5 / 16, 2.5, 6.0))


@pytest.mark.parametrize("zone", [RARE, UNSOLVED], ids=lambda z: z.name)
def test_probabilities_of_a_zone_are_calibrated(zone):
    """Among problems with one count, the share that belongs is the probability, within four standard errors."""
    rates, c, n = world(40_000)
    member = zone_probability(c, n, fit_beta(c, n), zone)
    assert member.mean() == pytest.approx(inside(rates, zone).mean(), abs=0.005)
    for count in range(5):
        of = c == count
        p = member[of].mean()
        assert inside(rates[of], zone).mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / of.sum()) + 0.002)


@pytest.mark.parametrize("zone", [RARE, UNSOLVED], ids=lambda z: z.name)
def test_errors_of_labels_are_foretold_without_knowing_the_true_rates(zone):
    rates, c, n = world(3_000, seed=1)
    labelled, member = zone.labels(c, n), inside(rates, zone)
    found = label_errors(c, n, labelled.astype(float), zone)
    truth = {"belong": member.mean(), "false": 1 - member[labelled].mean(), "missed": 1 - labelled[member].mean()}
    noise = 3 * np.sqrt(0.25 / min(labelled.sum(), member.sum()))
    assert {name: e.value for name, e in structs.asdict(found).items()} == pytest.approx(truth, abs=noise)


def test_intervals_on_errors_of_labels_cover_them_and_the_choice_of_the_prior():
    """The true share among all problems, of 60 sets of 60 problems; four standard errors below 95 % is 84 %."""
    rates, c, n = world(400_000, seed=2)
    member, labelled = inside(rates, UNSOLVED), UNSOLVED.labels(c, n)
    truth = {"belong": member.mean(), "false": 1 - member[labelled].mean(), "missed": 1 - labelled[member].mean()}
    covered = dict.fromkeys(NAMES, 0)
    for part in range(60):
        of = slice(60 * part, 60 * (part + 1))
        found = label_errors(c[of], n[of], labelled[of].astype(float), UNSOLVED)
        assert found.false.high - found.false.low > 0.02  # all labels are alike, only the prior is not known
        for name in NAMES:
            covered[name] += getattr(found, name).low <= truth[name] <= getattr(found, name).high
    assert min(covered.values()) >= 0.84 * 60


def test_errors_of_labels_are_weighted_by_how_often_a_problem_is_labelled():
    _, c, n = world(200)
    weights = np.random.default_rng(0).random(200)
    member = zone_probability(c, n, fit_beta(c, n), RARE)
    found = label_errors(c, n, weights, RARE)
    assert found.belong.value == pytest.approx(member.mean())
    assert found.false.value == pytest.approx((weights * (1 - member)).sum() / weights.sum())
    assert found.missed.value == pytest.approx(((1 - weights) * member).sum() / member.sum())
    none = label_errors(c, n, np.zeros(200), RARE)
    assert np.isnan(none.false.value) and none.missed.value == pytest.approx(1)


def test_numbers_of_samples_may_differ_and_one_sample_each_says_nothing():
    _, c, n = world(300, 16)
    short = np.where(np.arange(300) % 2, 4, n)
    found = label_errors(np.minimum(c, short), short, np.ones(300), UNSOLVED)
    assert 0 < found.false.value < 1
    assert np.isnan(
        [e.value for e in structs.astuple(label_errors(np.array([0, 1]), np.array([1, 1]), np.ones(2), RARE))]
    ).all()
    assert solve_rates(np.array([[True], [False]])) is None


def test_the_histogram_keeps_nothing_and_all_apart():
    c = np.array([0, 0, 1, 2, 3, 10, 10, 10, 9, 5])
    found = solve_rates(np.arange(10) < c[:, None])
    observed = [row.observed for row in found.bins]
    assert observed == pytest.approx([0.2, 0.1, 0.1, 0.1, 0, 0.1, 0, 0, 0, 0.1, 0, 0.3])  # 3 of 10 is in (0.2, 0.3]
    assert [(row.low, row.high) for row in (found.bins[0], found.bins[-1])] == [(0, 0), (1, 1)]
    assert all(a.high == b.low for a, b in pairwise(found.bins))
    assert found.n == 10
    assert [zone.labelled.value for zone in found.zones] == pytest.approx([0.2, 0.1])
    uneven = solve_rates(np.arange(8) < np.array([1, 1, 7])[:, None])  # 1/8 is in (0.1, 0.2], 7/8 in (0.8, 0.9]
    assert [i for i, row in enumerate(uneven.bins) if row.observed] == [2, 9]


def test_shrunk_rates_are_counted_where_they_lie():
    found = solve_rates(np.arange(4) < np.array([0, 1, 2, 3, 4])[:, None])
    a, b = found.prior
    for count in range(5):
        place = [row for row in found.bins if row.low < (a + count) / (a + b + 4) <= row.high]
        assert len(place) == 1 and place[0].shrunk > 0
    assert found.bins[0].shrunk == found.bins[-1].shrunk == 0


@settings(max_examples=25, deadline=None)
@given(COUNTS)
def test_whatever_the_counts_shares_are_shares_and_the_whole_is_json(counts):
    found = solve_rates(np.arange(16) < np.array(counts)[:, None])
    assert len(found.bins) == BINS + 2
    assert sum(row.observed for row in found.bins) == pytest.approx(1)
    assert sum(row.shrunk for row in found.bins) == pytest.approx(1)
    for zone in found.zones:
        values = [e.value for e in (zone.labelled, zone.belong, zone.false, zone.missed) if e.defined]
        assert all(-1e-9 <= v <= 1 + 1e-9 for v in values)
    assert [zone.name for zone in found.zones] == ["unsolved", "rare"]
    json.loads(as_json(found), parse_constant=pytest.fail)
