"""Flows, values and sub-trajectories: by hand, and by their laws on trees that can be enumerated."""

from dataclasses import dataclass, fields, replace
from itertools import pairwise, product
from math import log

import pytest
import torch
from hypothesis import given, strategies as st

from arts.training.objectives.nodes import NodeTable, log_sum_children

from .functions import rfm, subtb, value_flow
from .tables import (
    NAN,
    OUTPUT,
    TREE,
    children,
    few,
    grow,
    path,
    policy_mean,
    reward_sums,
    shares,
    table,
    tensor,
    trajectories,
    trees,
    with_twin,
    with_visits,
)

close = torch.testing.assert_close
LAMBDA = 0.5
SPACES = ["log", "probability"]
TRACES = [0.0, 0.5, 1.0]


def check(loss, value, residuals):
    close(loss.value, tensor(value))
    close(loss.residuals, tensor(residuals))


def gradient(objective, output, nodes, **options):
    output = output.clone().requires_grad_()
    return torch.autograd.grad(objective(output, nodes, **options).value, output)[0]


@dataclass(frozen=True, kw_only=True)
class Richer(NodeTable):
    """The same tree with all rewards times a constant."""

    times: float

    def log_reward(self, contrast):
        return super().log_reward(contrast) + log(self.times)


def richer(nodes, times):
    return Richer(**{f.name: getattr(nodes, f.name) for f in fields(nodes)}, times=times)


# Reasoning Flow Matching


def test_rfm_by_hand():
    root, one = log(8 / (4 + 1)), log(4 / (2 + 3))
    two, three, four = log(1 / 0.1), log(2 / 10), log(3 / 0.1)
    value = (root**2 + one**2) / 2 + LAMBDA * (two**2 + three**2 + four**2) / 3
    check(rfm(OUTPUT, TREE, leaf_weight=LAMBDA), value, [root, one, two, three, four])


def test_the_contrast_sets_the_rewards():
    residuals = [log(8 / 5), log(4 / 5), log(1 / 0.5), log(2 / 2), log(3 / 0.5)]
    for objective in (rfm, value_flow):
        loss = objective(OUTPUT, TREE, reward_contrast=4)
        close(loss.residuals[2:], tensor(residuals[2:]))
    close(rfm(OUTPUT, TREE, reward_contrast=4).residuals, tensor(residuals))


@given(trees(), st.sampled_from([4.0, 100.0]))
def test_exact_flows_are_the_minimum_of_rfm(case, contrast):
    nodes, _ = case
    flows = reward_sums(nodes, contrast).log()
    for detach in (False, True):
        options = {"leaf_weight": LAMBDA, "reward_contrast": contrast, "detach": detach}
        assert rfm(flows, nodes, **options).value == pytest.approx(0, abs=1e-20)
        assert gradient(rfm, flows, nodes, **options).abs().max() < 1e-9


@given(trees(), st.floats(0.01, 100))
def test_rewards_times_c_shift_flows_by_log_c(case, c):
    nodes, output = case
    for objective in (rfm, subtb):
        moved = objective(output + log(c), richer(nodes, c), leaf_weight=LAMBDA)
        close(moved, objective(output, nodes, leaf_weight=LAMBDA))
    assert rfm(reward_sums(nodes).log() + log(c), richer(nodes, c)).value == pytest.approx(0, abs=1e-20)


@given(trees(), st.floats(-5, 5))
def test_a_constant_changes_rfm_only_where_rewards_are(case, shift):
    nodes, output = case
    moved = rfm(output + shift, nodes).residuals - rfm(output, nodes).residuals
    close(moved, shift * nodes.leaf.double())


def test_detached_children_leave_the_value_and_only_the_parents_side_of_the_gradient():
    close(rfm(OUTPUT, TREE, detach=True, leaf_weight=LAMBDA), rfm(OUTPUT, TREE, leaf_weight=LAMBDA))
    root, one, two, three, four = rfm(OUTPUT, TREE).residuals.tolist()
    own = tensor([2 * root / 2, 2 * one / 2, *(LAMBDA * 2 * leaf / 3 for leaf in (two, three, four))])
    close(gradient(rfm, OUTPUT, TREE, detach=True, leaf_weight=LAMBDA), own)
    through_parents = tensor([0, root * 4 / 5, root * 1 / 5, one * 2 / 5, one * 3 / 5])
    close(gradient(rfm, OUTPUT, TREE, leaf_weight=LAMBDA), own - through_parents)


