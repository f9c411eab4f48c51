"""Each rule against a slow, literal reading of its definition, and against finite differences of its objective."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from theory import squeeze_alpha

from arts.squeeze.policy import draw, normalised, policy_gradient, tempered
from arts.squeeze.rules import RULES, Update, kl_gradient, shared

EXACT = 1e-12
SEEDS = st.integers(0, 10_000)
TRAJECTORIES, N = 7, 5


def group(seed, rewards=None, *, runs=3, temperature=1.0):
    """A policy of each run, its reference, a group of draws of each, and rewards."""
    rng = np.random.default_rng(seed)
    log_policy, reference = (normalised(1.5 * rng.normal(size=(runs, TRAJECTORIES))) for _ in range(2))
    if rewards is None:
        rewards = (rng.random(TRAJECTORIES) < 0.5).astype(float)
    return log_policy, draw(log_policy, N, temperature, rng), np.asarray(rewards, float), reference


def each_run(log_policy, counts):
    for log_pi, row in zip(log_policy, counts, strict=True):
        yield np.exp(log_pi), np.repeat(np.arange(TRAJECTORIES), row)


def after(log_policy, step):
    return np.exp(normalised(log_policy + step))


def slope(function, z, h=1e-5):
    """Gradient of a function of one policy's logits by central differences."""
    return np.array([(function(z + h * e) - function(z - h * e)) / (2 * h) for e in np.eye(len(z))])


def surrogate(log_old, log_reference, draws, advantages, update):
    """The clipped objective of GRPO, written as its paper has it."""

    def value(z):
        log_pi = normalised(z)
        ratio = np.exp(log_pi - log_old)[draws]
        clipped = np.clip(ratio, 1 - update.eps_low, 1 + update.eps_high)
        kl = (np.exp(log_pi) * (log_pi - log_reference)).sum()
        return np.minimum(ratio * advantages, clipped * advantages).mean() - update.kl * kl

    return value


@given(SEEDS, st.floats(0.2, 5), st.floats(0.3, 2))
def test_what_was_not_sampled_is_divided_by_one_plus_alpha(seed, beta, temperature):
    log_policy, counts, rewards, reference = group(seed, [1, 1, 0.5, 0.1, 0, 0, 2], temperature=temperature)
    step = RULES["reward_weighted"](log_policy, counts, rewards, reference, Update(beta=beta))
    for i, (pi, draws) in enumerate(each_run(log_policy, counts)):
        sampled = set(draws.tolist())
        alpha = sum(pi[j] * (np.exp(rewards[j] / beta) - 1) for j in sampled)
        expected = [pi[j] * (np.exp(rewards[j] / beta) if j in sampled else 1) / (1 + alpha) for j in range(len(pi))]
        assert after(log_policy, step)[i] == pytest.approx(expected, rel=EXACT)
        assert squeeze_alpha(log_policy, step)[i] == pytest.approx(alpha, rel=EXACT, abs=1e-15)


@given(SEEDS, st.floats(0.3, 2))
def test_the_sampling_distribution_obeys_the_identity_with_beta_times_its_temperature(seed, temperature):
    log_policy, counts, rewards, reference = group(seed)
    step = RULES["reward_weighted"](log_policy, counts, rewards, reference, Update(beta=2.0))
    q, q_after = (np.exp(tempered(z, temperature)) for z in (log_policy, normalised(log_policy + step)))
    alpha = (q * (counts > 0) * np.expm1(rewards / (2.0 * temperature))).sum(axis=1, keepdims=True)
    missed = counts == 0
    assert q_after[missed] == pytest.approx((q / (1 + alpha))[missed], rel=EXACT)


def test_a_trajectory_drawn_twice_is_rewarded_once():
    log_policy, counts, rewards, reference = group(0, [1] * TRAJECTORIES)
    steps = [RULES["reward_weighted"](log_policy, c, rewards, reference, Update()) for c in (counts, 3 * counts)]
    assert (steps[0] == steps[1]).all()
    assert set(np.unique(steps[0])) == {0, 1}


