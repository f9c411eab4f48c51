import json
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, strategies as st

from arts.documents.data import as_json
from arts.evaluation.candidates import CandidateScores
from arts.evaluation.solve_rates import RARE, fit_beta, zone_probability
from arts.evaluation.zones import (
    SPLITS,
    Counts,
    extinct,
    extinct_noise,
    halved,
    halved_noise,
    policy_on,
    policy_where_extinct,
    share,
)
from arts.problems.base import Problem

from .samples import RATES, candidates, drawn, panel, score, values


def test_a_problem_is_never_judged_by_the_samples_that_label_it():
    """Of 8 samples one is correct: in the half that labels, so that none is left in the other."""
    correct = np.zeros((2, 8), dtype=bool)
    correct[:, 3] = True
    found = halved(candidates(correct), [], RARE, 0)
    assert found.half == 4
    assert found.labelled.tolist() == [0.5, 0.5] and found.both.tolist() == [0, 0]
    assert not any(x.any() for x in found.fair.values())
    assert found.naive["random"].tolist() == pytest.approx([1 / 8, 1 / 8])
    assert found.naive["oracle (pass@N)"].tolist() == pytest.approx([1 / 2, 1 / 2])


def test_problems_that_all_or_no_samples_solve_are_not_rare():
    correct = np.repeat([[True], [False]], 8, axis=1)
    found = halved(candidates(correct), [], RARE, 0)
    assert found.labelled.tolist() == [0, 0]
    (entry,) = panel(candidates(correct))
    assert (entry.kind, entry.problems, values(entry)) == ("rare", 0, None)
    json.loads(as_json(entry), parse_constant=pytest.fail)