@given(trees())
def test_rfm_sums_distinct_children_however_often_they_were_drawn(case):
    nodes, output = case
    close(rfm(output, nodes), rfm(output, replace(nodes, visits=torch.ones_like(nodes.visits))))


@pytest.mark.parametrize("objective", [rfm, value_flow, subtb])
def test_leaf_weight_scales_the_terminal_part_only(objective):
    at = {weight: objective(OUTPUT, TREE, leaf_weight=weight).value for weight in (0.0, 1.0, 3.0)}
    leaves = (log(1 / 0.1) ** 2 + log(2 / 10) ** 2 + log(3 / 0.1) ** 2) / 3
    close(at[1.0] - at[0.0], tensor(leaves))
    close(at[3.0] - at[0.0], tensor(3 * leaves))


# Values: policy-weighted conservation


def test_value_flow_by_hand():
    root, one = log(8 / ((3 * 4 + 1 * 1) / 4)), log(4 / ((2 * 2 + 1 * 3) / 3))
    two, three, four = log(1 / 0.1), log(2 / 10), log(3 / 0.1)
    value = (root**2 + one**2) / 2 + LAMBDA * (two**2 + three**2 + four**2) / 3
    check(value_flow(OUTPUT, TREE, leaf_weight=LAMBDA), value, [root, one, two, three, four])


def test_value_flow_with_traces_by_hand():
    ahead = 2 / 3 * (2 + 10) / 2 + 1 / 3 * (3 + 0.1) / 2  # halfway between the children's flows and returns
    root = 3 / 4 * (4 + ahead) / 2 + 1 / 4 * (1 + 0.1) / 2
    residuals = value_flow(OUTPUT, TREE, trace=0.5).residuals
    close(residuals[:2], tensor([log(8 / root), log(4 / ahead)]))


def test_value_flow_in_probability_space_by_hand():
    zero, one, two, three, four = 8 / 9, 4 / 5, 1 / 2, 2 / 3, 3 / 4
    target = [3 / 4 * one + 1 / 4 * two, 2 / 3 * three + 1 / 3 * four, 0, 1, 0]
    values = [zero, one, two, three, four]
    entropy = [-(g * log(v) + (1 - g) * log(1 - v)) for g, v in zip(target, values, strict=True)]
    value = sum(entropy[:2]) / 2 + LAMBDA * sum(entropy[2:]) / 3
    loss = value_flow(OUTPUT, TREE, space="probability", leaf_weight=LAMBDA)
    check(loss, value, [v - g for g, v in zip(target, values, strict=True)])


@pytest.mark.parametrize(("contrast", "most"), [(4, 2), (100, 10)])
def test_children_count_within_the_rewards_range(contrast, most):
    beyond = tensor([0.0, 0, 0, log(50), log(0.02)])
    nodes = table([-1, 0, 0, 1, 1], correct=[NAN, NAN, 0, 1, 0])
    residuals = value_flow(beyond, nodes, reward_contrast=contrast).residuals
    close(residuals[1], tensor(-log((most + 1 / most) / 2)))
    close(residuals[3:], tensor([log(50 / most), log(0.02 * most)]))  # a leaf's own residual is not clipped


@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.parametrize("detach", [True, False])
@few
@given(case=trees())
def test_exact_values_are_a_fixed_point_of_value_flow(trace, detach, case):
    nodes, _ = case
    exact = policy_mean(nodes, nodes.log_reward(100).exp()).log()
    assert value_flow(exact, nodes, trace=trace, detach=detach).value == pytest.approx(0, abs=1e-20)
    assert gradient(value_flow, exact, nodes, trace=trace, detach=detach).abs().max() < 1e-9


@pytest.mark.parametrize("trace", TRACES)
@few
@given(case=trees())
def test_exact_success_probabilities_are_a_fixed_point_in_probability_space(trace, case):
    nodes, _ = case
    exact = policy_mean(nodes, nodes.correct).logit().clamp(-60, 60)
    loss = value_flow(exact, nodes, space="probability", trace=trace)
    close(loss.residuals, torch.zeros_like(exact), rtol=0, atol=1e-12)
    assert gradient(value_flow, exact, nodes, space="probability", trace=trace).abs().max() < 1e-12


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("trace", TRACES)
@few
@given(case=trees())
def test_targets_are_the_returns_of_a_recursion(space, trace, case):
    nodes, output = case
    share = shares(nodes)
    ended = (nodes.correct if space == "probability" else nodes.log_reward(100).exp()).tolist()
    value = (output.sigmoid() if space == "probability" else output.clamp(-log(10), log(10)).exp()).tolist()

    def target(node):
        below = children(nodes, node)
        return sum(share[c] * ((1 - trace) * value[c] + trace * target(c)) for c in below) if below else ended[node]

    targets = tensor([target(node) for node in range(len(output))])
    wanted = output.sigmoid() - targets if space == "probability" else output - targets.log()
    close(value_flow(output, nodes, space=space, trace=trace).residuals, wanted)