@given(SEEDS)
def test_reinforce_is_the_mean_of_reward_times_score(seed):
    log_policy, counts, rewards, reference = group(seed, [1, -1, 0.5, 0, 0, 2, 1])
    step = RULES["reinforce"](log_policy, counts, rewards, reference, Update(rate=0.7, inner=3))
    for i, (pi, draws) in enumerate(each_run(log_policy, counts)):
        score = [rewards[j] * (np.eye(TRAJECTORIES)[j] - pi) for j in draws]
        assert step[i] == pytest.approx(0.7 * np.mean(score, axis=0), abs=EXACT)
        assert step[i] == pytest.approx(
            0.7 * slope(lambda z, at=draws: (rewards[at] * normalised(z)[at]).mean(), log_policy[i]), abs=1e-8
        )


@given(SEEDS)
def test_dr_grpo_with_one_pass_is_reinforce_with_the_mean_as_baseline(seed):
    log_policy, counts, rewards, reference = group(seed, [1, 0, 0.5, 0, 0, 2, 1])
    step = RULES["dr_grpo"](log_policy, counts, rewards, reference, Update())
    for i, (pi, draws) in enumerate(each_run(log_policy, counts)):
        advantages = rewards[draws] - rewards[draws].mean()
        score = [a * (np.eye(TRAJECTORIES)[j] - pi) for a, j in zip(advantages, draws, strict=True)]
        assert step[i] == pytest.approx(np.mean(score, axis=0), abs=EXACT)


@given(SEEDS)
def test_grpo_divides_by_the_spread_of_the_group(seed):
    log_policy, counts, rewards, reference = group(seed)
    scaled, plain = (RULES[r](log_policy, counts, rewards, reference, Update()) for r in ("grpo", "dr_grpo"))
    for i, (_, draws) in enumerate(each_run(log_policy, counts)):
        spread = rewards[draws].std()
        assert scaled[i] * (spread + 1e-6) == pytest.approx(plain[i], abs=EXACT)


@pytest.mark.parametrize("rule", ["grpo", "dr_grpo"])
@pytest.mark.parametrize("reward", [0.0, 0.1, 1.0, 10.0])
def test_a_group_of_equal_rewards_teaches_group_relative_rules_nothing(rule, reward):
    log_policy, counts, rewards, reference = group(1, [reward] * TRAJECTORIES, runs=50)
    assert (RULES[rule](log_policy, counts, rewards, reference, Update(inner=3)) == 0).all()


@pytest.mark.parametrize("rule", ["grpo", "dr_grpo"])
@pytest.mark.parametrize("inner, kl", [(1, 0.0), (1, 0.3), (4, 0.0), (4, 0.3)])
def test_passes_climb_the_clipped_surrogate(rule, inner, kl):
    """Every pass is rate times the slope of the published objective, clipped from the second pass on."""
    update = Update(rate=0.8, inner=inner, kl=kl, eps_low=0.1, eps_high=0.15)
    log_policy, counts, rewards, reference = group(4, [1, 1, 0, 0, 1, 0, 0], runs=20)
    step = RULES[rule](log_policy, counts, rewards, reference, update)
    clipped = 0
    for i, (_, draws) in enumerate(each_run(log_policy, counts)):
        advantages = rewards[draws] - rewards[draws].mean()
        if rule == "grpo":
            advantages = advantages / (advantages.std() + 1e-6)
        objective = surrogate(log_policy[i], reference[i], draws, advantages, update)
        z = log_policy[i].copy()
        for _ in range(inner):
            z = z + update.rate * slope(objective, z)
        assert step[i] - step[i].mean() == pytest.approx(z - log_policy[i] - (z - log_policy[i]).mean(), abs=1e-7)
        clipped += (np.abs(np.exp(normalised(z) - log_policy[i])[draws] - 1) > 0.15).any()
    assert clipped >= 10


def test_with_one_pass_the_clip_changes_nothing_and_with_more_it_does():
    log_policy, counts, rewards, reference = group(4, [1, 1, 0, 0, 1, 0, 0], runs=20)

    def step(inner, eps_low, eps_high):
        update = Update(inner=inner, eps_low=eps_low, eps_high=eps_high)
        return RULES["grpo"](log_policy, counts, rewards, reference, update)

    assert (step(1, 0, 0) == step(1, 9, 9)).all()
    assert (step(4, 0.2, 0.2) != step(4, 0.2, 0.28)).any()
    assert (step(4, 0.2, 0.2) != step(4, 0.1, 0.2)).any()


