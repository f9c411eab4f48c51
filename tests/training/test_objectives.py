"""The objectives against arithmetic, and their laws on arbitrary trees.

The tree of the examples, with rewards 0.1 for wrong and 10 for right::

    0 ─┬─ 1 ─┬─ 3  right
       │     └─ 4  wrong
       └─ 2        wrong
"""

from dataclasses import fields
from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from arts.training.objectives import OBJECTIVES, NodeTable, log_sum_children, orm, prm, rfm, rm

LAMBDA = 0.5
NAN = float("nan")


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


TREE = NodeTable(
    parent=torch.tensor([-1, 0, 0, 1, 1]),
    log_reward=tensor([NAN, NAN, log(0.1), log(10), log(0.1)]),
    success=tensor([1 / 3, 1 / 2, 0, 1, 0]),
    problem=torch.zeros(5, dtype=torch.long),
)
OUTPUT = tensor([8.0, 4, 1, 2, 3]).log()
"""The network's numbers: flows 8, 4, 1, 2, 3; read as odds these are probabilities 8/9, 4/5, 1/2, 2/3, 3/4."""


def check(loss, value, residuals):
    torch.testing.assert_close(loss.value, tensor(value))
    torch.testing.assert_close(loss.residuals, tensor(residuals))


def test_rfm_by_hand():
    root, one = log(8 / (4 + 1)), log(4 / (2 + 3))
    two, three, four = log(1 / 0.1), log(2 / 10), log(3 / 0.1)
    value = (root**2 + one**2) / 2 + LAMBDA * (two**2 + three**2 + four**2) / 3
    check(rfm(OUTPUT, TREE, LAMBDA), value, [root, one, two, three, four])


def test_prm_by_hand():
    one, two, three, four = 4 / 5 - 1 / 2, 1 / 2 - 0, 2 / 3 - 1, 3 / 4 - 0
    value = (one**2 + two**2 + three**2 + four**2) / 4  # the root is no step
    check(prm(OUTPUT, TREE, LAMBDA), value, [8 / 9 - 1 / 3, one, two, three, four])


def test_rm_by_hand():
    over_two, over_four = 2 / (2 + 1), 2 / (2 + 3)  # σ(log a − log b) = a / (a + b)
    check(rm(OUTPUT, TREE, LAMBDA), -(log(over_two) + log(over_four)) / 2, [1 - over_two, 1 - over_four])


def test_orm_by_hand():
    two, three, four = 1 / 2, 2 / 3, 3 / 4
    value = -(log(1 - two) + log(three) + log(1 - four)) / 3
    check(orm(OUTPUT, TREE, LAMBDA), value, [0, 0, two, three - 1, four])


def permuted(nodes, order):
    """The table whose i-th node is the old ``order[i]``-th."""
    columns = {f.name: getattr(nodes, f.name)[order] for f in fields(nodes)}
    place = torch.argsort(order)
    columns["parent"] = torch.where(columns["parent"] < 0, -1, place[columns["parent"]])
    return NodeTable(**columns)


def forest(*tables):
    """The tables one after another, each a problem of its own."""
    columns = {f.name: [getattr(t, f.name) for t in tables] for f in fields(NodeTable)}
    columns["problem"] = [t.problem + i for i, t in enumerate(tables)]
    starts = torch.tensor([0, *(len(t.parent) for t in tables)]).cumsum(0)
    columns["parent"] = [torch.where(t.parent < 0, -1, t.parent + s) for t, s in zip(tables, starts, strict=False)]
    return NodeTable(**{name: torch.cat(parts) for name, parts in columns.items()})


@st.composite
def trees(draw):
    """A random tree with random verdicts, and random network outputs for it."""
    size = draw(st.integers(2, 12))
    parents = [-1, *(draw(st.integers(0, i - 1)) for i in range(1, size))]
    rewards = [NAN if i in parents else draw(st.sampled_from([0.1, 10.0])) for i in range(size)]
    rates = draw(st.lists(st.floats(0, 1), min_size=size, max_size=size))
    output = draw(st.lists(st.floats(-8, 8), min_size=size, max_size=size))
    zero = torch.zeros(size, dtype=torch.long)
    table = NodeTable(
        parent=torch.tensor(parents), log_reward=tensor(rewards).log(), success=tensor(rates), problem=zero
    )
    return table, tensor(output)


