"""Formulas against finite differences, enumeration against a loop over draws, Monte Carlo against enumeration."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import binom
from theory import chain, drift, group_probability, groups, kl_optimum, miss_probability

from arts.squeeze.exact import ever_sampled_bound, grpo_pace, losing_below, seen_threshold
from arts.squeeze.policy import RARE, World, draw, normalised, policy_gradient, tempered
from arts.squeeze.rules import RULES, Update, kl_gradient
from arts.squeeze.simulate import dynamics

EXACT = 1e-12
SEEDS = st.integers(0, 10_000)
START = np.log(np.array([0.55, 0.15, 0.3]))
REWARDS = np.array([1.0, 1.0, 0.0])
SMALL = {"n": 3, "temperature": 0.8, "updates": 3}


def policy(seed, k=6):
    rng = np.random.default_rng(seed)
    return normalised(1.5 * rng.normal(size=k)), np.array([1.0, 1.0, *(rng.random(k - 3) < 0.5), 0.0])


def mean_step(rule, log_policy, rewards, n, temperature=1.0):
    """Expectation of a rule's step over every group that can be drawn."""
    outcomes = groups(len(log_policy), n)
    before = np.broadcast_to(log_policy, outcomes.shape)
    step = RULES[rule](before, outcomes, rewards, before, Update())
    return group_probability(tempered(log_policy, temperature)[None], outcomes)[0] @ step


@given(st.floats(1e-6, 1), st.integers(1, 300))
def test_a_trajectory_is_missed_by_all_draws_with_one_minus_q_to_the_n(q, n):
    assert miss_probability(np.array(q), n) == pytest.approx((1 - q) ** n, rel=1e-9)


def test_the_miss_probability_is_that_of_the_groups_without_it():
    outcomes = groups(3, 5)
    chances = group_probability(START[None], outcomes)[0]
    for j, q in enumerate(np.exp(START)):
        assert chances[outcomes[:, j] == 0].sum() == pytest.approx(miss_probability(q, 5), abs=EXACT)


def test_drawn_groups_miss_as_often_as_the_formula_says():
    """Within the exact binomial bounds of one in a million on either side, at a temperature of 0.6."""
    runs, n = 20_000, 16
    q = np.exp(tempered(START, 0.6))
    counts = draw(np.broadcast_to(START, (runs, 3)), n, 0.6, np.random.default_rng(0))
    assert (counts.sum(axis=1) == n).all()
    for missed, p in zip((counts == 0).sum(axis=0), miss_probability(q, n), strict=True):
        low, high = binom.ppf([1e-6, 1 - 1e-6], runs, p)
        assert low <= missed <= high


@given(SEEDS)
def test_the_drift_is_the_slope_of_the_log_probabilities_along_the_gradient(seed):
    log_policy, rewards = policy(seed)
    gradient, h = policy_gradient(log_policy, rewards), 1e-5
    ahead, behind = (normalised(log_policy + sign * h * gradient) for sign in (1, -1))
    assert drift(log_policy, rewards) == pytest.approx((ahead - behind) / (2 * h), abs=1e-9)


@given(SEEDS)
def test_correct_trajectories_below_the_threshold_lose_without_any_sampling(seed):
    log_policy, correct = policy(seed)
    loses = drift(log_policy, correct)[correct == 1] < 0
    assert (loses == (np.exp(log_policy)[correct == 1] < losing_below(log_policy, correct))).all()


def test_whether_a_rare_correct_trajectory_loses_depends_on_how_the_wrong_mass_is_spread():
    pi0 = np.array([0.01])
    for paths, loses in ((1, False), (10, True)):
        world = World(wrong_paths=paths)
        log_policy = world.log_policy(pi0)
        assert (drift(log_policy, world.rewards())[0, RARE] < 0) == loses
        assert (losing_below(log_policy, world.rewards())[0] > pi0[0]) == loses


@given(SEEDS)
def test_inverse_weights_of_correct_trajectories_keep_their_distances(seed):
    """exp(−z) falls equally fast for all trajectories of one reward, under the exact gradient."""
    log_policy, rewards = policy(seed)
    speed = -np.exp(-log_policy) * policy_gradient(log_policy, rewards)
    for reward in (0, 1):
        assert np.ptp(speed[rewards == reward]) < 1e-11