def test_clip_higher_lets_what_is_right_grow_further():
    log_policy = np.log(np.array([[0.1, 0.3, 0.6]]))
    arguments = np.array([[1, 2, 1]]), np.array([1.0, 0, 0]), log_policy
    tight, wide = (RULES["grpo"](log_policy, *arguments, Update(rate=0.5, inner=6, eps_high=e)) for e in (0.1, 0.5))
    assert after(log_policy, wide)[0, 0] > after(log_policy, tight)[0, 0] > 0.1


@given(SEEDS)
def test_the_kl_gradient_is_the_slope_of_the_divergence(seed):
    log_policy, _, _, reference = group(seed)

    def divergence(z):
        return (np.exp(normalised(z)) * (normalised(z) - reference[0])).sum()

    assert kl_gradient(log_policy, reference)[0] == pytest.approx(slope(divergence, log_policy[0]), abs=1e-7)


@pytest.mark.parametrize("rule", ["reinforce", "dr_grpo", "grpo", "exact"])
def test_where_nothing_is_learned_kl_leads_back_to_the_reference(rule):
    log_policy, counts, rewards, reference = group(3, [0.0] * TRAJECTORIES)
    step = RULES[rule](log_policy, counts, rewards, reference, Update(rate=0.1, kl=0.5))
    before, now = ((np.exp(z) * (z - reference)).sum(axis=1) for z in (log_policy, normalised(log_policy + step)))
    assert (now < before).all()


def test_the_exact_rule_is_the_slope_of_the_expected_reward():
    log_policy, counts, rewards, reference = group(5, [1, -1, 0.5, 0, 0, 2, 1])
    step = RULES["exact"](log_policy, counts, rewards, reference, Update(rate=2.0))
    assert step[0] == pytest.approx(2 * slope(lambda z: np.exp(normalised(z)) @ rewards, log_policy[0]), abs=1e-7)
    assert step == pytest.approx(2 * policy_gradient(log_policy, rewards), abs=EXACT)


@given(SEEDS, st.sampled_from(["reward_weighted", "dr_grpo", "grpo"]))
def test_missed_trajectories_keep_their_odds_right_or_wrong(seed, rule):
    log_policy, counts, rewards, reference = group(seed)
    step = RULES[rule](log_policy, counts, rewards, reference, Update())
    missed = counts == 0
    assert np.abs(step[missed]).max() < 1e-15
    change = after(log_policy, step) / np.exp(log_policy)
    factor = np.broadcast_to(1 / (1 + squeeze_alpha(log_policy, step))[:, None], change.shape)
    assert change[missed] == pytest.approx(factor[missed], rel=EXACT)


@given(SEEDS, st.floats(0.01, 3))
def test_alpha_is_at_least_that_of_the_mean_step(seed, size):
    log_policy, *_ = group(seed)
    step = size * np.random.default_rng(seed).normal(size=log_policy.shape)
    mean = (np.exp(log_policy) * step).sum(axis=1)
    assert (squeeze_alpha(log_policy, step) > np.expm1(mean)).all()
    assert squeeze_alpha(log_policy, 1e-7 * step) / 1e-7 == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("rule", ["dr_grpo", "grpo"])
def test_from_the_second_pass_on_unsampled_logits_move(rule):
    log_policy, counts, rewards, reference = group(4, [1, 1, 0, 0, 1, 0, 0], runs=20)
    missed = counts == 0
    first, second = (RULES[rule](log_policy, counts, rewards, reference, Update(inner=i))[missed] for i in (1, 2))
    assert np.abs(first).max() < 1e-15
    assert np.abs(second).max() > 0.01
    assert second.min() < 0 < second.max()