def exact_log_flows(nodes):
    """Log of the rewards' sum below each node."""
    flows = nodes.log_reward.exp().nan_to_num().tolist()
    for node in range(len(flows) - 1, 0, -1):
        flows[nodes.parent[node]] += flows[node]
    return tensor(flows).log()


every_objective = pytest.mark.parametrize("objective", [spec.loss for spec in OBJECTIVES.values()], ids=OBJECTIVES)


@given(trees())
def test_exact_flows_are_the_minimum_of_rfm(case):
    nodes, _ = case
    flows = exact_log_flows(nodes).requires_grad_()
    loss = rfm(flows, nodes, LAMBDA)
    assert loss.value.item() == pytest.approx(0, abs=1e-20)
    (gradient,) = torch.autograd.grad(loss.value, flows)
    assert gradient.abs().max() < 1e-9


@given(trees(), st.floats(0.01, 100))
def test_rewards_times_c_shift_rfm_by_log_c(case, c):
    nodes, output = case
    table = {f.name: getattr(nodes, f.name) for f in fields(nodes)}
    richer = NodeTable(**{**table, "log_reward": nodes.log_reward + log(c)})
    torch.testing.assert_close(rfm(output + log(c), richer, LAMBDA), rfm(output, nodes, LAMBDA))


@given(trees(), st.floats(-5, 5))
def test_a_constant_changes_rfm_only_where_rewards_are(case, shift):
    nodes, output = case
    moved = rfm(output + shift, nodes, LAMBDA).residuals - rfm(output, nodes, LAMBDA).residuals
    torch.testing.assert_close(moved, shift * (~nodes.log_reward.isnan()).double())


def test_leaf_weight_scales_the_terminal_part_only():
    at = {weight: rfm(OUTPUT, TREE, weight).value for weight in (0.0, 1.0, 3.0)}
    torch.testing.assert_close(at[0.0], tensor((log(8 / 5) ** 2 + log(4 / 5) ** 2) / 2))
    torch.testing.assert_close(at[3.0] - at[0.0], 3 * (at[1.0] - at[0.0]))
    for objective in (prm, rm, orm):
        assert objective(OUTPUT, TREE, 0.0).value == objective(OUTPUT, TREE, 9.0).value


def test_flow_into_a_node_is_the_sum_over_its_children():
    expected = tensor([4 + 1, 2 + 3, 0, 0, 0]).log()
    torch.testing.assert_close(log_sum_children(OUTPUT, TREE.parent), expected)


@every_objective
@given(case=trees(), data=st.data())
def test_the_order_of_nodes_does_not_matter(objective, case, data):
    nodes, output = case
    order = torch.tensor(data.draw(st.permutations(range(len(output)))))
    there, here = objective(output[order], permuted(nodes, order), LAMBDA), objective(output, nodes, LAMBDA)
    torch.testing.assert_close(there.value, here.value)
    if objective is rm:  # its residuals are per pair, in no promised order
        torch.testing.assert_close(there.residuals.sort().values, here.residuals.sort().values)
    else:
        torch.testing.assert_close(there.residuals, here.residuals[order])


@every_objective
@settings(max_examples=10)
@given(case=trees())
def test_gradients_are_those_of_finite_differences(objective, case):
    nodes, output = case
    assert torch.autograd.gradcheck(lambda x: objective(x, nodes, LAMBDA).value, output.requires_grad_())


@every_objective
@pytest.mark.parametrize("size", [1e3, -1e3])
def test_extreme_outputs_have_finite_gradients(objective, size):
    output = (size * torch.arange(5.0)).requires_grad_()
    value = objective(output, TREE, LAMBDA).value
    value.backward()
    assert value.isfinite()
    assert output.grad.isfinite().all()


