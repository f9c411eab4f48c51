import math
from dataclasses import replace

import numpy as np
import pytest
from theory import chain, miss_probability

from arts.errors import UsageError
from arts.squeeze.exact import seen_threshold
from arts.squeeze.phase import Plan, cells, moments, rows, settings, simulate_cell, survival_threshold
from arts.squeeze.policy import FREQUENT, RARE, World
from arts.squeeze.rules import RULES, Update
from arts.squeeze.simulate import Extinction, first_passage, wilson

PLAN = Plan(
    rules=("reward_weighted", "grpo"), n=(2, 4, 8), temperature=(0.8, 1.0, 1.2), pi0=(0.01, 0.05), updates=4, runs=50
)


def shares(*extinct):
    """Extinct shares of 1,000 runs."""
    return [wilson(round(1000 * share), 1000) for share in extinct]


def test_a_world_is_a_frequent_a_rare_and_equally_wrong_trajectories():
    world = World(wrong_mass=0.4, wrong_paths=4, reward=2.0, wrong_reward=-1.0)
    pi = np.exp(world.log_policy(np.array([0.01, 0.1])))
    assert pi == pytest.approx(np.array([[0.59, 0.01, *[0.1] * 4], [0.5, 0.1, *[0.1] * 4]]))
    assert world.rewards().tolist() == [2, 2, -1, -1, -1, -1]
    assert (FREQUENT, RARE) == (0, 1)


def test_at_the_floor_the_budget_misses_with_exactly_the_stated_probability():
    for budget, chance in ((1, 0.05), (256, 0.05), (1024, 0.5)):
        floor = Extinction(budget=budget, chance=chance).floor
        assert miss_probability(np.array(floor), budget) == pytest.approx(1 - chance, rel=1e-9)


def test_the_first_passage_counts_updates_and_never_is_minus_one():
    below = np.array([[0, 0, 1], [0, 0, 1], [1, 0, 0]], dtype=bool)
    assert first_passage(below).tolist() == [2, -1, 0]


def test_wilson_intervals_are_the_textbook_ones():
    none, half = wilson(0, 10), wilson(5, 10)
    z = 1.959964
    assert [none.low, none.high] == pytest.approx([0, z**2 / (10 + z**2)], abs=1e-6)
    assert [half.low, half.high] == pytest.approx([0.5 - 0.2634, 0.5 + 0.2634], abs=1e-4)


def test_moments_are_round_and_end_with_the_last_update():
    assert moments(1) == [1]
    assert moments(10) == [1, 2, 5, 10]
    assert moments(130) == [1, 2, 5, 10, 20, 50, 100, 130]


def test_the_threshold_is_where_survival_crosses_the_level_on_a_logarithmic_grid():
    pi0 = np.array([0.001, 0.01, 0.1])
    found = survival_threshold(pi0, shares(1.0, 0.75, 0.25))
    assert found.value == pytest.approx(math.sqrt(0.001))
    assert (found.low, found.high) == (0.01, 0.1)
    assert survival_threshold(pi0, shares(1.0, 0.75, 0.25), level=0.25).value == pytest.approx(0.01)


def test_a_steep_curve_claims_no_more_than_its_grid():
    found = survival_threshold(np.array([0.001, 0.01]), shares(1.0, 0.0))
    assert (found.low, found.high) == (0.001, 0.01)


@pytest.mark.parametrize("middle, low, high", [(0.49, 0.001, 0.01), (0.51, 0.01, 0.1)])
def test_a_point_that_chance_could_have_put_on_either_side_widens_the_interval(middle, low, high):
    found = survival_threshold(np.array([0.001, 0.01, 0.1]), shares(0.9, middle, 0.1))
    assert (found.low, found.high) == (0.001, 0.1)
    assert low < found.value < high


def test_thresholds_off_the_grid_say_so():
    pi0 = np.array([0.001, 0.01])
    below, above = survival_threshold(pi0, shares(0.1, 0.0)), survival_threshold(pi0, shares(1.0, 0.9))
    assert (below.low, below.value, below.high) == (0, 0, 0.001)
    assert (above.low, above.value, above.high) == (0.01, 1, 1)


def test_survival_that_chance_made_fall_is_made_level():
    found = survival_threshold(np.array([0.001, 0.01, 0.1, 0.2]), shares(0.9, 0.6, 0.7, 0.0))
    assert 0.1 < found.value < 0.2


def test_after_one_update_the_threshold_is_the_closed_one():
    """With a reward so large that whatever the group has not seen is gone."""
    plan = Plan(
        rules=("reward_weighted",),
        n=(16,),
        temperature=(0.8,),
        pi0=tuple(np.geomspace(0.02, 0.15, 9)),
        updates=1,
        runs=4_000,
        update=Update(beta=0.02),
    )
    (row,) = rows(plan, list(cells(plan)))
    assert row.seen_threshold == seen_threshold(plan.world, 16, 0.8)
    assert row.survival_threshold.low <= row.seen_threshold <= row.survival_threshold.high
    assert row.survival_threshold.value == pytest.approx(row.seen_threshold, rel=0.05)


