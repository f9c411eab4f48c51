import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from arts.evaluation.paired import paired_test
from arts.evaluation.power import detectable_difference, paired_sd, problems_needed, unpaired_sd

SDS = st.floats(0.05, 0.7)


def found_share(problems, difference, sd, simulations, alpha=0.05):
    """How often a t-test of normal numbers finds it."""
    numbers = np.random.default_rng(0).normal(difference, sd, (simulations, problems))
    return np.mean(stats.ttest_1samp(numbers, 0, axis=1).pvalue < alpha)


@pytest.mark.parametrize("problems, power, alpha", [(8, 0.8, 0.05), (50, 0.8, 0.05), (200, 0.9, 0.01)])
def test_the_difference_is_found_as_often_as_said(problems, power, alpha):
    difference = detectable_difference(problems, 0.3, power=power, alpha=alpha)
    simulations = 10_000
    share = found_share(problems, difference, 0.3, simulations, alpha)
    assert share == pytest.approx(power, abs=4 * math.sqrt(power * (1 - power) / simulations))


@given(st.integers(10, 5_000), SDS)
def test_problems_needed_are_the_other_way_round(problems, sd):
    difference = detectable_difference(problems, sd)
    if not math.isnan(difference):
        assert problems_needed(difference * (1 + 1e-9), sd) == problems
        assert problems_needed(difference * (1 - 1e-6), sd) == problems + 1


@given(st.integers(4, 2_000), st.floats(0.01, 0.1))
def test_more_problems_or_quieter_ones_find_smaller_differences(problems, sd):
    there = detectable_difference(problems, sd)
    assert detectable_difference(problems + 1, sd) < there < detectable_difference(problems, 1.1 * sd)
    assert there < detectable_difference(problems, sd, power=0.9)
    assert there < detectable_difference(problems, sd, alpha=0.01)


def test_with_power_one_half_it_is_half_of_an_interval():
    """74.6 on 500 problems is ± 3.8 points."""
    half = detectable_difference(500, math.sqrt(0.746 * 0.254), power=0.5)
    assert half == pytest.approx(0.0383, abs=0.0001)


def test_what_no_difference_can_show_has_no_number():
    assert math.isnan(detectable_difference(1, 0.3))
    assert math.isnan(detectable_difference(0, 0.3))
    assert math.isnan(detectable_difference(3, unpaired_sd(0.5)))
    assert detectable_difference(50, 0.0) == 0


@pytest.mark.parametrize("difference", [0.0, -0.1, 1.1, math.nan])
def test_problems_are_needed_for_a_difference(difference):
    with pytest.raises(ValueError, match="give one between 0 and 1"):
        problems_needed(difference, 0.3)


def test_spreads_by_hand():
    assert paired_sd(0.16) == pytest.approx(0.4)
    assert unpaired_sd(0.5) == pytest.approx(math.sqrt(0.5))
    assert unpaired_sd(0.1) == pytest.approx(math.sqrt(0.18))


@pytest.mark.slow
@pytest.mark.parametrize("problems, discordant", [(100, 0.2), (500, 0.1), (500, 0.3), (2_000, 0.1)])
def test_mcnemar_finds_nearly_as_much_as_said(problems, discordant):
    """Exact McNemar is conservative: of 80 % it finds 77 to 78 %; ± 4 standard errors of 2,000 simulations."""
    difference = detectable_difference(problems, paired_sd(discordant))
    rng, simulations = np.random.default_rng(0), 2_000
    shares = (discordant + difference) / 2, (discordant - difference) / 2
    counts = rng.multinomial(problems, [*shares, 1 - discordant], simulations)
    found = np.mean([stats.binomtest(int(w), int(w + lost)).pvalue < 0.05 for w, lost, _ in counts])
    print(f"McNemar P={problems} discordant={discordant} difference={difference:.3f}: power {found:.3f}")
    assert 0.735 < found < 0.82


@pytest.mark.slow
def test_different_problems_need_about_so_many():
    difference, simulations = detectable_difference(500, unpaired_sd(0.6)), 4_000
    rng = np.random.default_rng(0)
    a, b = (rng.binomial(500, 0.6 + side * difference / 2, simulations) / 500 for side in (1, -1))
    error = np.sqrt((a * (1 - a) + b * (1 - b)) / 500)
    assert np.mean(np.abs(a - b) / error > 1.96) == pytest.approx(0.8, abs=4 * 0.4 / math.sqrt(simulations) + 0.01)


@pytest.mark.slow
def test_averages_over_samples_find_as_much_as_said():
    problems, simulations = 200, 400
    rng = np.random.default_rng(0)

    def pair(shift):
        p = rng.uniform(0.1, 0.7, problems)
        return rng.binomial(8, p + shift) / 8, rng.binomial(8, p) / 8

    sd = np.std([np.subtract(*pair(0)) for _ in range(100)])
    difference = detectable_difference(problems, sd)
    found = np.mean([paired_test(*pair(difference)).p < 0.05 for _ in range(simulations)])
    assert found == pytest.approx(0.8, abs=4 * 0.4 / math.sqrt(simulations))


def test_the_page_shows_what_can_be_found():
    page = (Path(__file__).parents[2] / "docs/statistics.md").read_text(encoding="utf-8")
    for problems in (50, 100, 200, 500, 1_000, 2_000, 5_000):
        cells = [detectable_difference(problems, 0.5, power=0.5)]
        cells += [detectable_difference(problems, paired_sd(share)) for share in (0.05, 0.1, 0.2)]
        cells += [detectable_difference(problems, unpaired_sd(0.75))]
        assert f"| {problems:,} | {' | '.join(f'{100 * x:.1f}' for x in cells)} |" in page
    assert f"= {problems_needed(0.02, paired_sd(0.1)):,}" in page