@pytest.mark.parametrize(("objective", "read"), [(prm, [1, 2, 3, 4]), (rm, [2, 3, 4]), (orm, [2, 3, 4])])
def test_only_the_documented_states_are_read(objective, read):
    output = OUTPUT.clone().requires_grad_()
    objective(output, TREE, LAMBDA).value.backward()
    assert output.grad.nonzero()[:, 0].tolist() == read


def test_rm_compares_within_a_problem_only():
    nodes = forest(TREE, TREE)
    per_problem = tensor([3.0] * 5 + [-7.0] * 5)
    plain = rm(OUTPUT.repeat(2), nodes, LAMBDA)
    assert len(plain.residuals) == 2 * 2
    torch.testing.assert_close(rm(OUTPUT.repeat(2) + per_problem, nodes, LAMBDA), plain)


def chain(reward):
    """A problem with one solution of one step."""
    return NodeTable(
        parent=torch.tensor([-1, 0]),
        log_reward=tensor([NAN, log(reward)]),
        success=tensor([0.5, 0.5]),
        problem=torch.zeros(2, dtype=torch.long),
    )


def test_rm_weighs_problems_alike_and_skips_those_without_pairs():
    one_pair = NodeTable(
        parent=torch.tensor([-1, 0, 0]),
        log_reward=tensor([NAN, log(10), log(0.1)]),
        success=tensor([0.5, 1, 0]),
        problem=torch.zeros(3, dtype=torch.long),
    )
    strengths = tensor([9.0, 5, 2]).log()
    both = rm(torch.cat([OUTPUT, strengths, OUTPUT[:2]]), forest(TREE, one_pair, chain(10)), LAMBDA).value
    first = (log(3 / 2) + log(5 / 2)) / 2  # as by hand above
    torch.testing.assert_close(both, tensor((first + log(7 / 5)) / 2))


@pytest.mark.parametrize("reward", [0.1, 10.0])
def test_rm_without_any_pair_is_zero_and_moves_nothing(reward):
    output = tensor([1.0, 2.0]).requires_grad_()
    loss = rm(output, chain(reward), LAMBDA)
    loss.value.backward()
    assert (loss.value, len(loss.residuals)) == (0, 0)
    assert not output.grad.any()


def test_other_objectives_pool_the_nodes_of_all_problems():
    nodes, output = forest(TREE, chain(10)), torch.cat([OUTPUT, tensor([2.0, 5.0]).log()])
    inner = log(8 / 5) ** 2 + log(4 / 5) ** 2 + log(2 / 5) ** 2
    leaves = log(1 / 0.1) ** 2 + log(2 / 10) ** 2 + log(3 / 0.1) ** 2 + log(5 / 10) ** 2
    torch.testing.assert_close(rfm(output, nodes, LAMBDA).value, tensor(inner / 3 + LAMBDA * leaves / 4))
    entropy = -(log(1 / 2) + log(2 / 3) + log(1 / 4) + log(5 / 6))
    torch.testing.assert_close(orm(output, nodes, LAMBDA).value, tensor(entropy / 4))
    squares = (4 / 5 - 1 / 2) ** 2 + (1 / 2) ** 2 + (1 / 3) ** 2 + (3 / 4) ** 2 + (5 / 6 - 1 / 2) ** 2
    torch.testing.assert_close(prm(output, nodes, LAMBDA).value, tensor(squares / 5))


def test_a_step_nobody_graded_teaches_prm_nothing():
    columns = {f.name: getattr(TREE, f.name) for f in fields(TREE)}
    nodes = NodeTable(**{**columns, "success": tensor([NAN, NAN, 0, 1, 0])})
    value = ((1 / 2) ** 2 + (1 / 3) ** 2 + (3 / 4) ** 2) / 3
    torch.testing.assert_close(prm(OUTPUT, nodes, LAMBDA).value, tensor(value))