@given(SEEDS)
def test_odds_of_correct_trajectories_only_move_apart(seed):
    log_policy, correct = policy(seed)
    pi = np.exp(log_policy)
    right, moves = (pi * correct).sum(), drift(log_policy, correct)
    for j, k in itertools.combinations(np.flatnonzero(correct), 2):
        assert moves[j] - moves[k] == pytest.approx((pi[j] - pi[k]) * (1 - right), abs=EXACT)


@given(SEEDS)
def test_the_speed_of_learning_is_that_of_the_proof_and_within_its_bounds(seed):
    """dJ/dt = (1 − J)² S_c + J² S_w, at least (1 − J)² J² / K and at most 2 (1 − J)²; Σ z stays."""
    log_policy, correct = policy(seed)
    pi = np.exp(log_policy)
    j = (pi * correct).sum()
    speed = (pi * correct * drift(log_policy, correct)).sum()
    squares = [(pi**2 * part).sum() for part in (correct, 1 - correct)]
    assert speed == pytest.approx((1 - j) ** 2 * squares[0] + j**2 * squares[1], abs=EXACT)
    assert (1 - j) ** 2 * j**2 / len(pi) <= speed <= 2 * (1 - j) ** 2
    assert policy_gradient(log_policy, correct).sum() == pytest.approx(0, abs=EXACT)