@pytest.mark.parametrize("n", [4, 9, 16, 32])
def test_halvings_are_random_and_of_equal_size(n):
    """400 problems with the correct samples at random places: means over halvings are hypergeometric."""
    rng = np.random.default_rng(n)
    half, c = n // 2, 3
    correct = rng.permuted(np.repeat([np.arange(n) < c], 400, axis=0), axis=1)
    found = halved(candidates(correct), [], RARE, 1)
    most = max(1, half // 8)

    def both(x, y):
        wrong = comb(n - c, half - x) * comb(n - c - (half - x), half - y) if half - x <= n - c else 0
        return comb(c, x) * comb(c - x, y) * wrong

    every = comb(n, half) * comb(n - half, half)
    ways = {(x, y): both(x, y) / every for x in range(min(c, half) + 1) for y in range(min(c - x, half) + 1)}
    labelled = sum(p for (x, _), p in ways.items() if 1 <= x <= most)
    agree = sum(p for (x, y), p in ways.items() if 1 <= x <= most and 1 <= y <= most)
    right = sum(p * y / half for (x, y), p in ways.items() if 1 <= x <= most)
    assert found.half == half
    assert found.labelled.mean() == pytest.approx(labelled, abs=0.03)
    assert found.both.mean() == pytest.approx(agree, abs=0.03)
    assert found.fair["random"].mean() == pytest.approx(right, abs=0.03)


def test_too_few_samples_have_no_halves():
    correct = np.ones((3, 3), dtype=bool)
    assert halved(candidates(correct), [], RARE, 0) is None
    assert panel(candidates(correct)) == []
    assert halved(candidates(np.ones((3, 4), dtype=bool)), [], RARE, 0).half == 2


def test_the_split_estimate_of_accuracy_on_rare_problems_is_that_of_fresh_samples_and_the_naive_one_is_not():
    """A problem counts by its chance to be labelled by eight samples; eight others decide."""
    correct = drawn(RATES, 16, 1)
    found = halved(candidates(correct), [score(correct, 2)], RARE, 0)
    fair, naive = found.accuracy(found.fair, 0), found.accuracy(found.naive, 0)
    weight = 8 * RATES * (1 - RATES) ** 7
    fresh = np.stack([drawn(RATES, 8, 100 + i) for i in range(50)])
    best = np.stack([f[np.arange(len(f)), score(f, i).scores.argmax(axis=1)] for i, f in enumerate(fresh)]).mean(axis=0)
    accuracy = {"random": RATES, "oracle (pass@N)": 1 - (1 - RATES) ** 8, "v best-of-N": best}
    for name, of_problem in accuracy.items():
        truth = (weight * of_problem).sum() / weight.sum()
        width = fair[name].high - fair[name].low
        assert fair[name].value == pytest.approx(truth, abs=width / 2)
        assert width < 0.1
        assert abs(naive[name].value - truth) > width / 2, name
    assert naive["random"].value == pytest.approx(1 / 8)
    assert naive["oracle (pass@N)"].value == pytest.approx(1)


def test_label_noise_of_rare_problems_is_foretold():
    correct = drawn(RATES, 16, 3)
    found = halved(candidates(correct), [], RARE, 0)
    noise = halved_noise(found, candidates(correct), RARE, 0)
    low, high = RARE.rates
    member = (low <= RATES) & (high > RATES)
    false = found.labelled[~member].sum() / found.labelled.sum()
    missed = 1 - found.labelled[member].mean()
    label = 8 * RATES * (1 - RATES) ** 7
    assert noise.false.value == pytest.approx(false, abs=0.05) and noise.false.value > 0.3
    assert noise.missed.value == pytest.approx(missed, abs=0.05) and noise.missed.value > 0.3
    assert noise.agreement.value == pytest.approx((label**2).sum() / label.sum(), abs=0.05)


def test_the_rare_entry_says_how_it_was_made():
    correct = drawn(RATES[:200], 16, 4)
    rows = {f"p{i}": row.tolist() for i, row in enumerate(drawn(RATES[:200] ** 2, 5, 5))}
    entry = next(e for e in panel(candidates(correct), policy=rows) if e.kind == "rare")
    found = halved(candidates(correct), [], RARE, 0)
    assert entry.k == 8 and f"{SPLITS} random halvings" in entry.note
    assert entry.note.startswith("1 of 8 samples correct; labelled on one half")
    assert entry.problems == pytest.approx(found.labelled.sum())
    assert entry.methods == found.accuracy(found.fair, 0) != entry.label_noise.naive
    weights = found.labelled
    rates = np.array([np.mean(row) for row in rows.values()])
    assert entry.policy.value == pytest.approx((weights * rates).sum() / weights.sum())
    assert entry.methods["random"].n == (weights > 0).sum()
    wide = panel(candidates(drawn(RATES[:50], 48, 0)))[-1]
    assert wide.note.startswith("1 to 3 of 24 samples correct")


def test_several_trained_seeds_stay_apart_until_the_interval():
    correct = drawn(RATES[:150], 16, 6)
    members = [
        CandidateScores(verifier="v", aggregation="last", unit="logit", scores=score(correct, i).scores)
        for i in range(3)
    ]
    found = halved(candidates(correct), members, RARE, 0)
    assert found.fair["v best-of-N"].shape == (3, 150) and found.fair["random"].shape == (150,)
    each = [halved(candidates(correct), [m], RARE, 0).fair["v best-of-N"] for m in members]
    assert found.fair["v best-of-N"] == pytest.approx(np.stack(each))
    entry = panel(candidates(correct, level=[i % 2 for i in range(150)]), scored=members)
    assert all("seeds" in e.methods["v best-of-N"].method for e in entry)
    one = np.mean([x.sum() for x in each]) / found.labelled.sum()
    assert entry[-1].methods["v best-of-N"].value == pytest.approx(one)


def test_posterior_probabilities_use_all_samples():
    correct = drawn(RATES[:100], 16, 11)
    found = halved(candidates(correct), [], RARE, 0)
    c, n = correct.sum(axis=1), np.full(100, 16)
    belong = zone_probability(c, n, fit_beta(c, n), RARE)
    noise = halved_noise(found, candidates(correct), RARE, 0)
    assert noise.false.value == pytest.approx((found.labelled * (1 - belong)).sum() / found.labelled.sum())


def test_extinct_problems_have_samples_of_the_policy_and_none_is_correct():
    policy = Counts.of(
        [Problem(id=i, question="", answer="") for i in "abcd"],
        {"a": [False, False], "b": [False, True], "c": [], "x": [False]},
    )
    assert policy.correct.tolist() == [0, 1, 0, 0] and policy.drawn.tolist() == [2, 2, 0, 0]
    assert extinct(policy).tolist() == [True, False, False, False]
    assert policy.rates[:2].tolist() == [0, 0.5] and np.isnan(policy.rates[2:]).all()


SAMPLES = st.lists(st.lists(st.booleans(), max_size=6), min_size=1, max_size=5)


@given(SAMPLES)
def test_the_policy_where_it_is_extinct_is_its_definition_over_all_halvings(rows):
    """One half, rounded down, labels; the other samples are counted."""
    times = right = labelled = 0.0
    for row in rows:
        if len(row) < 2:
            continue
        halves = list(combinations(range(len(row)), len(row) // 2))
        for half in halves:
            if not any(row[i] for i in half):
                times += 1 / len(halves)
                right += np.mean([row[i] for i in range(len(row)) if i not in half]) / len(halves)
        labelled += not any(row)
    policy = Counts(correct=np.array([sum(r) for r in rows]), drawn=np.array([len(r) for r in rows]))
    found, noise = policy_where_extinct(policy, 0), extinct_noise(policy, 0)
    if times:
        assert found.value == pytest.approx(right / times)
        assert noise.agreement.value == pytest.approx(labelled / times)
    else:
        assert np.isnan(found.value) and np.isnan(noise.agreement.value)


def test_figures_on_extinct_problems_are_those_of_fresh_samples():
    """Base samples know nothing of the label, so all of them decide; the policy's own are halved."""
    after = RATES**3
    base, policy = drawn(RATES, 16, 7), drawn(after, 16, 8)
    rows = {f"p{i}": row.tolist() for i, row in enumerate(policy)}
    entry = panel(candidates(base), policy=rows)[-1]
    weight, half = (1 - after) ** 16, (1 - after) ** 8
    truth = {"random": RATES, "oracle (pass@N)": 1 - (1 - RATES) ** 16}
    assert (entry.kind, entry.k, entry.problems) == ("extinct", 16, (~policy.any(axis=1)).sum())
    for name, accuracy in truth.items():
        estimate = entry.methods[name]
        assert estimate.low < (weight * accuracy).sum() / weight.sum() < estimate.high
    own = entry.policy
    assert own.low < (half * after).sum() / half.sum() < own.high and own.low > 0
    noise = entry.label_noise
    labelled = ~policy.any(axis=1)
    member = after < 1 / 32
    assert noise.false.value == pytest.approx(1 - member[labelled].mean(), abs=0.05)
    assert noise.missed.value == pytest.approx(1 - labelled[member].mean(), abs=0.05)
    assert noise.naive == {} and "none of the policy's 16 samples correct" in entry.note


def test_a_policy_may_have_samples_of_some_problems_only():
    found = candidates(np.ones((4, 2), dtype=bool), level=[1, 1, 2, 2])
    rows = {"p0": [True, False, False], "p1": [False], "p3": [False, False]}
    level_1, level_2, lost = panel(found, policy=rows)
    assert level_1.policy.value == pytest.approx(1 / 6) and level_1.policy.n == 2
    assert level_2.policy.value == 0 and level_2.policy.n == 1
    assert lost.problems == 2 and "policy's 1 to 3 samples" in lost.note
    nothing = panel(found, policy={})[-1]
    assert nothing.problems == 0 and values(nothing) is None and "policy's 0 samples" in nothing.note
    json.loads(as_json([level_1, level_2, lost, nothing]), parse_constant=pytest.fail)


def test_problems_without_samples_of_the_policy_do_not_count_as_missed():
    some = Counts(correct=np.array([0, 0, 1, 8]), drawn=np.array([8, 8, 8, 8]))
    more = Counts(correct=np.append(some.correct, [0, 0]), drawn=np.append(some.drawn, [0, 0]))
    assert extinct_noise(more, 0) == extinct_noise(some, 0)


def test_a_policy_is_counted_where_other_samples_chose_the_problems():
    policy = Counts(correct=np.array([1, 2, 0, 4]), drawn=np.array([4, 4, 0, 4]))
    assert policy_on(policy, np.array([1.0, 1.0, 1.0, 0.0]), 0).value == pytest.approx(3 / 8)
    assert policy_on(policy, np.array([0.5, 0.25, 0.0, 0.0]), 0).value == pytest.approx(1 / 3)


def test_a_share_has_a_width_where_all_problems_are_alike():
    equal, unequal = np.ones(20), np.array([1.0] * 4 + [1e-9] * 16)
    none, few = share(0 * equal, equal, 0), share(0 * unequal, unequal, 0)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert few.high == pytest.approx(1 - 0.025 ** (1 / 4))
    every = share(unequal, unequal, 0)
    assert (every.value, every.high) == (1, 1) and every.low == pytest.approx(0.025 ** (1 / 4))
    assert share(np.tile([0.0, 1.0], 10), equal, 0).value == 0.5