@given(drawn=trajectories())
def test_at_full_trace_the_target_is_the_mean_reward_of_the_rollouts_below(drawn):
    nodes, names = grow(*drawn)
    output = torch.linspace(-3, 3, len(names), dtype=torch.float64)
    below = [[10.0 if t[-1] == "+" else 0.1 for t in drawn if t == name or t[:-2].startswith(name)] for name in names]
    rewards = tensor([sum(some) / len(some) for some in below])
    inner = ~nodes.leaf
    close((output - value_flow(output, nodes, trace=1.0).residuals).exp()[inner], rewards[inner])
    success = output.sigmoid() - value_flow(output, nodes, space="probability", trace=1.0).residuals
    close(success, nodes.success)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("trace", TRACES)
@few
@given(case=trees(), data=st.data())
def test_a_child_drawn_twice_is_two_children_that_are_alike(space, trace, case, data):
    nodes, output = case
    child = data.draw(st.integers(1, len(output) - 1))
    twice = with_visits(nodes, {child: 2 * int(nodes.visits[child])})
    both, copied = with_twin(nodes, child)
    options = {"space": space, "trace": trace}
    residuals = value_flow(output, twice, **options).residuals
    close(value_flow(output[copied], both, **options).residuals, residuals[copied])
    above = nodes.parent[child]  # whose sum, in contrast, the copy adds to
    assert log_sum_children(output[copied], both.parent)[above] > log_sum_children(output, nodes.parent)[above]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("trace", TRACES)
def test_over_all_samples_the_target_is_the_exact_expectation(space, trace):
    tickets = ["ax+", "ay-", "ay-", "bx-", "by+", "cx-"]
    flow = {"": 3.0, "a": 0.3, "b": 4.0, "c": 1.5, "ax+": 8.0, "ay-": 0.5, "bx-": 1.0, "by+": 2.0, "cx-": 0.2}

    def target_at_root(drawn):
        nodes, names = grow(*drawn)
        output = tensor([flow[name] for name in names]).log()
        residual = value_flow(output, nodes, space=space, trace=trace).residuals[0]
        return output[0].sigmoid() - residual if space == "probability" else (output[0] - residual).exp()

    value = {n: f / (1 + f) for n, f in flow.items()} if space == "probability" else flow
    right, wrong = (1, 0) if space == "probability" else (10, 0.1)
    leaf = {n: (1 - trace) * value[n] + trace * (right if n[-1] == "+" else wrong) for n in tickets}
    a = (1 - trace) * value["a"] + trace * (leaf["ax+"] + 2 * leaf["ay-"]) / 3
    b = (1 - trace) * value["b"] + trace * (leaf["bx-"] + leaf["by+"]) / 2
    c = (1 - trace) * value["c"] + trace * leaf["cx-"]
    expected = (3 * a + 2 * b + 1 * c) / 6
    samples = [target_at_root(drawn) for drawn in product(tickets, repeat=3)]  # with fewer, visits could not matter
    close(torch.stack(samples).mean(), tensor(expected))


def test_the_sum_over_sampled_children_ranks_a_good_state_below_a_bad_one_and_the_mean_does_not():
    def sides(drawn):
        """Σ F and mean F over the children of g and of b, at exact flows of leaves."""
        nodes, names = grow(drawn, "bx-", "by-")
        output = nodes.log_reward(100).nan_to_num()
        states = [names.index("g"), names.index("b")]
        mean = output - value_flow(output, nodes).residuals
        return log_sum_children(output, nodes.parent).exp()[states], mean.exp()[states]

    sums, means = sides("gx-")  # the correct child of g was not drawn
    close(sums, tensor([0.1, 0.2]))
    close(means, tensor([0.1, 0.1]))
    _, lucky = sides("gy+")
    close((means + lucky) / 2, tensor([(10 + 0.1) / 2, 0.1]))  # over all draws