def test_a_cell_is_what_the_exact_chain_says():
    plan = replace(
        PLAN, n=(4,), temperature=(1.0,), pi0=(0.05,), runs=4_000, updates=3, world=World(wrong_paths=1),
        extinction=Extinction(budget=8, chance=0.2),
    )  # fmt: skip
    for rule in RULES:
        cell = simulate_cell(plan, rule, 4, 1.0, 0.05)
        start = plan.world.log_policy(np.array([0.05]))[0]
        for updates, share in cell.extinct.items():
            exact = chain(start, plan.world.rewards(), RULES[rule], plan.update, n=4, temperature=1.0, updates=updates)
            gone = exact.log_policy[:, RARE] <= np.log(plan.extinction.floor)
            noise = 5 * math.sqrt(0.25 / plan.runs)
            assert share.value == pytest.approx(exact.probability[gone].sum(), abs=noise)
        assert cell.correct == pytest.approx(exact.expected()[:2].sum(), abs=0.05)
        assert cell.grew.value == pytest.approx(
            exact.probability[exact.log_policy[:, RARE] > start[RARE]].sum(), abs=noise
        )


def test_the_median_time_is_the_first_with_half_of_the_runs_gone():
    plan = replace(PLAN, runs=400, updates=60)
    cell = simulate_cell(plan, "reward_weighted", 16, 1.0, 0.1)
    assert cell.median_updates is not None
    until, short = (replace(plan, updates=cell.median_updates - cut) for cut in (0, 1))
    assert simulate_cell(until, "reward_weighted", 16, 1.0, 0.1).median_updates == cell.median_updates
    assert simulate_cell(short, "reward_weighted", 16, 1.0, 0.1).median_updates is None
    assert simulate_cell(plan, "grpo", 2, 1.0, 0.05).median_updates is None


def test_the_grid_is_a_cross_through_the_middle():
    assert PLAN.middle == (4, 1.0, 0.05)
    assert settings(PLAN) == [(2, 1.0), (4, 1.0), (8, 1.0), (4, 0.8), (4, 1.2)]
    found = list(cells(PLAN))
    assert len(found) == 2 * 5 * 2
    assert [(row.rule, row.n, row.temperature) for row in rows(PLAN, found)][5] == ("grpo", 2, 1.0)


def test_where_nothing_is_drawn_one_run_is_all_of_them():
    one, many = (simulate_cell(replace(PLAN, runs=runs), "exact", 4, 1.0, 0.05) for runs in (1, 50))
    assert one == many
    assert {(s.low, s.high, s.n) for s in one.extinct.values()} == {(0.0, 0.0, 1)}
    drawn = simulate_cell(replace(PLAN, runs=1), "grpo", 4, 1.0, 0.05).extinct[4]
    assert (drawn.low, drawn.high) != (drawn.value, drawn.value)
    plan = Plan(rules=("exact",), n=(2,), temperature=(1.0,), runs=1)
    ((row,),) = [rows(plan, list(cells(plan)))]
    assert (row.survival_threshold.low, row.survival_threshold.high) == (0.005, 0.01)


def test_a_cell_does_not_depend_on_what_else_is_simulated_but_on_the_seed():
    alone = replace(PLAN, rules=("grpo",), n=(4,), pi0=(0.05,))
    (wanted,) = [c for c in cells(PLAN) if (c.rule, c.n, c.temperature, c.pi0) == ("grpo", 4, 1.0, 0.05)]
    assert [c for c in cells(alone) if c.temperature == 1.0] == [wanted]
    assert simulate_cell(replace(PLAN, seed=1), "grpo", 4, 1.0, 0.05) != wanted


def test_more_draws_help_under_the_reward_weighted_rule_and_hurt_under_grpo():
    """In the default world, after 100 updates: the published filter in N turns round under GRPO."""
    plan = Plan(runs=100)
    small, large = (simulate_cell(plan, "reward_weighted", n, 1.0, 0.05).extinct[100].value for n in (8, 64))
    assert small > 0.9 > 0.4 > large
    small, large = (simulate_cell(plan, "grpo", n, 1.0, 0.02).extinct[100].value for n in (4, 64))
    assert small < 0.4 < 0.9 < large


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"n": (1, 4)}, "n is 1; use 2 or more, as grpo compares"),
        ({"n": (0,), "rules": ("reinforce",)}, "n is 0; use 1 or more"),
        ({"temperature": (0.0,)}, "above 0"),
        ({"temperature": (math.nan,)}, "above 0"),
        ({"pi0": (0.0,)}, r"numbers in \(0, 0.25\)"),
        ({"pi0": (0.3,)}, r"numbers in \(0, 0.25\)"),
        ({"pi0": (math.nan,)}, r"numbers in \(0, 0.25\)"),
        ({"pi0": ()}, "pi0 is empty"),
        ({"updates": 0}, "updates is 0"),
        ({"runs": 0}, "runs is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_plans_that_make_no_sense_are_refused(fields, said):
    with pytest.raises(UsageError, match=said):
        replace(PLAN, **{"rules": ("grpo",), **fields})


@pytest.mark.parametrize(
    "make, fields",
    [
        (World, {"wrong_mass": 1.0}),
        (World, {"wrong_paths": 0}),
        (World, {"wrong_reward": 1.0}),
        (Update, {"beta": 0.0}),
        (Update, {"rate": -1.0}),
        (Update, {"rate": math.inf}),
        (Update, {"inner": 0}),
        (Update, {"kl": -0.1}),
        (Update, {"kl": math.inf}),
        (Update, {"eps_low": math.inf}),
        (Update, {"eps_high": math.nan}),
        (Extinction, {"budget": 0}),
        (Extinction, {"chance": 1.0}),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(make, fields):
    with pytest.raises(UsageError, match=next(iter(fields))):
        make(**fields)


def test_one_draw_is_enough_where_draws_are_not_compared():
    assert replace(PLAN, rules=("reward_weighted", "reinforce"), n=(1,)).n == (1,)