@given(SEEDS, st.sampled_from(["dr_grpo", "grpo"]), st.floats(0.01, 3))
def test_group_relative_rules_squeeze_what_they_missed_where_right_draws_are_the_more_probable(seed, rule, rate):
    """At any rate where the mean probability of right draws is the larger; else they are lifted, at small rates."""
    log_policy, counts, rewards, reference = group(seed)
    step, small = (RULES[rule](log_policy, counts, rewards, reference, Update(rate=r)) for r in (rate, 1e-5))
    for i, (pi, draws) in enumerate(each_run(log_policy, counts)):
        right = rewards[draws] == 1
        if not right.any() or right.all():
            assert (step[i] == 0).all()
            continue
        gap = pi[draws[right]].mean() - pi[draws[~right]].mean()
        p = right.mean()
        if gap >= 0:
            assert squeeze_alpha(log_policy, step)[i] > 0
        pace = np.sqrt(p * (1 - p)) if rule == "grpo" else p * (1 - p)
        assert squeeze_alpha(log_policy, small)[i] / 1e-5 == pytest.approx(pace * gap, abs=2e-4)


@given(SEEDS)
def test_reinforce_without_a_baseline_can_lift_what_it_missed_though_no_reward_is_negative(seed):
    log_policy, counts, rewards, reference = group(seed)
    step = RULES["reinforce"](log_policy, counts, rewards, reference, Update(rate=1e-6))
    change = (normalised(log_policy + step) - log_policy) / 1e-6
    for i, (pi, draws) in enumerate(each_run(log_policy, counts)):
        for j in set(range(TRAJECTORIES)) - set(draws.tolist()):
            expected = -np.mean(rewards[draws] * (pi[j] + pi[draws] - (pi**2).sum()))
            assert change[i, j] == pytest.approx(expected, abs=1e-5)


def test_reinforce_lifts_the_missed_when_a_rare_success_was_drawn():
    log_policy = np.log(np.array([[0.05, 0.05, 0.9]]))
    arguments = np.array([[1, 0, 3]]), np.array([1.0, 1.0, 0.0]), log_policy
    change = after(log_policy, RULES["reinforce"](log_policy, *arguments, Update(rate=0.1))) / np.exp(log_policy)
    assert change[0, 1] > 1


def test_shared_parameters_lift_a_missed_trajectory_that_resembles_a_rewarded_one():
    """Three trajectories, the second never sampled: alone it is squeezed, with a shared feature it rises."""
    log_policy = np.log(np.array([[0.3, 0.05, 0.65]]))
    arguments = np.array([[2, 0, 2]]), np.array([1.0, 1.0, 0.0]), log_policy
    features = np.array([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    rule = RULES["reward_weighted"]
    free = after(log_policy, rule(log_policy, *arguments, Update()))[0]
    coupled = after(log_policy, shared(rule, features)(log_policy, *arguments, Update()))[0]
    assert free[1] == pytest.approx(0.05 / (1 + 0.3 * (np.e - 1)), rel=EXACT)
    weights = np.array([0.3 * np.e, 0.05 * np.exp(0.8), 0.65])
    assert coupled == pytest.approx(weights / weights.sum(), rel=EXACT)
    assert free[1] < 0.05 < coupled[1]


def test_shared_parameters_are_gradient_ascent_on_them():
    _, counts, rewards, reference = group(6)
    features = np.random.default_rng(0).normal(size=(TRAJECTORIES, 3))
    theta = np.random.default_rng(1).normal(size=3)
    start = normalised(features @ theta)
    step = shared(RULES["dr_grpo"], features)(start[None], counts[:1], rewards, reference[:1], Update(rate=0.3))
    draws = np.repeat(np.arange(TRAJECTORIES), counts[0])
    advantages = rewards[draws] - rewards[draws].mean()
    gradient = slope(lambda t: (advantages * normalised(features @ t)[draws]).mean(), theta)
    assert step[0] == pytest.approx(0.3 * features @ gradient, abs=1e-8)


def test_features_of_their_own_are_free_logits():
    log_policy, counts, rewards, reference = group(7)
    for rule in RULES.values():
        arguments = log_policy, counts, rewards, reference, Update()
        assert shared(rule, np.eye(TRAJECTORIES))(*arguments) == pytest.approx(rule(*arguments), abs=EXACT)