@pytest.mark.parametrize("draws", [1, 2, 3])
def test_over_all_samples_sums_grow_with_the_draws_and_means_do_not(draws):
    sums, means = [], []
    for drawn in product(["x-", "y-"], repeat=draws):
        nodes, _ = grow(*drawn)
        output = nodes.log_reward(100).nan_to_num()
        sums.append(log_sum_children(output, nodes.parent)[0].exp())
        means.append((output - value_flow(output, nodes).residuals)[0].exp())
    close(torch.stack(means).mean(), tensor(0.1))
    close(torch.stack(sums).mean(), tensor(0.2 * (1 - 0.5**draws)))


@pytest.mark.parametrize("space", SPACES)
@few
@given(case=trees())
def test_attached_targets_change_gradients_and_not_the_value(space, case):
    nodes, output = case
    there, here = (value_flow(output, nodes, space=space, detach=detach, trace=0.5) for detach in (True, False))
    close(there, here)


def test_detached_targets_leave_only_the_states_own_side_of_the_gradient():
    root, one = value_flow(OUTPUT, TREE).residuals[:2].tolist()
    close(gradient(value_flow, OUTPUT, TREE, leaf_weight=0), tensor([2 * root / 2, 2 * one / 2, 0, 0, 0]))
    through = tensor([0, root * 12 / 13, root * 1 / 13, one * 4 / 7, one * 3 / 7])  # shares of w·F in the mean
    attached = gradient(value_flow, OUTPUT, TREE, leaf_weight=0, detach=False)
    close(attached, tensor([root, one, 0, 0, 0]) - through)
    loss = value_flow(OUTPUT, TREE, space="probability")
    own = gradient(value_flow, OUTPUT, TREE, space="probability")
    close(own, loss.residuals / tensor([2, 2, 3, 3, 3]))


# Sub-trajectories


def test_subtb_by_hand():
    half = log(1 / 2)
    to_two = (log(8) + log(1 / 4) - log(0.1)) ** 2
    first = log(8) + half - log(4)
    to_three = [first, log(4) + log(1 / 3) - log(10), log(8) + half + log(1 / 3) - log(10)]
    to_four = [first, log(4) + log(1 / 6) - log(0.1), log(8) + half + log(1 / 6) - log(0.1)]
    three, four = ((0.5 * a**2 + 0.5 * b**2 + 0.25 * ab**2) / 1.25 for a, b, ab in (to_three, to_four))
    leaves = (log(1 / 0.1) ** 2 + log(2 / 10) ** 2 + log(3 / 0.1) ** 2) / 3
    value = (1 * to_two + 2 * three + 1 * four) / 4 + LAMBDA * leaves
    single = [0, first, log(8 / 4 / 0.1), to_three[1], to_four[1]]
    check(subtb(OUTPUT, TREE, subtb_lambda=0.5, leaf_weight=LAMBDA), value, single)


def trajectory_mean(nodes, output, loss):
    """Mean over drawn trajectories of ``loss`` of the log flows of its states and the log-probabilities of its steps.

    The log flow of the last state is its log reward.
    """
    total, drawn = 0.0, 0
    reward = nodes.log_reward(100)
    for end in nodes.leaf.nonzero()[:, 0].tolist():
        *states, _ = way = path(nodes, end)
        total += int(nodes.visits[end]) * loss([*output[states].tolist(), float(reward[end])], nodes.logprob[way[1:]])
        drawn += int(nodes.visits[end])
    return tensor(float(total / drawn))


@pytest.mark.parametrize("subtb_lambda", [0.3, 0.9, 1.0, 2.5])
@few
@given(case=trees())
def test_subtb_is_the_weighted_sum_over_all_pieces(subtb_lambda, case):
    nodes, output = case

    def pieces(flows, logprobs):
        part, whole = 0.0, 0.0
        for i in range(len(flows)):
            for j in range(i + 1, len(flows)):
                weight = subtb_lambda ** (j - i)
                part += weight * (flows[i] + logprobs[i:j].sum() - flows[j]) ** 2
                whole += weight
        return part / whole

    loss = subtb(output, nodes, subtb_lambda=subtb_lambda, leaf_weight=0)
    close(loss.value, trajectory_mean(nodes, output, pieces))


@given(trees())
def test_subtb_tends_to_detailed_balance(case):
    nodes, output = case

    def steps(flows, logprobs):
        squares = [(a + p - b) ** 2 for (a, b), p in zip(pairwise(flows), logprobs.tolist(), strict=True)]
        return sum(squares) / len(squares)

    loss = subtb(output, nodes, subtb_lambda=1e-9, leaf_weight=0)
    close(loss.value, trajectory_mean(nodes, output, steps), rtol=1e-6, atol=1e-5)