def test_what_is_wrong_falls_as_one_over_t_and_no_faster():
    """In small steps: 1 / (1 − J) grows by 2 per unit of time at most, and towards the end by 1 at least."""
    rate, updates = 0.2, 5_000
    run = dynamics(START[None], REWARDS, RULES["exact"], Update(rate=rate), n=1, temperature=1.0, updates=updates,
                   rng=np.random.default_rng(0))  # fmt: skip
    slope = np.diff(1 / np.exp(np.concatenate(list(run))[:, 2])) / rate
    assert slope.max() <= 2
    assert (slope[updates // 2 :] >= 1).all()


def test_the_exact_gradient_ends_at_the_most_probable_correct_trajectory():
    log_policy = np.log(np.array([[0.2, 0.15, 0.05, 0.6]]))
    rewards = np.array([1.0, 1.0, 1.0, 0.0])
    run = dynamics(
        log_policy,
        rewards,
        RULES["exact"],
        Update(rate=5.0),
        n=1,
        temperature=1.0,
        updates=12_000,
        rng=np.random.default_rng(0),
    )
    pi = np.exp(np.concatenate(list(run)))
    assert (np.diff(pi[:, :3].sum(axis=1)) > 0).all()
    assert (np.diff(pi[:, 1] / pi[:, 0]) < 0).all() and (np.diff(pi[:, 2] / pi[:, 1]) < 0).all()
    assert pi[0, 0] < 0.21 and pi[-1, 0] > 0.98


@pytest.mark.parametrize("n", [2, 3, 5])
def test_gradient_rules_move_along_the_exact_gradient_on_average(n):
    log_policy, rewards = normalised(np.random.default_rng(n).normal(size=4)), np.array([1.0, 1.0, 0.0, 0.0])
    exact = policy_gradient(log_policy, rewards)
    pace = grpo_pace(float(np.exp(log_policy[:2]).sum()), n)
    assert mean_step("reinforce", log_policy, rewards, n) == pytest.approx(exact, abs=EXACT)
    assert mean_step("dr_grpo", log_policy, rewards, n) == pytest.approx(exact * (n - 1) / n, abs=EXACT)
    assert mean_step("grpo", log_policy, rewards, n) == pytest.approx(exact * pace, abs=1e-5)


def test_at_another_temperature_they_move_along_the_gradient_at_the_sampling_distribution():
    """So that learning ends when q is right, not π: early where q is the sharper one."""
    for temperature in (0.5, 1.5):
        at_q = policy_gradient(tempered(START, temperature), REWARDS)
        step = mean_step("dr_grpo", START, REWARDS, 4, temperature)
        assert step == pytest.approx(at_q * 3 / 4, abs=EXACT)


def test_large_groups_keep_grpo_going_where_most_draws_are_right():
    for n in (2, 4, 64):
        assert grpo_pace(1 - 1e-7, n) == pytest.approx(math.sqrt(n - 1), rel=1e-4)


def test_the_reward_weighted_step_on_average_is_the_chance_to_be_seen():
    expected = (1 - miss_probability(np.exp(START), 4)) * REWARDS
    assert mean_step("reward_weighted", START, REWARDS, 4) == pytest.approx(expected, abs=EXACT)


@given(SEEDS, st.floats(0.2, 3))
def test_at_the_optimum_under_kl_nothing_moves_and_correct_odds_are_kept(seed, kl):
    reference, rewards = policy(seed)
    best = kl_optimum(reference, rewards, kl)
    assert policy_gradient(best, rewards) == pytest.approx(kl * kl_gradient(best, reference), abs=EXACT)
    gain = (best - reference)[rewards == 1]
    assert np.ptp(gain) < EXACT and (gain >= -EXACT).all()
    right = np.exp(reference)[rewards == 1].sum()
    assert np.exp(gain) == pytest.approx(1 / (right + (1 - right) * math.exp(-1 / kl)), rel=1e-9)


def test_the_exact_gradient_with_kl_comes_to_that_optimum():
    reference = START[None]
    rule, update = RULES["exact"], Update(kl=0.5)
    run = dynamics(reference, REWARDS, rule, update, n=1, temperature=1.0, updates=2_000, rng=np.random.default_rng(0))
    *_, last = run
    assert np.exp(last) == pytest.approx(np.exp(kl_optimum(reference, REWARDS, 0.5)), abs=1e-9)


def test_kl_brings_a_rare_trajectory_back_only_after_it_was_lost():
    """Its pull on a logit is proportional to the probability: π (log π/π_ref − KL)."""
    world, update = World(), Update(kl=0.3)
    start = world.log_policy(np.array([0.01]))
    policies = dynamics(
        start,
        world.rewards(),
        RULES["exact"],
        update,
        n=1,
        temperature=1.0,
        updates=4_000,
        rng=np.random.default_rng(0),
    )
    rare = np.exp(np.concatenate(list(policies)))[:, RARE]
    best = np.exp(kl_optimum(start, world.rewards(), 0.3))[0, RARE]
    assert best > 0.019 and rare[100] < 0.0015 and rare[1000] < 0.006
    assert rare[-1] == pytest.approx(best, rel=0.01)


@pytest.mark.parametrize("rule", list(RULES))
def test_the_chain_is_the_average_over_all_sequences_of_draws(rule):
    n, updates, update = 2, 2, Update(kl=0.1, inner=2)
    q_before = START[None]
    expected = np.zeros(3)

    def walk(log_policy, chance, left):
        if left == 0:
            expected[:] += chance * np.exp(log_policy[0])
            return
        q = np.exp(log_policy[0] / 0.8) / np.exp(log_policy[0] / 0.8).sum()
        for draws in itertools.product(range(3), repeat=n):
            counts = np.bincount(draws, minlength=3)[None]
            step = RULES[rule](log_policy, counts, REWARDS, q_before, update)
            walk(normalised(log_policy + step), chance * q[list(draws)].prod(), left - 1)

    walk(START[None], 1.0, updates)
    found = chain(START, REWARDS, RULES[rule], update, n=n, temperature=0.8, updates=updates)
    assert found.probability.sum() == pytest.approx(1, abs=EXACT)
    assert found.expected() == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("rule", list(RULES))
def test_monte_carlo_agrees_with_the_exact_chain(rule):
    """Means within six standard errors, extinct runs within the exact binomial bounds of one in a million."""
    runs, update = 20_000, Update(inner=2)
    exact = chain(START, REWARDS, RULES[rule], update, **SMALL)
    *_, last = dynamics(
        np.repeat(START[None], runs, axis=0), REWARDS, RULES[rule], update, rng=np.random.default_rng(1), **SMALL
    )
    pi = np.exp(last)
    assert np.abs(pi.mean(axis=0) - exact.expected()).max() <= 6 * (pi.std(axis=0) / math.sqrt(runs)).max() + EXACT
    for floor in (0.05, 0.1, 0.2):
        p = exact.probability[exact.log_policy[:, RARE] <= np.log(floor)].sum()
        low, high = binom.ppf([1e-6, 1 - 1e-6], runs, min(p, 1.0))
        assert low <= (pi[:, RARE] <= floor).sum() <= high


@pytest.mark.parametrize("n, level", [(1, 0.3), (16, 0.5), (64, 0.9)])
def test_the_first_group_holds_a_trajectory_at_the_threshold_with_the_given_chance(n, level):
    world = World(wrong_mass=0.02)
    assert seen_threshold(world, n, 1.0, level) == pytest.approx(1 - (1 - level) ** (1 / n), rel=1e-9)
    for temperature in (0.6, 1.5):
        pi0 = seen_threshold(world, n, temperature, level)
        q = np.exp(tempered(world.log_policy(np.array([pi0])), temperature))[0, RARE]
        assert 1 - miss_probability(q, n) == pytest.approx(level, rel=1e-9)


def test_cold_sampling_raises_the_threshold_and_an_impossible_one_is_one():
    at = [seen_threshold(World(), 16, t) for t in (0.6, 0.8, 1.0, 1.25, 1.5)]
    assert at == sorted(at, reverse=True)
    assert seen_threshold(World(wrong_mass=0.9), 2, 1.0) == 1.0


def ever_sampled(world, pi0, n, updates):
    """The chance under the reward-weighted rule at β = 1, exactly: until the rare one is drawn, the policy depends on
    the number of groups that the frequent one was in only."""
    frequent = 1 - world.wrong_mass - pi0
    chances = [1.0]  # of not having been drawn, by that number
    for _ in range(updates):
        after = [0.0] * (len(chances) + 1)
        for times, chance in enumerate(chances):
            grown = frequent * math.exp(world.reward * times)
            total = grown + pi0 + world.wrong_mass
            neither = (world.wrong_mass / total) ** n
            after[times] += chance * neither
            after[times + 1] += chance * ((1 - pi0 / total) ** n - neither)
        chances = after[:60]  # so often rewarded it leaves next to nothing to the rare one
        chances[-1] += sum(after[60:])
    return 1 - sum(chances)


@pytest.mark.parametrize("world, n, pi0", [
    (World(), 16, 0.01), (World(), 16, 0.001), (World(wrong_mass=0.5, wrong_paths=1), 4, 0.02),
    (World(wrong_mass=0.7, reward=2.0), 8, 0.002),
])  # fmt: skip
def test_the_chance_to_be_sampled_for_ever_stays_below_its_bound(world, n, pi0):
    bound = ever_sampled_bound(world, pi0, n, 1.0)
    some, many = (ever_sampled(world, pi0, n, updates) for updates in (500, 1_000))
    assert some == pytest.approx(many, rel=1e-5)  # what comes after does not count
    assert bound / 2 < many <= bound < 1


@pytest.mark.parametrize("updates", [1, 2, 4])
def test_the_chance_to_be_sampled_at_all_stays_below_its_bound(updates):
    """Under the reward-weighted rule; a sampled trajectory is one that has gained on the wrong ones."""
    world, n, pi0 = World(wrong_mass=0.5, wrong_paths=1), 4, 0.02
    start = world.log_policy(np.array([pi0]))[0]
    found = chain(start, world.rewards(), RULES["reward_weighted"], Update(), n=n, temperature=1.0, updates=updates)
    gained = (found.log_policy[:, RARE] - found.log_policy[:, -1]) > (start[RARE] - start[-1]) + 0.5
    chance = found.probability[gained].sum()
    assert chance <= ever_sampled_bound(world, pi0, n, 1.0) < 0.25
    assert chance == pytest.approx(1 - miss_probability(np.array(pi0), n), abs=EXACT) or updates > 1
    assert chance <= 1 - miss_probability(np.array(pi0), n * updates) + EXACT
    assert chance == pytest.approx(ever_sampled(world, pi0, n, updates), abs=1e-10)