@given(trees())
def test_subtb_tends_to_trajectory_balance(case):
    nodes, output = case
    loss = subtb(output, nodes, subtb_lambda=1e9, leaf_weight=0)
    whole = trajectory_mean(nodes, output, lambda flows, logprobs: (flows[0] + logprobs.sum() - flows[-1]) ** 2)
    close(loss.value, whole, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("subtb_lambda", [1e-9, 0.9, 1e9])
@few
@given(case=trees())
def test_exact_flows_are_the_minimum_of_subtb_where_the_policy_is_proportional_to_them(subtb_lambda, case):
    nodes, _ = case
    flows = reward_sums(nodes).log()
    logprob = torch.where(nodes.parent >= 0, flows - flows[nodes.parent.clamp(min=0)], torch.zeros_like(flows))
    nodes = replace(nodes, logprob=logprob)
    loss = subtb(flows, nodes, subtb_lambda=subtb_lambda)
    assert loss.value == pytest.approx(0, abs=1e-20)
    assert gradient(subtb, flows, nodes, subtb_lambda=subtb_lambda).abs().max() < 1e-9
    close(loss.residuals, torch.zeros_like(flows), rtol=0, atol=1e-9)


@given(visits=st.lists(st.integers(1, 9), min_size=1, max_size=6), data=st.data())
def test_trajectory_balance_at_the_root_ends_at_the_evidence_lower_bound(visits, data):
    size = len(visits)
    correct = data.draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=size, max_size=size))
    policy = [count / sum(visits) for count in visits]
    nodes = table(
        [-1] + [0] * size, visits=[1, *visits], correct=[NAN, *correct], logprob=[0.0, *(log(p) for p in policy)]
    )
    output = tensor([data.draw(st.floats(-8, 8))] + [0.0] * size)
    slope = gradient(subtb, output, nodes, leaf_weight=0, subtb_lambda=1e9)
    minimum = output[0] - slope[0] / 2  # the loss is (log F − …)² + constant
    rewards = [10.0 if verdict else 0.1 for verdict in correct]
    bound = sum(p * (log(r) - log(p)) for p, r in zip(policy, rewards, strict=True))
    close(minimum, tensor(bound))
    assert minimum <= log(sum(rewards)) + 1e-9


def test_the_evidence_lower_bound_is_below_the_flow_unless_the_policy_is_proportional():
    for visits, gap in (([1, 1], log(10.1 / 2)), ([100, 1], 0.0)):
        logprob = [0.0, *(log(count / sum(visits)) for count in visits)]
        nodes = table([-1, 0, 0], visits=[1, *visits], correct=[NAN, 1, 0], logprob=logprob)
        at_zero = torch.zeros(3, dtype=torch.float64)
        minimum = -gradient(subtb, at_zero, nodes, leaf_weight=0, subtb_lambda=1e9)[0] / 2
        close(log(10.1) - minimum, tensor(gap))


@few
@given(case=trees(), data=st.data())
def test_a_trajectory_drawn_twice_counts_twice_in_subtb(case, data):
    nodes, output = case
    leaf = data.draw(st.sampled_from(nodes.leaf.nonzero()[:, 0].tolist()))
    twice = with_visits(nodes, {leaf: 2 * int(nodes.visits[leaf])})
    both, copied = with_twin(nodes, leaf)
    close(subtb(output, twice, leaf_weight=0).value, subtb(output[copied], both, leaf_weight=0).value)


def test_the_visits_of_a_leaf_weigh_its_trajectory():
    def loss(right, wrong):
        return subtb(OUTPUT, with_visits(TREE, {3: right, 4: wrong}), leaf_weight=0).value

    one, two = loss(1, 1), loss(2, 1)
    three = 4 * two - 3 * one  # what node 3's trajectory alone costs: (… + 2 L₃) − (… + L₃)
    close(loss(9, 1), (3 * one + 8 * three) / 11)
    assert (loss(10**9, 1) - three).abs() < 1e-6


@given(trees())
def test_a_leaf_s_own_flow_enters_subtb_through_its_reward_only(case):
    nodes, output = case
    slope = gradient(subtb, output, nodes, leaf_weight=0)
    assert not slope[nodes.leaf].any()
    residuals = torch.where(nodes.leaf, output - nodes.log_reward(100), torch.zeros_like(output))
    own = gradient(subtb, output, nodes) - slope
    close(own, 2 * residuals / nodes.leaf.sum())
